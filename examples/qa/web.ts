/** The web process. Prints where it listens. */
import { serve } from "@hono/node-server";
import type { AddressInfo } from "node:net";
import { app, closeDatabase } from "./app.ts";
import { following, followUnfinished } from "./posts.ts";
import { live, site } from "./site.ts";

await followUnfinished();

const server = serve(
  { fetch: site.fetch, hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) },
  (address: AddressInfo) => {
    console.log(`http://127.0.0.1:${address.port}/`);
  },
);
server.on("error", (error) => {
  console.error(`The web process cannot listen: ${error.message}. PORT=3001 npm start tries another port.`);
  process.exit(1);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    live.close();
    following.stop();
    // Browsers keep their connections open, and no request is under way on those; soon, nor on those of the streams.
    const idle = setInterval(() => {
      if ("closeIdleConnections" in server) server.closeIdleConnections();
    }, 100);
    server.close(async () => {
      clearInterval(idle);
      await app.close();
      closeDatabase();
    });
  });
}

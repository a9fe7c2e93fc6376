/** The web process. Prints where it listens. */
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import type { AddressInfo } from "node:net";
import { app, closeDatabase } from "./app.ts";
import { page } from "./page.ts";
import { answer, ask, comment } from "./posts.ts";

const web = new Hono();

/** A field of a form, which must be there and not be empty. */
function field(form: Record<string, unknown>, name: string): string {
  const value = form[name];
  if (typeof value === "string" && value.trim() !== "" && value.length <= 10_000) return value.trim();
  throw new RangeError(`${name} must be text, 1 to 10,000 letters long`);
}

function id(form: Record<string, unknown>, name: string): number {
  const value = Number(field(form, name));
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`${name} must be the number of a post`);
}

web.get("/", async (context) => context.html(await page()));

web.post("/questions", async (context) => {
  const form = await context.req.parseBody();
  await ask({ title: field(form, "title"), body: field(form, "body") });
  return context.redirect("/", 303);
});

web.post("/answers", async (context) => {
  const form = await context.req.parseBody();
  await answer({ questionId: id(form, "questionId"), body: field(form, "body") });
  return context.redirect("/", 303);
});

web.post("/comments", async (context) => {
  const form = await context.req.parseBody();
  const aboutModel = field(form, "aboutModel");
  if (aboutModel !== "qa.Question" && aboutModel !== "qa.Answer")
    throw new RangeError("a comment is about a question or an answer");
  await comment({ aboutModel, aboutId: id(form, "aboutId"), body: field(form, "body") });
  return context.redirect("/", 303);
});

web.onError(async (error, context) => {
  if (error instanceof RangeError) return context.html(await page(error.message), 400);
  console.error(error);
  return context.html(await page("Something went wrong; nothing was saved. Try again."), 500);
});

const server = serve(
  { fetch: web.fetch, hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) },
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
    server.close(async () => {
      await app.close();
      closeDatabase();
    });
    // Browsers keep their connections open, and no request is under way on those.
    if ("closeIdleConnections" in server) server.closeIdleConnections();
  });
}

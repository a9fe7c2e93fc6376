/** petiole relay: sends what transactions left in the outbox, until told to stop. @module */
import type { App } from "./app-module.ts";

/** Runs a relay until SIGTERM or SIGINT. */
export async function relay(app: App): Promise<number> {
  const running = app.relay();
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
  });
  await running.start();
  console.log("the relay is ready");
  const signal = await stopped;
  console.log(`${signal}: stopping`);
  await running.stop();
  await app.close();
  console.log("the relay has stopped");
  return 0;
}

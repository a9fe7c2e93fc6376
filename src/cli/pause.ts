/** petiole pause, petiole resume: nothing is taken from queues for a while. @module */
import { queueName } from "../task/options.ts";
import type { App } from "./app-module.ts";
import type { Invocation } from "./arguments.ts";

/** Pauses or resumes the named queues, in every process. Says what became of each. */
export async function pauseOrResume(
  { engine }: App,
  { names }: Invocation,
  command: "pause" | "resume",
): Promise<number> {
  // All of them before the first is paused: a name that cannot be is most likely a slip.
  const queues = [...new Set(names)].map(queueName);
  const paused = await engine.paused();
  for (const queue of queues) {
    const wasPaused = paused.includes(queue);
    await engine[command](queue);
    if (command === "pause") console.log(`queue ${queue} ${wasPaused ? "was paused before" : "is paused"}`);
    else console.log(`queue ${queue} ${wasPaused ? "is resumed" : "was not paused"}`);
  }
  return 0;
}

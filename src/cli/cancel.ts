/** petiole cancel: calls off tasks that have not ended. @module */
import { PetioleError } from "../errors.ts";
import type { App } from "./app-module.ts";
import type { Invocation } from "./arguments.ts";

/** Cancels the named tasks. Says how many there were; those that run are told, and end by themselves. */
export async function cancel(app: App, { names: ids }: Invocation): Promise<number> {
  const refused: string[] = [];
  let [ended, told] = [0, 0];
  // One by one, so that those which cannot be cancelled can be named.
  for (const id of new Set(ids)) {
    const reason = { code: "ERR_TASK_CANCELLED", message: "cancelled on the command line" };
    if ((await app.engine.cancel([id], reason)) === 0) refused.push(id);
    else if ((await app.engine.find(id))?.state === "cancelled") ended++;
    else told++;
  }
  console.log(`${ended} ${ended === 1 ? "task" : "tasks"} cancelled`);
  if (told > 0) console.log(`${told} running ${told === 1 ? "task" : "tasks"} told to stop`);
  if (refused.length > 0) {
    throw new PetioleError(
      "ERR_TASK_NOT_FOUND",
      `Not cancelled: ${refused.join(", ")}. No scheduled, waiting or running task that was not cancelled before has such an id.`,
    );
  }
  return 0;
}

/** petiole status: how many tasks there are. @module */
import { endStates, type TaskState } from "../engine.ts";
import type { App } from "./app-module.ts";
import type { Invocation } from "./arguments.ts";
import { table } from "./table.ts";

const states: readonly TaskState[] = ["scheduled", "waiting", "running", ...endStates];

/** Prints a row for each queue and a column for each state. */
export async function status(app: App, { flags }: Invocation): Promise<number> {
  const counts = await app.engine.counts();
  if (flags.json === true) {
    console.log(JSON.stringify(counts));
    return 0;
  }
  const queues = [...new Set(counts.map((count) => count.queue))].sort();
  const rows = queues.map((queue) => [
    queue,
    ...states.map((state) =>
      String(counts.find((count) => count.queue === queue && count.state === state)?.count ?? 0),
    ),
  ]);
  console.log(rows.length > 0 ? table([["queue", ...states], ...rows]) : "no tasks");
  return 0;
}

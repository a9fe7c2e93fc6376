/** petiole status: how many tasks there are. @module */
import { endStates, type QueueCount, type TaskState } from "../engine.ts";
import type { App } from "./app-module.ts";
import type { Invocation } from "./arguments.ts";
import { table } from "./table.ts";

const states: readonly TaskState[] = ["scheduled", "waiting", "running", ...endStates];

/** Prints a row for each queue and a column for each state. */
export async function status({ engine }: App, { flags }: Invocation): Promise<number> {
  const [counts, paused] = await Promise.all([engine.counts(), engine.paused()]);
  if (flags.json === true) {
    console.log(JSON.stringify(withPauses(counts, paused)));
    return 0;
  }
  const queues = [...new Set([...counts.map((count) => count.queue), ...paused])].sort();
  const rows = queues.map((queue) => [
    paused.includes(queue) ? `${queue} (paused)` : queue,
    ...states.map((state) =>
      String(counts.find((count) => count.queue === queue && count.state === state)?.count ?? 0),
    ),
  ]);
  console.log(rows.length > 0 ? table([["queue", ...states], ...rows]) : "no tasks");
  return 0;
}

/** Counts that also say which queues are paused, those that hold nothing too. */
function withPauses(counts: readonly QueueCount[], paused: readonly string[]): object[] {
  const empty = paused.filter((queue) => !counts.some((count) => count.queue === queue));
  return [
    ...counts.map((count) => (paused.includes(count.queue) ? { ...count, paused: true } : count)),
    ...empty.map((queue) => ({ queue, state: "waiting", count: 0, paused: true })),
  ];
}

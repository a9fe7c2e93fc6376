/** petiole failed, petiole parked: what waits for a person. @module */
import type { TaskRecord } from "../engine.ts";
import type { App } from "./app-module.ts";
import type { Invocation } from "./arguments.ts";
import { table } from "./table.ts";
import { shownTime } from "./time.ts";

/** Prints the oldest tasks in a state, with their reasons. */
export async function list(app: App, { flags }: Invocation, state: "failed" | "parked"): Promise<number> {
  const { limit = 100 } = flags;
  const { records, next } = await app.engine.list({
    states: [state],
    limit,
    ...(flags.task === undefined ? {} : { task: flags.task }),
    ...(flags.queue === undefined ? {} : { queue: flags.queue }),
  });
  if (flags.json === true) {
    for (const record of records) console.log(JSON.stringify(record));
    return 0;
  }
  const rows = records.map(rowOf);
  console.log(
    rows.length > 0
      ? table([["id", "task", "queue", "attempts", "ended", "code", "reason"], ...rows])
      : `no ${state} tasks`,
  );
  if (next !== undefined) console.log(`… and more; the first ${limit} are shown (--limit N)`);
  return 0;
}

function rowOf({ message, attempts, endedAt, reason }: TaskRecord): string[] {
  return [
    message.id,
    message.task,
    message.queue,
    String(attempts),
    endedAt === undefined ? "" : shownTime(endedAt),
    reason?.code ?? "",
    reason?.message ?? "",
  ];
}

/** petiole show: all about one task. @module */
import type { LogLine, TaskRecord } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import type { Json } from "../message.ts";
import type { App } from "./app-module.ts";
import type { Invocation } from "./arguments.ts";
import { table } from "./table.ts";
import { shownTime } from "./time.ts";

/** Prints a line for each thing that is known about a task, and what it logged. */
export async function show(app: App, { names: ids, flags }: Invocation): Promise<number> {
  const id = ids[0]!;
  const record = await app.engine.find(id);
  if (!record) {
    throw new PetioleError(
      "ERR_TASK_NOT_FOUND",
      `There is no task ${id}: it was never sent to this engine, or it ended longer ago than tasks are kept.`,
    );
  }
  const logs = await app.engine.logs(id);
  console.log(
    flags.json === true ? JSON.stringify({ ...record, logs }) : table([...rowsOf(record), ...logRows(logs)]),
  );
  return 0;
}

function rowsOf(record: TaskRecord): string[][] {
  const { message, progress, reason, worker, result } = record;
  return [
    ["id", message.id],
    ["task", message.task],
    ["queue", message.queue],
    ["state", record.state],
    ["priority", String(record.priority)],
    ["attempts", String(record.attempts)],
    ["crashes", String(record.crashes)],
    ["deferrals", String(record.deferrals)],
    ["sent", shownTime(record.sentAt)],
    ["runs at", shownTime(record.runAt)],
    ...(record.startedAt === undefined ? [] : [["started", shownTime(record.startedAt)]]),
    ...(record.endedAt === undefined ? [] : [["ended", shownTime(record.endedAt)]]),
    ...(worker === undefined ? [] : [["worker", worker]]),
    ...(progress
      ? [["progress", `${Math.round(progress.fraction * 100)} % ${textOf(progress.note ?? "")}`]]
      : []),
    ...(reason ? block("reason", `${reason.code}: ${reason.message}`) : []),
    ...(reason?.details === undefined ? [] : detailRows(reason.details, reason.message)),
    ["headers", JSON.stringify(message.headers)],
    ["payload", message.payload],
    ...(result === undefined ? [] : [["result", result]]),
  ];
}

/**
 * The details of a reason, each by its name where they have names: a stack is to be read line by line. A thrown
 * error's message is told already.
 */
function detailRows(details: Json, told: string): string[][] {
  if (typeof details !== "object" || details === null || Array.isArray(details)) {
    return block("details", textOf(details));
  }
  return Object.entries(details)
    .filter(([, detail]) => detail !== told)
    .flatMap(([name, detail]) => block(`  ${name}`, textOf(detail as Json)));
}

function logRows(lines: readonly LogLine[]): string[][] {
  return lines.map(({ at, text }, index) => [index === 0 ? "log" : "", `${shownTime(at)}  ${text}`]);
}

/** A text of several lines as several rows. */
function block(name: string, text: string): string[][] {
  return text.split("\n").map((line, index) => [index === 0 ? name : "", line]);
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * Everything about a task, of its job's hash.
 *
 * @module
 */
import type { LogLine, Progress, TaskRecord, TaskState } from "../../engine.ts";
import { fromPriority, isObject, messageOf, reasonOf, unkept, unreadable } from "./job.ts";
import { fromJobId, fromText, toText } from "./names.ts";

/** A record, as the scripts give it: queue, job id, state, and the fields of the hash, one after the other. */
export type RecordReply = readonly [string, string, TaskState, readonly string[]] | readonly [];

/** The record of a reply; undefined for none. A job that cannot be read is shown as parked, with what is wrong. */
export function recordOf(reply: RecordReply): TaskRecord | undefined {
  const [queue, jobId, state, list] = reply;
  if (queue === undefined || jobId === undefined || state === undefined || list === undefined)
    return undefined;
  const fields = new Map<string, string>();
  for (let index = 0; index < list.length; index += 2) fields.set(list[index]!, list[index + 1]!);
  try {
    return read(queue, jobId, state, fields);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return damaged(queue, jobId, state, fields, error.message);
  }
}

function read(
  queue: string,
  jobId: string,
  state: TaskState,
  fields: ReadonlyMap<string, string>,
): TaskRecord {
  const message = messageOf(
    queue,
    jobId,
    fields.get("name") ?? "",
    fields.get("data") ?? "",
    fields.get("pt") ?? "",
  );
  const why = fields.get("pt:why");
  const failedReason = fields.get("failedReason");
  const reason =
    state === "succeeded"
      ? undefined
      : why !== undefined
        ? reasonOf(why, "pt:why")
        : failedReason !== undefined
          ? { code: "ERR_TASK_FAILED", message: failedReason }
          : undefined;
  const result = state === "succeeded" ? fields.get("returnvalue") : undefined;
  return {
    message,
    state,
    ...countsOf(fields),
    ...(reason !== undefined && { reason }),
    ...(result !== undefined && { result: unkept(result, fields.get("pt:form") as "string" | undefined) }),
  };
}

function damaged(
  queue: string,
  jobId: string,
  state: TaskState,
  fields: ReadonlyMap<string, string>,
  problem: string,
): TaskRecord {
  return {
    message: {
      id: fromJobId(jobId),
      task: fromText(fields.get("name") ?? ""),
      queue: fromText(queue),
      payload: fields.get("data") ?? "",
      headers: { wire: 1 },
    },
    state,
    ...countsOf(fields),
    reason: unreadable(problem),
  };
}

function countsOf(
  fields: ReadonlyMap<string, string>,
): Omit<TaskRecord, "message" | "state" | "reason" | "result"> {
  const number = (field: string): number => Number(fields.get(field) ?? 0);
  const [startedAt, endedAt, worker] = ["processedOn", "finishedOn", "pb"].map((field) => fields.get(field));
  const progress = progressOf(fields.get("progress"));
  return {
    attempts: number("atm"),
    crashes: number("stc"),
    deferrals: number("pt:def"),
    priority: fields.has("pt") ? fromPriority(number("priority")) : 0,
    sentAt: number("timestamp"),
    runAt: fields.has("pt:run") ? number("pt:run") : number("timestamp") + number("delay"),
    ...(startedAt !== undefined && { startedAt: Number(startedAt) }),
    ...(endedAt !== undefined && { endedAt: Number(endedAt) }),
    ...(worker !== undefined && { worker: fromText(worker) }),
    ...(progress !== undefined && { progress }),
  };
}

/** What cannot be read is none: nothing depends on it. A number is how BullMQ's users tell their progress. */
function progressOf(text: string | undefined): Progress | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "number") return { fraction: Math.min(1, Math.max(0, value / 100)) };
    return isObject(value) && typeof value["fraction"] === "number"
      ? (value as unknown as Progress)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A line of a job's log, as BullMQ's users read it. */
export function lineText({ at, text }: LogLine): string {
  // Outside of these no date can be written.
  const time = Math.abs(at) <= 8.64e15 && Number.isInteger(at) ? new Date(at).toISOString() : `@${at}`;
  return `${time} ${toText(text)}`;
}

/** The line of a text; one that others wrote has no time. */
export function lineOf(stored: string): LogLine {
  const end = stored.indexOf(" ");
  const time = stored.slice(0, end);
  const at = time.startsWith("@")
    ? Number(time.slice(1))
    : isoTime.test(time)
      ? Date.parse(time)
      : Number.NaN;
  return Number.isNaN(at) || end < 0
    ? { at: 0, text: fromText(stored) }
    : { at, text: fromText(stored.slice(end + 1)) };
}

const isoTime = /^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * Rows of the tasks table as messages and records.
 *
 * @module
 */
import type { SQLOutputValue } from "node:sqlite";
import { endStates } from "../../engine.ts";
import type { Progress, Reason, TaskRecord, TaskState } from "../../engine.ts";
import type { Message, MessageHeaders } from "../../message.ts";
import { fromColumn } from "../shared/text.ts";

/** A row as `node:sqlite` gives it. */
export type Row = Record<string, SQLOutputValue>;

/** The columns that {@link readMessage} reads. */
export const messageColumns = "id, task, queue, payload, headers";

/**
 * Columns of whole numbers, as JavaScript can have them: of a row with one that is beyond, `node:sqlite` gives nothing, nor of
 * those that are read with it.
 */
export function numbers(...columns: readonly string[]): string {
  const [least, most] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  return columns.map((column) => `max(min(tasks.${column}, ${most}), ${least}) AS ${column}`).join(", ");
}

/** So many more in a column that counts; what is beyond all counts stays at the end. */
export function more(column: string, by: 1 | "?" = 1): string {
  return `${column} = max(min(${column}, ${Number.MAX_SAFE_INTEGER - 1}), 0) + ${by}`;
}

/** The columns that {@link readRecord} reads. */
export const recordColumns =
  `sequence, ${messageColumns}, state, worker, reason, result, progress, ` +
  numbers("attempts", "crashes", "deferrals", "priority", "sent_at", "run_at", "started_at", "ended_at");

const states: ReadonlySet<unknown> = new Set(["scheduled", "waiting", "running", ...endStates]);

/** The message of a row. Throws when the row holds something else. */
export function readMessage(row: Row): Message {
  return {
    id: text(row, "id"),
    task: text(row, "task"),
    queue: text(row, "queue"),
    payload: text(row, "payload"),
    headers: headers(row),
  };
}

/** Everything about a row's task. A row that is damaged gives what can be read of it, and a reason that says so. */
export function readRecord(row: Row): TaskRecord {
  const problems: string[] = [];
  const lenient = <T>(read: () => T, instead: T): T => {
    try {
      return read();
    } catch (error) {
      problems.push(problemOf(error));
      return instead;
    }
  };
  const message: Message = {
    id: lenient(() => text(row, "id"), ""),
    task: lenient(() => text(row, "task"), ""),
    queue: lenient(() => text(row, "queue"), ""),
    payload: lenient(() => text(row, "payload"), ""),
    headers: lenient(() => headers(row), { wire: 0 }),
  };
  const state = lenient(() => stateOf(row), "parked");
  const worker = lenient(() => optionalText(row, "worker"), undefined);
  const result = lenient(() => optionalText(row, "result"), undefined);
  const progress = progressOf(row);
  const startedAt = row["started_at"];
  const endedAt = row["ended_at"];
  const told = lenient(() => readReason(row, "reason"), undefined);
  const reason = problems.length > 0 ? unreadable(problems.join("; ")) : told;
  return {
    message,
    state,
    attempts: Number(row["attempts"]),
    crashes: Number(row["crashes"]),
    deferrals: Number(row["deferrals"]),
    priority: Number(row["priority"]),
    sentAt: Number(row["sent_at"]),
    runAt: Number(row["run_at"]),
    ...(typeof startedAt === "number" && { startedAt }),
    ...(typeof endedAt === "number" && { endedAt }),
    ...(worker !== undefined && { worker }),
    ...(reason !== undefined && { reason }),
    ...(result !== undefined && { result }),
    ...(progress !== undefined && { progress }),
  };
}

/** Why a row is parked that cannot be read; its bytes stay as they are. */
export function unreadable(problem: string): Reason {
  return {
    code: "ERR_ENGINE_ROW_UNREADABLE",
    message: `The task's row in the engine's file is damaged: ${problem}. It is kept as it is; repair it there and retry the task, or discard it.`,
  };
}

/** What an error says is wrong with a row. */
export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether a state is an end. A state that is not known counts as parked. */
export function isEnd(state: SQLOutputValue | undefined): boolean {
  return state !== "scheduled" && state !== "waiting" && state !== "running";
}

/** A state as stored; one that is not known counts as parked. */
export function knownState(state: SQLOutputValue | undefined): TaskState {
  return isState(state) ? state : "parked";
}

function isState(state: unknown): state is TaskState {
  return states.has(state);
}

function stateOf(row: Row): TaskState {
  const state = row["state"];
  if (!isState(state)) throw new TypeError(`state is ${JSON.stringify(state)}`);
  return state;
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`${column} is not text`);
  try {
    return fromColumn(value);
  } catch {
    throw new TypeError(`${column} is not text as it was stored`);
  }
}

function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column);
}

function headers(row: Row): MessageHeaders {
  const value = parsed(row, "headers");
  if (!isObject(value) || typeof value["wire"] !== "number")
    throw new TypeError("headers is no object with a wire version");
  return value as MessageHeaders;
}

/** The reason in a column; undefined where there is none. Throws when the column holds something else. */
export function readReason(row: Row, column: string): Reason | undefined {
  if (row[column] === null) return undefined;
  const value = parsed(row, column);
  const valid = isObject(value) && typeof value["code"] === "string" && typeof value["message"] === "string";
  if (!valid) throw new TypeError(`${column} has no code and message`);
  return value as unknown as Reason;
}

/** The progress of a row. What cannot be read is none: nothing depends on it. */
function progressOf(row: Row): Progress | undefined {
  if (row["progress"] === null) return undefined;
  try {
    const value = parsed(row, "progress");
    return isObject(value) && typeof value["fraction"] === "number"
      ? (value as unknown as Progress)
      : undefined;
  } catch {
    return undefined;
  }
}

function parsed(row: Row, column: string): unknown {
  try {
    return JSON.parse(row[column] as string);
  } catch {
    throw new TypeError(`${column} is not JSON`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

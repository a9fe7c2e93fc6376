/**
 * What workers answer, from anyone: checked, and what is none left out.
 *
 * @module
 */
import type { Json } from "../../../message.ts";
import { isObject } from "../protocol/malformed.ts";

/** What workers have answered, Python's and ours together. */
export interface CeleryReplies<Value> {
  /** The answers, by the workers' names. */
  readonly replies: ReadonlyMap<string, Value>;
  /** What workers have answered instead, that could not do it: why, by their names. */
  readonly errors: ReadonlyMap<string, string>;
  /** How many answers were none that can be read. */
  readonly ignored: number;
}

/** A task that a worker has. Times are epoch milliseconds. */
export interface CeleryTaskInfo {
  /** The task's id. */
  readonly id: string;
  /** As it is shown: the task's name, unless its sender has given it another. */
  readonly name: string;
  /** The task's name. */
  readonly task: string;
  /** The positional arguments; a text that describes them, where the worker tells no more. */
  readonly args: Json;
  /** The arguments by name; a text that describes them, where the worker tells no more. */
  readonly kwargs: Json;
  /** The node that has it. */
  readonly worker: string;
  /** When it was begun; undefined where it was not. */
  readonly startedAt?: number;
  /** The queue that it was sent to; undefined where it was sent to an exchange, which knows the queues. */
  readonly queue?: string;
}

/** A task that waits in a worker for its time, or for its rate. */
export interface CeleryScheduledTask {
  /** Epoch milliseconds; undefined where the worker names no time. */
  readonly runAt?: number;
  /** What waits. */
  readonly request: CeleryTaskInfo;
}

/** What a worker tells of itself. */
export interface CeleryStats {
  /** The id of its process on its machine. */
  readonly pid?: number;
  /** Runs at the same time. */
  readonly concurrency?: number;
  /** Seconds since its start. */
  readonly uptime?: number;
  /** Tasks that it has begun, by name. */
  readonly total: Readonly<Record<string, number>>;
  /** All that it tells, as it is. */
  readonly all: Readonly<Record<string, Json>>;
}

/** Reads one worker's answer; undefined for what is none. */
export type ReadReply<Value> = (answer: unknown) => Value | undefined;

/** Collects answers. A worker counts once: with its first. */
export class Replies<Value> implements CeleryReplies<Value> {
  readonly replies = new Map<string, Value>();
  readonly errors = new Map<string, string>();
  ignored = 0;
  readonly #read: ReadReply<Value>;

  constructor(read: ReadReply<Value>) {
    this.#read = read;
  }

  /** How many have answered. */
  get count(): number {
    return this.replies.size + this.errors.size;
  }

  /** An answer, from anyone: `{ worker: answer }`. */
  add(body: unknown): void {
    const entries = isObject(body) ? Object.entries(body) : [];
    if (entries.length === 0 || this.count + entries.length > most) this.ignored += 1;
    else for (const [worker, answer] of entries) this.#addOne(worker, answer);
  }

  #addOne(worker: string, answer: unknown): void {
    if (worker.length > 500 || this.replies.has(worker) || this.errors.has(worker)) {
      this.ignored += 1;
      return;
    }
    if (isObject(answer) && typeof answer["error"] === "string") {
      this.errors.set(worker, answer["error"]);
      return;
    }
    const value = this.#read(answer);
    if (value === undefined) this.ignored += 1;
    else this.replies.set(worker, value);
  }
}

/** So many workers are heard. */
const most = 10_000;

/** `{ ok: text }`. */
export function readOk(answer: unknown): string | undefined {
  return isObject(answer) && typeof answer["ok"] === "string" ? answer["ok"] : undefined;
}

/** As it is. */
export function readAny(answer: unknown): Json | undefined {
  return answer as Json;
}

/** A list of texts. */
export function readTexts(answer: unknown): readonly string[] | undefined {
  return Array.isArray(answer) ? answer.filter((each) => typeof each === "string") : undefined;
}

/** A list of tasks. What is none among them is left out. */
export function readTasks(answer: unknown): readonly CeleryTaskInfo[] | undefined {
  return Array.isArray(answer) ? answer.flatMap((each) => readTask(each) ?? []) : undefined;
}

/** A list of tasks that wait for their times. */
export function readScheduled(answer: unknown): readonly CeleryScheduledTask[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  return answer.flatMap((each: unknown) => {
    if (!isObject(each)) return [];
    const { eta, request: told } = each;
    const request = readTask(told);
    if (request === undefined) return [];
    if (eta === undefined || eta === null) return [{ request }];
    const runAt = typeof eta === "string" ? Date.parse(eta) : Number.NaN;
    return Number.isNaN(runAt) ? [] : [{ runAt, request }];
  });
}

/** What a worker tells of itself. */
export function readStats(answer: unknown): CeleryStats | undefined {
  if (!isObject(answer)) return undefined;
  const { pid, uptime, total, pool } = answer;
  const concurrency = isObject(pool) ? pool["max-concurrency"] : undefined;
  const totals = Object.entries(isObject(total) ? total : {}).filter(
    ([, count]) => typeof count === "number",
  );
  return {
    ...(typeof pid === "number" && { pid }),
    ...(typeof uptime === "number" && { uptime }),
    ...(typeof concurrency === "number" && { concurrency }),
    total: Object.fromEntries(totals) as Record<string, number>,
    all: answer as Record<string, Json>,
  };
}

function readTask(told: unknown): CeleryTaskInfo | undefined {
  if (!isObject(told) || typeof told["id"] !== "string") return undefined;
  const { id, name, type, args, kwargs, hostname, time_start: start, delivery_info: info } = told;
  const { exchange, routing_key: key } = isObject(info) ? info : {};
  // The default exchange has its queues' names for keys, and Celery's own exchanges of one queue are called as it is.
  const queue = exchange === undefined || exchange === "" || exchange === key ? key : undefined;
  const shown = typeof name === "string" ? name : "";
  return {
    id,
    name: shown,
    task: typeof type === "string" ? type : shown,
    args: (args ?? null) as Json,
    kwargs: (kwargs ?? null) as Json,
    worker: typeof hostname === "string" ? hostname : "",
    ...(typeof start === "number" && { startedAt: start * 1000 }),
    ...(typeof queue === "string" && { queue }),
  };
}

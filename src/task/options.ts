/** What can be said about a task: defaults, checks. @module */
import type { LaneLimit } from "../engine.ts";
import { PetioleError, describe } from "../errors.ts";
import type { Json } from "../message.ts";
import { upgrading, type Evolution } from "../value/evolution.ts";
import { isSchema, type StandardSchemaLike } from "../value/schema.ts";
import { milliseconds, type Duration } from "./duration.ts";
import { checkTaskNames } from "./option-names.ts";
import type { RowsAdmitNull } from "./portable.ts";

/** Which errors a rule is about: a class of errors, or a function that tells. */
export type ErrorMatch = (abstract new (...parameters: never) => object) | ((error: unknown) => boolean);

/** How a failed run is followed by another. */
export interface RetryOptions {
  /** Runs in all, the first included. 8 unless told. */
  readonly attempts?: number;
  /** Between the first run and the second. 1 s unless told. */
  readonly delay?: Duration;
  /** How much longer each delay is than the one before. 2 unless told. */
  readonly factor?: number;
  /** No delay is longer. 1 h unless told. */
  readonly maxDelay?: Duration;
  /** The part of a delay that is random, 0 to 1: 0.5, unless told, gives half of the delay to all of it. */
  readonly jitter?: number;
}

/** At most so many starts in any span of so long. */
export interface RateLimit {
  /** How many may start. A whole number above 0. */
  readonly limit: number;
  /** In any span of this length. */
  readonly per: Duration;
}

/** A de-duplication key, and how long it is held: unless told, until the task that holds it ends. */
export type UniqueOption = string | { readonly key: string; readonly lasts?: Duration };

/** Options of a task that hold for whatever its payload is; an app's `defaults` are these. */
export interface GeneralTaskOptions {
  /** Where it waits. `"default"` unless told. */
  readonly queue?: string;
  /** Within a queue, the higher runs first. A whole number from -1,000,000 to 1,000,000; 0 unless told. */
  readonly priority?: number;
  /** Not run any more this long after it first may: it ends as expired. Never unless told. */
  readonly expires?: Duration;
  /** How a failed run is followed by another. 8 runs in all, with growing delays from 1 s on, unless told. */
  readonly retry?: RetryOptions;
  /** When given, only these errors lead to another run; others fail the task at once. */
  readonly retryOn?: readonly ErrorMatch[];
  /** These errors end the task as discarded: kept for a while, not failed. */
  readonly discardOn?: readonly ErrorMatch[];
  /** A run that takes longer is aborted through `job.signal` and counts as failed. None unless told. */
  readonly timeout?: Duration;
  /**
   * When a row that the payload refers to is not there: `fail` the task (unless told), `skip` it, or `wait` for a
   * row that is not visible yet, which holds no place in the worker and counts no attempt, and then fail.
   */
  readonly ifMissing?: "fail" | "skip" | "wait";
  /** With `ifMissing: "wait"`, for how long. 1 minute unless told. */
  readonly waitFor?: Duration;
  /**
   * When a row that the payload refers to has changed since it was sent: `run` the task (unless told), `skip` it, or
   * `fail` it. A row's version tells, or a digest of its fields where its model has none. A reference may say otherwise.
   */
  readonly ifChanged?: "run" | "skip" | "fail";
  /** The fields of rows travel with their references, so that the handler can ask `job.drift(row)`. Default: false. */
  readonly drift?: boolean;
  /**
   * What becomes of a snapshot's fields that its model does not have, any more or yet, when `entity` or `save()` makes a
   * row of it: `refuse` (unless told), or `drop` them. Fields that the model has and the snapshot has not are left alone.
   */
  readonly unknownFields?: "refuse" | "drop";
  /**
   * For how long the record of a task that has ended, and its result, are kept. The engine's retention unless
   * told, 24 h with SQLite. Failed and parked tasks are kept for good.
   */
  readonly keep?: Duration;
}

/**
 * Options of a task. What is left out comes from the app's `defaults`.
 *
 * `Payload` is what its handler gets, `Sent` what `enqueue` takes, `Rows` the app's models' rows.
 */
export interface TaskOptions<Payload = unknown, Sent = unknown, Rows = object>
  extends Omit<GeneralTaskOptions, "ifMissing">, Evolution<unknown> {
  /** As {@link GeneralTaskOptions.ifMissing}; and `null`, in place of the row, where the payload's type admits it. */
  readonly ifMissing?:
    | GeneralTaskOptions["ifMissing"]
    | (RowsAdmitNull<Payload, Rows> extends true ? "null" : never);
  /** At most this many run at once, over all workers. */
  readonly concurrency?: number;
  /** At most so many start in any span of time, over all workers. */
  readonly rate?: RateLimit;
  /** The key under which a payload is sent only once at a time; undefined for none. */
  readonly unique?: (payload: Sent) => UniqueOption | undefined;
  /**
   * Any Standard Schema (zod, valibot, arktype, …) of the payload, checked at the send and on arrival. It must
   * take its own output. What is sent by reference is still a reference at the send, and the row on arrival.
   */
  readonly schema?: StandardSchemaLike<unknown, Payload>;
}

/** Options of one send, over those of the task. */
export interface EnqueueOptions {
  /** Not before this long from now. */
  readonly delay?: Duration;
  /** Not before this time. */
  readonly runAt?: Date;
  /** Another queue than the task's. */
  readonly queue?: string;
  /** Within a queue, the higher runs first. */
  readonly priority?: number;
  /** Not run any more this long after it first may, or after this time. */
  readonly expires?: Duration | Date;
  /**
   * Send only if no other task of this name holds the same key. For a duplicate, `enqueue` returns the handle of
   * the one that holds it.
   */
  readonly unique?: UniqueOption;
  /**
   * What travels beside the payload, readable on the other side as `headers`: plain JSON. What middleware puts there is
   * beside it, and takes its place under the same name. An engine may have a function that makes some for it.
   */
  readonly headers?: Readonly<Record<string, Json>>;
  /**
   * The handle of a transaction: sent when it commits. Unless told, the transaction that `enqueue` is called in, if it
   * is called in one.
   */
  readonly transaction?: object;
}

/** {@link TaskOptions} with everything decided, times in milliseconds. */
export interface TaskSettings {
  readonly queue: string;
  readonly priority: number;
  readonly expires: number | undefined;
  readonly attempts: number;
  readonly delay: number;
  readonly factor: number;
  readonly maxDelay: number;
  readonly jitter: number;
  readonly retryOn: readonly ErrorMatch[] | undefined;
  readonly discardOn: readonly ErrorMatch[];
  readonly timeout: number | undefined;
  readonly ifMissing: "fail" | "skip" | "wait" | "null";
  readonly waitFor: number;
  readonly ifChanged: "run" | "skip" | "fail";
  readonly drift: boolean;
  readonly unknownFields: "refuse" | "drop";
  readonly keep: number | undefined;
  readonly limit: LaneLimit | undefined;
  readonly unique: ((payload: never) => UniqueOption | undefined) | undefined;
  readonly schema: StandardSchemaLike | undefined;
  /** Of the payloads that are sent. */
  readonly version: number;
  /** A payload of an older version in the present one. Throws a `ValueError`. */
  readonly upgrade: (payload: unknown, version: number) => unknown;
  readonly aliases: readonly string[];
}

/**
 * What holds for a task: its own options over the app's over the defaults.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for an option that is not as it should be
 */
export function settingsOf(
  task: string,
  options: AnyTaskOptions,
  defaults: GeneralTaskOptions,
): TaskSettings {
  checkTaskNames(task, options);
  const all: AnyTaskOptions = { ...defaults, ...options };
  const retry = {
    attempts: 8,
    delay: 1000,
    factor: 2,
    maxDelay: "1h",
    jitter: 0.5,
    ...defaults.retry,
    ...options.retry,
  } as const;
  const named = (option: string): string => `${option} of task ${task}`;
  const check = (holds: boolean, option: string, must: string, received: unknown): void => {
    if (!holds) throw optionError(named(option), must, received);
  };
  const duration = (value: Duration | undefined, option: string): number | undefined =>
    value === undefined ? undefined : milliseconds(value, named(option));
  check(isCount(retry.attempts), "retry.attempts", "be a whole number above 0", retry.attempts);
  check(retry.factor >= 1, "retry.factor", "be a number of 1 or more", retry.factor);
  check(retry.jitter >= 0 && retry.jitter <= 1, "retry.jitter", "be a number from 0 to 1", retry.jitter);
  for (const option of ["retryOn", "discardOn", "aliases"] as const)
    check(Array.isArray(all[option] ?? []), option, "be an array", all[option]);
  for (const option of ["retryOn", "discardOn"] as const) {
    for (const match of all[option] ?? []) {
      check(typeof match === "function", option, "hold classes and functions", match);
    }
  }
  const { ifMissing = "fail", concurrency, rate, unique, schema } = all;
  check(
    ["fail", "skip", "wait", "null"].includes(ifMissing),
    "ifMissing",
    'be "fail", "skip", "wait" or "null"',
    ifMissing,
  );
  const { ifChanged = "run", drift = false, unknownFields = "refuse" } = all;
  check(["run", "skip", "fail"].includes(ifChanged), "ifChanged", 'be "run", "skip" or "fail"', ifChanged);
  check(typeof drift === "boolean", "drift", "be true or false", drift);
  check(["refuse", "drop"].includes(unknownFields), "unknownFields", 'be "refuse" or "drop"', unknownFields);
  check(
    concurrency === undefined || isCount(concurrency),
    "concurrency",
    "be a whole number above 0",
    concurrency,
  );
  check(rate === undefined || isCount(rate.limit), "rate.limit", "be a whole number above 0", rate?.limit);
  check(rate === undefined || rate.per !== undefined, "rate.per", "be a duration", rate?.per);
  check(
    unique === undefined || typeof unique === "function",
    "unique",
    "be a function of the payload",
    unique,
  );
  check(schema === undefined || isSchema(schema), "schema", "be a Standard Schema", schema);
  const { version = 1, aliases = [] } = all;
  const upgrade = upgrading(all, { owner: `task ${task}`, code: "ERR_OPTION_INVALID", layout: "value" });
  const per = duration(rate?.per, "rate.per");
  const limit: LaneLimit = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(rate && per !== undefined ? { rate: { limit: rate.limit, per } } : {}),
  };
  return {
    queue: queueName(all.queue ?? "default"),
    priority: priorityOf(all.priority ?? 0, named("priority")),
    expires: duration(all.expires, "expires"),
    attempts: retry.attempts,
    delay: milliseconds(retry.delay, named("retry.delay")),
    factor: retry.factor,
    maxDelay: milliseconds(retry.maxDelay, named("retry.maxDelay")),
    jitter: retry.jitter,
    retryOn: all.retryOn,
    discardOn: all.discardOn ?? [],
    timeout: duration(all.timeout, "timeout"),
    ifMissing,
    waitFor: milliseconds(all.waitFor ?? "1m", named("waitFor")),
    ifChanged,
    drift,
    unknownFields,
    keep: duration(all.keep, "keep"),
    limit: concurrency === undefined && rate === undefined ? undefined : limit,
    unique,
    schema: schema as StandardSchemaLike | undefined,
    version,
    upgrade,
    aliases: aliases.map((alias) => checkedName(alias, named("an alias"))),
  };
}

/** {@link TaskOptions} whatever their payload. */
export type AnyTaskOptions = Omit<TaskOptions<unknown, never>, "ifMissing"> & {
  readonly ifMissing?: TaskSettings["ifMissing"];
};

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** A priority, checked. */
export function priorityOf(priority: unknown, option: string): number {
  if (Number.isInteger(priority) && Math.abs(priority as number) <= 1_000_000) return priority as number;
  throw optionError(option, "be a whole number from -1000000 to 1000000", priority);
}

/** A queue's name, checked. */
export function queueName(queue: unknown): string {
  return checkedName(queue, "queue");
}

/** A task's name, checked. */
export function taskName(name: unknown): string {
  return checkedName(name, "A task's name");
}

function checkedName(name: unknown, option: string): string {
  if (typeof name === "string" && /^[\w.:/-]{1,200}$/.test(name)) return name;
  throw optionError(option, "be 1 to 200 letters, digits and . _ - : /", name);
}

/** When a send may first run, in epoch milliseconds. */
export function runAtOf(options: EnqueueOptions, now: number): number {
  const { delay, runAt } = options;
  if (runAt === undefined) return now + (delay === undefined ? 0 : milliseconds(delay, "delay"));
  if (delay !== undefined) throw optionError("runAt", "not be given together with delay", runAt);
  const time = runAt instanceof Date ? runAt.getTime() : NaN;
  if (Number.isNaN(time)) throw optionError("runAt", "be a valid Date", runAt);
  return time;
}

/** An option that is not as it should be. */
export function optionError(option: string, must: string, received: unknown): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `${option} must ${must}, received ${describe(received)}.`);
}

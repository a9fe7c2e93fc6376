/** What can be said about a task: defaults, checks. @module */
import { PetioleError, describe } from "../errors.ts";
import { milliseconds, type Duration } from "./duration.ts";

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

/** Options of a task. What is left out comes from the app's `defaults`. */
export interface TaskOptions {
  /** Where it waits. `"default"` unless told. */
  readonly queue?: string;
  readonly retry?: RetryOptions;
  /** When given, only these errors lead to another run; others fail the task at once. */
  readonly retryOn?: readonly ErrorMatch[];
  /** These errors end the task as discarded: kept for a while, not failed. */
  readonly discardOn?: readonly ErrorMatch[];
  /** A run that takes longer is aborted through `job.signal` and counts as failed. None unless told. */
  readonly timeout?: Duration;
  /** When a row that the payload refers to is gone: `fail` the task (unless told), or `skip` it. */
  readonly ifMissing?: "fail" | "skip";
}

/** Options of one send. */
export interface EnqueueOptions {
  /** Not before this long from now. */
  readonly delay?: Duration;
  /** Not before this time. */
  readonly runAt?: Date;
  /** Another queue than the task's. */
  readonly queue?: string;
}

/** {@link TaskOptions} with everything decided, times in milliseconds. */
export interface TaskSettings {
  readonly queue: string;
  readonly attempts: number;
  readonly delay: number;
  readonly factor: number;
  readonly maxDelay: number;
  readonly jitter: number;
  readonly retryOn: readonly ErrorMatch[] | undefined;
  readonly discardOn: readonly ErrorMatch[];
  readonly timeout: number | undefined;
  readonly ifMissing: "fail" | "skip";
}

/**
 * What holds for a task: its own options over the app's over the defaults.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for an option that is not as it should be
 */
export function settingsOf(task: string, options: TaskOptions, defaults: TaskOptions): TaskSettings {
  const all = { ...defaults, ...options };
  const retry = {
    attempts: 8,
    delay: 1000,
    factor: 2,
    maxDelay: "1h",
    jitter: 0.5,
    ...defaults.retry,
    ...options.retry,
  } as const;
  const check = (holds: boolean, option: string, must: string, received: unknown): void => {
    if (!holds) throw optionError(`${option} of task ${task}`, must, received);
  };
  check(
    Number.isInteger(retry.attempts) && retry.attempts > 0,
    "retry.attempts",
    "be a whole number above 0",
    retry.attempts,
  );
  check(retry.factor >= 1, "retry.factor", "be a number of 1 or more", retry.factor);
  check(retry.jitter >= 0 && retry.jitter <= 1, "retry.jitter", "be a number from 0 to 1", retry.jitter);
  for (const option of ["retryOn", "discardOn"] as const) {
    for (const match of all[option] ?? [])
      check(typeof match === "function", option, "hold classes and functions", match);
  }
  const ifMissing = all.ifMissing ?? "fail";
  check(ifMissing === "fail" || ifMissing === "skip", "ifMissing", 'be "fail" or "skip"', ifMissing);
  return {
    queue: queueName(all.queue ?? "default"),
    attempts: retry.attempts,
    delay: milliseconds(retry.delay, `retry.delay of task ${task}`),
    factor: retry.factor,
    maxDelay: milliseconds(retry.maxDelay, `retry.maxDelay of task ${task}`),
    jitter: retry.jitter,
    retryOn: all.retryOn,
    discardOn: all.discardOn ?? [],
    timeout: all.timeout === undefined ? undefined : milliseconds(all.timeout, `timeout of task ${task}`),
    ifMissing,
  };
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

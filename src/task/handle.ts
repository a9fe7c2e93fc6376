/** Handles: what `enqueue` gives back. @module */
import {
  endStates,
  type Engine,
  type LogLine,
  type Progress,
  type TaskRecord,
  type TaskState,
} from "../engine.ts";
import { PetioleError, TaskError, checkNames, type ErrorCode } from "../errors.ts";
import type { TaskWire } from "../wire/wire.ts";
import { after, milliseconds, type Duration } from "./duration.ts";
import type { Sending } from "./scope.ts";

/** How long to wait for a result. */
export interface WaitOptions {
  /** For ever unless told. */
  readonly timeout?: Duration;
  /** Gives up when it aborts, with its reason. What is waited for goes on. */
  readonly signal?: AbortSignal;
}

/** A task that was enqueued. `Result` is what its handler returns. */
export interface Handle<Result> {
  /** Known at once, also when the send waits for a commit. */
  readonly id: string;

  /**
   * What the handler returned, once it has.
   *
   * @param options - `timeout`: how long to wait, for ever unless told; `signal`: gives up when it aborts
   * @throws TaskError `ERR_TASK_FAILED`, `ERR_TASK_TIMEOUT`, `ERR_TASK_SKIPPED`, `ERR_TASK_DISCARDED`,
   *   `ERR_TASK_EXPIRED`, `ERR_TASK_CANCELLED`, `ERR_TASK_PARKED`
   * @throws PetioleError `ERR_RESULT_TIMEOUT`, and the task goes on; `ERR_TASK_NOT_FOUND` when it is no longer
   *   kept; `ERR_TASK_NOT_SENT` while its transaction is open, or when that was rolled back
   */
  result(options?: WaitOptions): Promise<Result>;

  /**
   * Calls the task off. One that has not begun will not; one that runs, in any process, is told through its
   * `job.signal`, and ends as cancelled unless it succeeds or fails for good all the same.
   *
   * @returns whether there was anything left to call off
   */
  cancel(why?: string): Promise<boolean>;

  /**
   * How far the task has come: what its handler last told, and whatever it tells from now on, until it ends.
   * Of several in a row it may give the last alone.
   *
   * @throws PetioleError `ERR_TASK_NOT_FOUND`, `ERR_TASK_NOT_SENT`
   *
   * @example
   * for await (const { fraction, note } of handle.progress()) console.log(`${fraction * 100} %`, note);
   */
  progress(): AsyncIterable<Progress>;

  /** What the handler logged so far, oldest first, over all attempts. */
  logs(): Promise<readonly LogLine[]>;
}

/** What a handle needs of its app. */
export interface HandleContext {
  readonly engine: Engine;
  readonly wire: TaskWire;
}

/** A handle on a task that this process sent, or, without `sending`, on one that was sent before. */
export function makeHandle<Result>(
  context: HandleContext,
  task: string,
  id: string,
  sending?: Sending,
): Handle<Result> {
  const { engine, wire } = context;
  return {
    id,
    async result(options = {}) {
      checkSent(task, id, sending);
      const record = await within(options, { task, id }, async (signal) => {
        await untilSent(task, id, sending, signal);
        return engine.ended(id, signal);
      });
      if (!record) throw notFound(task, id);
      return resultOf(record, wire, task) as Result;
    },
    async cancel(why = "cancelled by its sender") {
      if (sending?.state === "held" && (sending.withdraw === undefined || (await sending.withdraw(id)))) {
        sending.cancelled.add(id);
        return true;
      }
      await sending?.done;
      // A duplicate that was found at a commit stands for the one that holds its key.
      const holder = (await engine.find(id))?.message.id ?? id;
      return (await engine.cancel([holder], { code: "ERR_TASK_CANCELLED", message: why })) > 0;
    },
    progress: () => progressOf(engine, task, id, sending),
    logs: () => engine.logs(id),
  };
}

/** See {@link Handle.progress}. */
export async function* progressOf(
  engine: Engine,
  task: string,
  id: string,
  sending: Sending | undefined,
): AsyncGenerator<Progress, void, undefined> {
  checkSent(task, id, sending);
  await untilSent(task, id, sending);
  let wake: () => void = () => {};
  const stop = engine.watch(id, () => wake());
  // An engine's listening does not keep the process alive, and whoever follows a task wants to. It also ends without
  // a word when the engine is closed, which looking again tells.
  const alive = setInterval(() => wake(), 1000);
  try {
    let isKnown = false;
    for (let told: string | undefined; ;) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const record = await engine.find(id);
      // Gone after it was there: it has ended, and was not kept.
      if (!record && isKnown) return;
      if (!record && engine.capabilities.lacks.records === undefined) throw notFound(task, id);
      isKnown ||= record !== undefined;
      const progress = record?.progress;
      const text = JSON.stringify(progress);
      if (progress && text !== told) yield progress;
      told = text;
      if (record && isEnd(record.state)) return;
      await changed;
    }
  } finally {
    clearInterval(alive);
    stop();
  }
}

/** @throws PetioleError `ERR_TASK_NOT_SENT` */
export function checkSent(task: string, id: string, sending: Sending | undefined): void {
  if (!sending) return;
  if (sending.cancelled.has(id)) throw notSent(task, id, "it was cancelled before its transaction committed");
  const why = unsent[sending.state];
  if (why !== undefined) throw notSent(task, id, why);
}

const unsent: Partial<Record<Sending["state"], string>> = {
  held: "its transaction is open: it is sent when that commits, so await its result after",
  "rolled back": "its transaction was rolled back",
  refused: "the engine refused it after the commit",
};

export function notSent(task: string, id: string, why: string): PetioleError {
  return new PetioleError("ERR_TASK_NOT_SENT", `Task ${task} (${id}) was not sent: ${why}.`);
}

/** The error of a task that is not there. */
export function notFound(task: string, id: string): PetioleError {
  return new PetioleError(
    "ERR_TASK_NOT_FOUND",
    `There is no task ${task} (${id}): it was never sent to this engine, or it ended longer ago than tasks are kept.`,
  );
}

/** Resolves when what was committed is sent, which an outbox does later. */
export async function untilSent(
  task: string,
  id: string,
  sending: Sending | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (sending?.state !== "sending") return;
  const aborted = new Promise<never>((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  await Promise.race([sending.done, aborted]);
  checkSent(task, id, sending);
}

/** Gives up after a time, or when a signal aborts; never, unless told. */
export async function within<Result>(
  options: WaitOptions,
  { task, id }: { readonly task: string; readonly id: string },
  run: (signal?: AbortSignal) => Promise<Result>,
): Promise<Result> {
  checkNames("The options of result()", options, { timeout: true, signal: true });
  const { timeout, signal } = options;
  signal?.throwIfAborted();
  if (timeout === undefined) return run(signal);
  const time = milliseconds(timeout, "timeout of result()");
  const controller = new AbortController();
  const stopTimer = after(time, () => {
    const text = `Task ${task} (${id}) has not ended after ${time} ms; it goes on.`;
    controller.abort(new PetioleError("ERR_RESULT_TIMEOUT", text));
  });
  try {
    return await run(signal ? AbortSignal.any([signal, controller.signal]) : controller.signal);
  } finally {
    stopTimer();
  }
}

const codes: Partial<Record<TaskRecord["state"], ErrorCode>> = {
  failed: "ERR_TASK_FAILED",
  parked: "ERR_TASK_PARKED",
  skipped: "ERR_TASK_SKIPPED",
  discarded: "ERR_TASK_DISCARDED",
  expired: "ERR_TASK_EXPIRED",
  cancelled: "ERR_TASK_CANCELLED",
};

function isEnd(state: TaskState): boolean {
  return (endStates as readonly TaskState[]).includes(state);
}

/**
 * What the handler of a task that has ended returned.
 *
 * @throws TaskError when it has not succeeded
 */
export function resultOf(
  { message, state, reason, result }: TaskRecord,
  wire: TaskWire,
  name: string,
): unknown {
  const code = reason?.code === "ERR_TASK_TIMEOUT" && state === "failed" ? reason.code : codes[state];
  if (code) {
    // A worker that is no Petiole's may not have told what it ran.
    const { id } = message;
    const task = message.task === "" ? name : message.task;
    throw new TaskError(code, { id, task, reason: reason ?? { code, message: "no reason was kept" } });
  }
  return wire.open(result ?? "null", "result").decode();
}

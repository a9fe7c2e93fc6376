/** Handles: what `enqueue` gives back. @module */
import type { Engine, TaskRecord } from "../engine.ts";
import { PetioleError, TaskError, type ErrorCode } from "../errors.ts";
import type { TaskWire } from "../wire/wire.ts";
import { after, milliseconds, type Duration } from "./duration.ts";
import type { Sending } from "./transaction.ts";

/** A task that was enqueued. `Result` is what its handler returns. */
export interface Handle<Result> {
  /** Known at once, also when the send waits for a commit. */
  readonly id: string;

  /**
   * What the handler returned, once it has.
   *
   * @param options - `timeout`: how long to wait; for ever unless told
   * @throws TaskError `ERR_TASK_FAILED`, `ERR_TASK_SKIPPED`, `ERR_TASK_DISCARDED`, `ERR_TASK_PARKED`
   * @throws PetioleError `ERR_RESULT_TIMEOUT`, and the task goes on; `ERR_TASK_NOT_FOUND` when it is no longer
   *   kept; `ERR_TASK_NOT_SENT` while its transaction is open, or when that was rolled back
   */
  result(options?: { readonly timeout?: Duration }): Promise<Result>;
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
  return {
    id,
    async result({ timeout } = {}) {
      if (sending?.state === "held") {
        throw notSent(
          task,
          id,
          "its transaction is open: it is sent when that commits, so await its result after",
        );
      }
      if (sending?.state === "rolled back") throw notSent(task, id, "its transaction was rolled back");
      if (sending?.state === "refused") throw notSent(task, id, "the engine refused it after the commit");
      return resultOf(await ended(context.engine, task, id, timeout), context.wire) as Result;
    },
  };
}

function notSent(task: string, id: string, why: string): PetioleError {
  return new PetioleError("ERR_TASK_NOT_SENT", `Task ${task} (${id}) was not sent: ${why}.`);
}

async function ended(
  engine: Engine,
  task: string,
  id: string,
  timeout: Duration | undefined,
): Promise<TaskRecord> {
  const record = await (timeout === undefined
    ? engine.ended(id)
    : endedWithin(engine, task, id, milliseconds(timeout, "timeout of result()")));
  if (!record) {
    throw new PetioleError(
      "ERR_TASK_NOT_FOUND",
      `There is no task ${task} (${id}): it was never sent to this engine, or it ended longer ago than tasks are kept.`,
    );
  }
  return record;
}

async function endedWithin(
  engine: Engine,
  task: string,
  id: string,
  timeout: number,
): Promise<TaskRecord | undefined> {
  const controller = new AbortController();
  const stopTimer = after(timeout, () => {
    controller.abort(
      new PetioleError(
        "ERR_RESULT_TIMEOUT",
        `Task ${task} (${id}) has not ended after ${timeout} ms; it goes on.`,
      ),
    );
  });
  try {
    return await engine.ended(id, controller.signal);
  } finally {
    stopTimer();
  }
}

const codes: Partial<Record<TaskRecord["state"], ErrorCode>> = {
  failed: "ERR_TASK_FAILED",
  parked: "ERR_TASK_PARKED",
  skipped: "ERR_TASK_SKIPPED",
  discarded: "ERR_TASK_DISCARDED",
};

function resultOf({ message, state, reason, result }: TaskRecord, wire: TaskWire): unknown {
  const code = codes[state];
  if (code) {
    const { id, task } = message;
    throw new TaskError(code, { id, task, reason: reason ?? { code, message: "no reason was kept" } });
  }
  return wire.open(result ?? "null", "result").decode();
}

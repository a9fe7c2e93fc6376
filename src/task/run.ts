/**
 * One run of a task, from its message to the settlement: whatever happens inside has a defined outcome.
 *
 * @module
 */
import type { Delivery, Settlement } from "../engine.ts";
import { DecodeError, PetioleError, describe } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { loadReferences, type LoadedRows } from "../model/loader.ts";
import type { Opened } from "../wire/decode.ts";
import { wireVersion, type TaskWire } from "../wire/wire.ts";
import type { Job } from "./job.ts";
import { reasonOf, reasonOfThrown } from "./reason.ts";
import { afterFailure, backoff, deferral } from "./retry.ts";
import { RunBounds, timeoutError } from "./run-bounds.ts";
import type { Task } from "./task.ts";

/** What a run needs of its worker. */
export interface RunContext {
  readonly wire: TaskWire;
  readonly adapters: readonly OrmAdapter[];
  readonly tasks: ReadonlyMap<string, Task>;
  /** After this many lost leases a task is parked. */
  readonly maxCrashes: number;
  /** Aborts when the worker must stop now: the task is then handed back. */
  readonly stop: AbortSignal;
}

/** Runs a claimed task and says how the claim ends. Never rejects. */
export async function run(delivery: Delivery, context: RunContext): Promise<Settlement> {
  const { lease } = delivery;
  try {
    const task = taskOf(delivery, context);
    const opened = open(delivery, context);
    const rows = await loadReferences(context.adapters, opened.references);
    const [missing] = rows.missing;
    if (missing) {
      const error = new PetioleError(
        "ERR_ROW_MISSING",
        `there is no ${missing.model} with the key ${keyText(missing.pk)}`,
      );
      return { kind: task.settings.ifMissing, lease, reason: reasonOf(error) };
    }
    const payload = opened.decode((reference) => rows.rowOf(reference));
    return await runHandler(task, payload, rows, delivery, context);
  } catch (error) {
    // Not an error of ours: a class that is revived, or an adapter, broke its own promise.
    if (!(error instanceof PetioleError))
      return { kind: "park", lease, reason: reasonOfThrown(error, "ERR_TASK_PARKED") };
    if (error.code === "ERR_DATABASE_UNREACHABLE") {
      const at = Date.now() + backoff(delivery.deferrals + 1, deferral);
      return { kind: "defer", lease, at, reason: reasonOf(error) };
    }
    return { kind: "park", lease, reason: reasonOf(error) };
  }
}

function taskOf({ message, crashes }: Delivery, { tasks, maxCrashes }: RunContext): Task {
  if (crashes >= maxCrashes) {
    throw new PetioleError(
      "ERR_TASK_CRASHED",
      `its worker was lost ${crashes} times while running it (maxCrashes is ${maxCrashes}): it may kill the process`,
    );
  }
  const task = tasks.get(message.task);
  if (task?.handler) return task;
  const why = task ? "has no handler here: attach one with .run(handler)" : "is not known here";
  const known = [...tasks.keys()].sort().join(", ") || "none";
  throw new PetioleError("ERR_TASK_UNKNOWN", `task ${message.task} ${why}. This worker knows ${known}`);
}

function open({ message }: Delivery, { wire }: RunContext): Opened {
  const { wire: version, types = [] } = message.headers;
  if (version !== wireVersion || !Array.isArray(types)) {
    const found = `headers ${JSON.stringify({ wire: version, types })}`;
    throw new DecodeError({ path: "payload", expected: `version ${wireVersion} of the wire format`, found });
  }
  const unknown = types.filter((type) => !wire.types.has(type));
  if (unknown.length > 0) {
    throw new DecodeError(
      { path: "payload", expected: "types that are registered here", found: unknown.join(", ") },
      { known: [...wire.types] },
    );
  }
  return wire.open(message.payload, "payload");
}

async function runHandler(
  task: Task,
  payload: unknown,
  rows: LoadedRows,
  delivery: Delivery,
  context: RunContext,
): Promise<Settlement> {
  const { lease } = delivery;
  const { settings } = task;
  const bounds = new RunBounds(settings.timeout, context.stop);
  const job = makeJob(delivery, rows, bounds.signal);
  let value: unknown;
  try {
    // A handler that does not heed its signal is given up: its late result belongs to nobody.
    value = await Promise.race([task.handler!(payload, job), bounds.overdue]);
  } catch (thrown) {
    if (context.stop.aborted) return { kind: "release", lease };
    const error = bounds.signal.aborted ? timeoutError(settings.timeout, thrown) : thrown;
    return afterFailure(delivery, error, settings, Date.now());
  } finally {
    bounds.close();
  }
  try {
    const subject = { root: "result", what: `the result of task "${task.name}"` };
    return { kind: "complete", lease, result: context.wire.encodeFor(value, subject).text };
  } catch (error) {
    // The same handler would return the same again, so there is no use in another attempt.
    if (error instanceof PetioleError) return { kind: "fail", lease, reason: reasonOf(error) };
    throw error;
  }
}

function makeJob({ message, attempts }: Delivery, rows: LoadedRows, signal: AbortSignal): Job {
  const { id, task, queue } = message;
  const job = {
    id,
    task,
    queue,
    attempt: attempts + 1,
    signal,
    modelOf(row: object): never {
      const model = rows.modelOf(row);
      if (model !== undefined) return model as never;
      throw new PetioleError(
        "ERR_MODEL_UNKNOWN",
        `job.modelOf() of task ${task} was given ${describe(row)}, which did not arrive as a reference.`,
      );
    },
    isModel: (row: object, name: string): row is never => rows.modelOf(row) === name,
  };
  return job;
}

function keyText(key: unknown): string {
  return typeof key === "object" && key !== null
    ? Object.entries(key)
        .map(([attribute, part]) => `${attribute}=${String(part)}`)
        .join(", ")
    : String(key);
}

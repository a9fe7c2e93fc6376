/**
 * Handles on chains. A step is not there until the one before it has ended, so whoever waits for it walks the chain:
 * waits for the end of the first, then of the second, …
 *
 * @module
 */
import type { Engine, Outgoing, TaskRecord } from "../engine.ts";
import { unsupported } from "../errors.ts";
import { wireVersion } from "../wire/wire.ts";
import { nowOf } from "./clock.ts";
import {
  checkSent,
  makeHandle,
  notFound,
  notSent,
  progressOf,
  resultOf,
  untilSent,
  within,
  type Handle,
  type HandleContext,
  type WaitOptions,
} from "./handle.ts";
import type { Sending } from "./scope.ts";

/** A handle on each step, by what its handler returns. */
export type StepHandles<Results extends readonly unknown[]> = {
  readonly [Step in keyof Results]: Handle<Results[Step]>;
};

/** What the last step returns. */
export type LastOf<Results extends readonly unknown[]> = Results extends readonly [...unknown[], infer Last]
  ? Last
  : Results[number];

/** A chain that was enqueued. `Results` are what its steps' handlers return, in their order. */
export interface ChainHandle<Results extends readonly unknown[]> {
  /** The steps' ids, which `chain.handle(ids)` takes in any process. */
  readonly ids: readonly string[];

  /**
   * A handle on each step. Waiting for one is waiting for those before it too, and what ends one of them ends it;
   * cancelling one calls off those after it too.
   */
  readonly handles: StepHandles<Results>;

  /**
   * What the last step's handler returned, once it has.
   *
   * @param options - as those of {@link Handle.result}
   * @throws TaskError of the step that did not succeed, as {@link Handle.result}; the later steps are not run
   * @throws PetioleError as {@link Handle.result}; `ERR_ENGINE_UNSUPPORTED` where only the process that sends a task
   *   learns how it ended
   */
  result(options?: WaitOptions): Promise<LastOf<Results>>;

  /**
   * Calls off what has not ended, and all that would follow. A step that runs is told through its `job.signal`; should it
   * succeed all the same, it ends as cancelled unless it is the last, and nothing follows it.
   *
   * @returns whether there was anything left to call off
   */
  cancel(why?: string): Promise<boolean>;
}

/** One step, as its handle needs to know it. */
export interface KnownStep {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
}

/** A handle on a chain that this process sent, or, without `sending`, on one that was sent before. */
export function makeChainHandle<Results extends readonly unknown[]>(
  context: HandleContext,
  steps: readonly KnownStep[],
  sending?: Sending,
): ChainHandle<Results> {
  const handles = steps.map((_, index) => stepHandle(context, steps, index, sending));
  return {
    ids: steps.map(({ id }) => id),
    handles: handles as unknown as StepHandles<Results>,
    result: (options) => handles.at(-1)!.result(options) as Promise<LastOf<Results>>,
    cancel: (why) => handles[0]!.cancel(why),
  };
}

function stepHandle(
  context: HandleContext,
  steps: readonly KnownStep[],
  index: number,
  sending: Sending | undefined,
): Handle<unknown> {
  const { engine, wire } = context;
  const { id, task } = steps[index]!;
  const first = steps[0]!;
  const single = makeHandle(context, task, id, index === 0 ? sending : undefined);
  const walk = async (until: number, signal?: AbortSignal): Promise<TaskRecord> => {
    await untilSent(first.task, first.id, sending, signal);
    return endOf(engine, steps.slice(0, until + 1), signal);
  };
  return {
    ...single,
    async result(options = {}) {
      if (index === 0) return single.result(options);
      checkSent(first.task, first.id, sending);
      const why = engine.capabilities.lacks.sharedEnds;
      if (why !== undefined)
        throw unsupported("the result of a chain, whose steps workers send,", engine.name, why);
      const record = await within(options, { task, id }, (signal) => walk(index, signal));
      // The step that it ended with, which may be one before.
      return resultOf(record, wire, task);
    },
    async cancel(why = "cancelled by its sender") {
      if (sending?.state === "held") {
        if (index === 0) return single.cancel(why);
        throw notSent(
          task,
          id,
          "its chain is sent when its transaction commits: cancel the step after, or all of the chain",
        );
      }
      await sending?.done;
      return cancelFrom(engine, steps, index, why);
    },
    async *progress() {
      if (index === 0) return yield* single.progress();
      checkSent(first.task, first.id, sending);
      const before = await walk(index - 1);
      // It is never run.
      if (before.state !== "succeeded") return resultOf(before, wire, task) as never;
      yield* progressOf(engine, task, id, undefined);
    },
  };
}

/**
 * How far a chain has come when it is over: the record of its last step, or of the first that has not succeeded.
 *
 * @throws PetioleError `ERR_TASK_NOT_FOUND` when none of them is kept any more
 */
async function endOf(
  engine: Engine,
  steps: readonly KnownStep[],
  signal: AbortSignal | undefined,
): Promise<TaskRecord> {
  const over = new AbortController();
  const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  try {
    const walked = oneByOne(engine, steps, either);
    const isKnown = engine.capabilities.lacks.records === undefined;
    const record = await (isKnown ? walked : Promise.race([walked, whicheverDecides(engine, steps, either)]));
    if (record) return record;
    const last = steps.at(-1)!;
    throw notFound(last.task, last.id);
  } finally {
    over.abort();
  }
}

/** A step was sent before the one before it ended; if it is not there, it has ended too, and is no longer kept. */
async function oneByOne(
  engine: Engine,
  steps: readonly KnownStep[],
  signal: AbortSignal,
): Promise<TaskRecord | undefined> {
  let record: TaskRecord | undefined;
  for (const { id } of steps) {
    record = await engine.ended(id, signal);
    if (record && record.state !== "succeeded") return record;
  }
  return record;
}

/** Where it cannot be told whether a task is there, one that is no longer kept would be waited for without an end. */
function whicheverDecides(
  engine: Engine,
  steps: readonly KnownStep[],
  signal: AbortSignal,
): Promise<TaskRecord> {
  return new Promise((resolve, reject) => {
    for (const [index, { id }] of steps.entries()) {
      engine.ended(id, signal).then((record) => {
        if (record && (record.state !== "succeeded" || index === steps.length - 1)) resolve(record);
      }, reject);
    }
  });
}

/** For how long what keeps a step's place waits, in milliseconds, should this process die before it has called it off. */
const placeFor = 60_000;

/**
 * For how long it is known that a step that is not there yet was called off, in milliseconds from when the step before it
 * may run: so long the chain may take to come to it.
 */
const calledOffFor = 30 * 24 * 60 * 60 * 1000;

/** Calls off the steps from one on, those as well that are not there yet. */
async function cancelFrom(
  engine: Engine,
  steps: readonly KnownStep[],
  from: number,
  why: string,
): Promise<boolean> {
  const reason = { code: "ERR_TASK_CANCELLED", message: why };
  const { lacks } = engine.capabilities;
  /** The last that is known, and when it may run. */
  let known = -1;
  let runAt = 0;
  // In their order, so that one that succeeds meanwhile has sent the next by the time that is looked for.
  for (const [index, { id }] of steps.entries()) {
    const record = await engine.find(id);
    if (!record) continue;
    known = index;
    ({ runAt } = record);
    // Parked, it may be for a worker that knows what it needs.
    if (record.state === "parked") break;
    const isOver = isUnsuccessful(record) || (record.state === "succeeded" && index === steps.length - 1);
    if (isOver) return false;
  }
  // Nothing of it is kept.
  if (known === -1 && lacks.records === undefined) return false;
  const rest = steps.slice(from);
  if (lacks.knownIds === undefined) {
    const now = nowOf(engine);
    const until = Math.max(now, runAt) + calledOffFor;
    const places = steps
      .slice(Math.max(known + 1, from, 1))
      .map((step) => placeOf(step, now, lacks.uniqueKeys === undefined ? until : undefined));
    if (places.length > 0) await engine.send(places);
  }
  return (
    (await engine.cancel(
      rest.map(({ id }) => id),
      reason,
    )) > 0
  );
}

function isUnsuccessful({ state }: TaskRecord): boolean {
  return ["failed", "skipped", "discarded", "expired", "cancelled"].includes(state);
}

/**
 * What takes the place of a step that is not there yet: a task with its id, so that no worker sends it any more. It is
 * cancelled at once, and has expired by the time that it could run. It holds its own id as a key until a time, for so long
 * engines keep its record, which would else be gone after their retention: too early for a chain that takes longer.
 */
function placeOf({ id, task, queue }: KnownStep, now: number, until: number | undefined): Outgoing {
  return {
    message: { id, task, queue, payload: "null", headers: { wire: wireVersion, expires: now } },
    runAt: now + placeFor,
    ...(until === undefined ? {} : { unique: { key: id, until } }),
  };
}

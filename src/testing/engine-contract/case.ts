/**
 * What the tests of the contract are made of.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  Capabilities,
  ClaimRequest,
  Delivery,
  Engine,
  EngineFeature,
  Lease,
  Outgoing,
  Reason,
  Settlement,
  TaskRecord,
  endStates,
} from "../../engine.ts";
import type { Message } from "../../message.ts";
import type { EngineHarness } from "./harness.ts";

/** One test of the contract. */
export interface ContractCase {
  readonly name: string;
  /** The capability, or the part of the harness, without which the test means nothing. */
  readonly needs?: Exclude<keyof Capabilities, "lacks" | "dialect"> | "elsewhere" | "interrupt";
  /** What it uses of what some engines lack. What all of a group uses, `groups.ts` says. */
  readonly features?: readonly EngineFeature[];
  /** `another` makes a second instance on the same storage. Of `beyond` there is what the test `needs`. */
  readonly run: (engine: Engine, another: () => Engine, beyond: Beyond) => Promise<void>;
}

/** What reaches beyond this process. */
export type Beyond = Required<Pick<EngineHarness, "elsewhere" | "interrupt">> &
  Pick<EngineHarness, "impatient">;

/** Whether the engine has something that others lack. */
export function can({ capabilities }: Engine, feature: EngineFeature): boolean {
  return capabilities.lacks[feature] === undefined;
}

/** A reason, as a worker would give it. */
export const reason: Reason = {
  code: "ERR_TEST",
  message: "as the test wants it",
  details: { tries: [1, null, "2"] },
};

/** How long a lease is that shall not run out during a test, in milliseconds. */
export const longLease = 30_000;

/**
 * How long a lease is that shall run out during a test, in milliseconds: longer than a few calls of a server that has
 * much to do.
 */
export const shortLease = 200;

/** How long something that must happen may take, in milliseconds. */
export const patience = 5000;

/** A message; its payload tells its id. */
export function message(id: string, changes: Partial<Message> = {}): Message {
  return {
    id,
    task: "test.task",
    queue: "default",
    payload: JSON.stringify({ id }),
    headers: { wire: 1 },
    ...changes,
  };
}

/** Something to send that may run at once, or after `delay` milliseconds. */
export function outgoing(id: string, changes: Partial<Message> = {}, delay = 0): Outgoing {
  return { message: message(id, changes), runAt: delay === 0 ? 0 : Date.now() + delay };
}

/** Sends tasks that may run at once, one after the other. */
export async function send(engine: Engine, ...ids: string[]): Promise<void> {
  for (const id of ids) await engine.send([outgoing(id)]);
}

/** Claims from the default queue. */
export function claim(engine: Engine, changes: Partial<ClaimRequest> = {}): Promise<readonly Delivery[]> {
  return engine.claim({ queues: ["default"], limit: 1, lease: longLease, worker: "tester", ...changes });
}

/** Claims one task, which must be there. */
export async function claimOne(engine: Engine, changes: Partial<ClaimRequest> = {}): Promise<Delivery> {
  const [delivery, ...others] = await claim(engine, changes);
  assert.ok(delivery !== undefined, "a task was to be claimed, but none was ready");
  assert.equal(others.length, 0);
  return delivery;
}

/** The ids of deliveries. */
export function ids(deliveries: readonly Delivery[]): string[] {
  return deliveries.map((delivery) => delivery.message.id);
}

/** Everything about a task, which must be there. */
export async function find(engine: Engine, id: string): Promise<TaskRecord> {
  const record = await engine.find(id);
  assert.ok(record !== undefined, `task ${id} was to be found`);
  return record;
}

/** Checks part of a record. */
export function assertRecord(record: TaskRecord | undefined, expected: Partial<TaskRecord>): void {
  const actual = Object.fromEntries(
    Object.keys(expected).map((key) => [key, record?.[key as keyof TaskRecord]]),
  );
  assert.deepEqual(actual, expected);
}

/** Checks part of the record of a task that has not ended, where the engine has one. */
export async function assertUnderWay(
  engine: Engine,
  id: string,
  expected: Partial<TaskRecord>,
): Promise<void> {
  if (can(engine, "records")) assertRecord(await engine.find(id), expected);
}

/** Calls off a task that waits: discards it, where the engine can. Returns what it has become. */
export async function callOff(engine: Engine, id: string): Promise<TaskRecord["state"]> {
  const isKnown = can(engine, "records");
  assert.equal(await (isKnown ? engine.discard([id], reason) : engine.cancel([id], reason)), 1);
  if (isKnown) return "discarded";
  // Whoever takes it ends it.
  assert.deepEqual(await claim(engine), []);
  return "cancelled";
}

/** Checks that a task waits for its time, unless that has come meanwhile. */
export async function assertScheduled(engine: Engine, id: string, runAt: number): Promise<void> {
  if (!can(engine, "records")) return;
  const record = await find(engine, id);
  assert.equal(record.runAt, runAt);
  if (Date.now() < runAt) assert.equal(record.state, "scheduled");
}

/** Sends a task and brings it to an end or another state that it keeps. */
export async function sendAs(
  engine: Engine,
  id: string,
  state: TaskRecord["state"],
  changes: Partial<Message> = {},
): Promise<void> {
  await engine.send([outgoing(id, changes, state === "scheduled" ? 3_600_000 : 0)]);
  if (state === "scheduled" || state === "waiting") return;
  const queue = changes.queue ?? "default";
  const { lease, message } = await claimOne(engine, { queues: [queue] });
  assert.equal(message.id, id, "sendAs needs a queue with nothing else to claim");
  if (state === "running") return;
  assert.deepEqual(await engine.settle([endAs(state, lease)]), [true]);
}

/** The settlement by which a task reaches an end. */
export function endAs(state: (typeof endStates)[number], lease: Lease): Settlement {
  if (state === "succeeded") return { kind: "complete", lease, result: `"${lease.id}"` };
  return { kind: kindOf[state], lease, reason };
}

const kindOf = {
  failed: "fail",
  parked: "park",
  skipped: "skip",
  discarded: "discard",
  expired: "expire",
  cancelled: "cancel",
} as const;

/** Sleeps. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Resolves with what a promise resolves with, and fails if it takes longer, in milliseconds. */
export async function soon<T>(promise: Promise<T>, what: string, within = patience): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `${what}: not within ${within} ms` })),
      within,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until something is so, and fails if it takes longer, in milliseconds. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  what: string,
  within = patience,
): Promise<void> {
  const deadline = performance.now() + within;
  while (!(await check())) {
    if (performance.now() > deadline) assert.fail(`${what}: not within ${within} ms`);
    await pause(5);
  }
}

/** What a promise rejects with, or else resolves with; it may be left waiting without harm. */
export function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

/** Waits for an end; if the test fails before, the wait is given up without harm. */
export function awaitEnd(
  engine: Engine,
  id: string,
  told = (): void => undefined,
): Promise<TaskRecord | undefined> {
  const end = engine.ended(id);
  end.then(told, () => undefined);
  return end;
}

/** Claims, woken by `onReady` alone, until a task is there. What an idle worker does. */
export async function claimWhenReady(engine: Engine, changes: Partial<ClaimRequest> = {}): Promise<Delivery> {
  const { promise, resolve, reject } = Promise.withResolvers<Delivery>();
  const found = new AbortController();
  let woken = false;
  let looking = false;
  // One claim at a time: another that is under way would take a task that nobody gets.
  const look = async (): Promise<void> => {
    looking = true;
    while (woken && !found.signal.aborted) {
      woken = false;
      const [delivery] = await claim(engine, changes);
      if (delivery === undefined) continue;
      found.abort();
      resolve(delivery);
    }
    looking = false;
  };
  const stop = engine.onReady(changes.queues ?? ["default"], () => {
    woken = true;
    if (!looking) void look().catch(reject);
  });
  try {
    return await soon(promise, "a task becoming ready");
  } finally {
    found.abort();
    stop();
  }
}

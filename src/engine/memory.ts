/**
 * An engine that keeps its tasks in this process's memory: for tests, and for trying things out.
 *
 * It does what every other engine does, and passes the same contract; what it holds is gone with the process.
 *
 * @module
 */
import type {
  ClaimRequest,
  Delivery,
  Engine,
  Lease,
  ListRequest,
  Outgoing,
  QueueCount,
  Reason,
  Settlement,
  TaskPage,
  TaskRecord,
  TaskState,
} from "../engine.ts";
import { PetioleError } from "../errors.ts";
import { isEnd, messageOf, newEntry, recordOf } from "./memory/entry.ts";
import type { Entry } from "./memory/entry.ts";
import { Listeners } from "./memory/listeners.ts";
import { Pending } from "./memory/pending.ts";

/** How {@link memory} behaves. */
export interface MemoryOptions {
  /**
   * How long a succeeded, skipped or discarded task can still be looked up, in milliseconds.
   * Failed and parked tasks are kept for good. Default: 24 hours.
   */
  readonly retention?: number;
}

/**
 * Makes an engine that lives in this process. Two calls make two engines that know nothing of each other.
 *
 * None of its timers keeps the process alive. Its methods reject with `ERR_ENGINE_CLOSED` once it is closed.
 *
 * @example
 * const app = new Petiole({ engine: memory() });
 */
export function memory(options: MemoryOptions = {}): Engine {
  return new MemoryEngine(options.retention ?? 86_400_000);
}

interface Waiter {
  readonly resolve: (record: TaskRecord) => void;
  readonly reject: (error: unknown) => void;
}

/** No method waits for anything between reading and writing, so each is done in one piece. */
class MemoryEngine implements Engine {
  readonly name = "memory";
  readonly capabilities = { durable: false, shared: false } as const;

  readonly #retention: number;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Pending();
  readonly #running = new Set<Entry>();
  /** What retention will remove, in the order of ending. */
  readonly #removable = new Set<Entry>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #listeners = new Listeners({
    isReady: (queues, now) =>
      this.#pending.first(queues, now) !== undefined || this.#lost(queues, now).length > 0,
    nextTime: (after) => {
      const leases = [...this.#running].map((entry) => entry.leaseUntil).filter((time) => time > after);
      return leases.reduce((next, time) => Math.min(next, time), this.#pending.nextTime(after));
    },
  });
  #sequence = 0;
  #claims = 0;
  #closed = false;

  constructor(retention: number) {
    this.#retention = retention;
  }

  async open(): Promise<void> {
    this.#refuseWhenClosed();
  }

  async send(batch: readonly Outgoing[]): Promise<void> {
    this.#refuseWhenClosed();
    const now = Date.now();
    // First what can fail, then what changes: all of the batch or none.
    const entries = batch.map((outgoing) => newEntry(++this.#sequence, outgoing, now));
    for (const [index, entry] of entries.entries()) {
      if (this.#entries.has(entry.message.id)) continue;
      this.#entries.set(entry.message.id, entry);
      this.#enqueue(entry, batch[index]?.runAt ?? now);
    }
  }

  async claim({ queues, limit, lease, worker }: ClaimRequest): Promise<readonly Delivery[]> {
    this.#refuseWhenClosed();
    const now = Date.now();
    const taken = this.#lost(new Set(queues), now).slice(0, limit);
    for (const entry of taken) entry.crashes += 1;
    while (taken.length < limit) {
      const next = this.#pending.first(queues, now);
      if (next === undefined) break;
      this.#pending.remove(next);
      taken.push(next);
    }
    const token = `memory-${++this.#claims}`;
    for (const entry of taken) {
      Object.assign(entry, { state: "running", token, leaseUntil: now + lease, worker, startedAt: now });
      this.#running.add(entry);
    }
    this.#listeners.timesChanged();
    return taken.map((entry) => ({
      message: messageOf(entry),
      lease: { id: entry.message.id, token },
      attempts: entry.attempts,
      crashes: entry.crashes,
      deferrals: entry.deferrals,
    }));
  }

  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    this.#refuseWhenClosed();
    const until = Date.now() + duration;
    const lost = leases.filter((lease) => {
      const entry = this.#held(lease);
      if (entry !== undefined) entry.leaseUntil = until;
      return entry === undefined;
    });
    this.#listeners.timesChanged();
    return lost;
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    this.#refuseWhenClosed();
    return settlements.map((settlement) => {
      const entry = this.#held(settlement.lease);
      if (entry === undefined) return false;
      this.#running.delete(entry);
      entry.token = undefined;
      this.#apply(entry, settlement);
      return true;
    });
  }

  onReady(queues: readonly string[], listener: () => void): () => void {
    this.#refuseWhenClosed();
    return this.#listeners.add(queues, listener);
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    this.#refuseWhenClosed();
    this.#removeOld();
    const entry = this.#entries.get(id);
    return entry && recordOf(entry);
  }

  async ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined> {
    this.#refuseWhenClosed();
    signal?.throwIfAborted();
    const entry = this.#entries.get(id);
    if (entry === undefined || isEnd(entry.state)) return entry && recordOf(entry);
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters);
    const { promise, resolve, reject } = Promise.withResolvers<TaskRecord>();
    const waiter: Waiter = { resolve, reject };
    waiters.add(waiter);
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await promise;
    } finally {
      waiters.delete(waiter);
      if (waiters.size === 0) this.#waiters.delete(id);
      signal?.removeEventListener("abort", abort);
    }
  }

  async list({ states, queue, task, limit = 100, after = "0" }: ListRequest): Promise<TaskPage> {
    this.#refuseWhenClosed();
    this.#removeOld();
    const found = [...this.#entries.values()].filter(
      ({ sequence, state, message }) =>
        sequence > Number(after) &&
        (states === undefined || states.includes(state)) &&
        (queue === undefined || queue === message.queue) &&
        (task === undefined || task === message.task),
    );
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const records = page.map(recordOf);
    return found.length > limit && last !== undefined
      ? { records, next: String(last.sequence) }
      : { records };
  }

  async counts(): Promise<readonly QueueCount[]> {
    this.#refuseWhenClosed();
    this.#removeOld();
    const counts = new Map<string, { queue: string; state: TaskState; count: number }>();
    for (const { message, state } of this.#entries.values()) {
      const key = `${state} ${message.queue}`;
      const count = counts.get(key) ?? { queue: message.queue, state, count: 0 };
      count.count += 1;
      counts.set(key, count);
    }
    return [...counts.values()];
  }

  async retry(ids: readonly string[]): Promise<number> {
    this.#refuseWhenClosed();
    return this.#change(ids, ["failed", "parked", "skipped", "discarded"], (entry) => {
      this.#removable.delete(entry);
      entry.attempts = entry.crashes = entry.deferrals = 0;
      entry.reason = entry.endedAt = undefined;
      this.#enqueue(entry, 0);
    });
  }

  async discard(ids: readonly string[], reason: Reason): Promise<number> {
    this.#refuseWhenClosed();
    return this.#change(ids, ["scheduled", "waiting", "failed", "parked"], (entry) => {
      if (!isEnd(entry.state)) this.#pending.remove(entry);
      entry.reason = JSON.stringify(reason);
      this.#end(entry, "discarded");
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    for (const waiters of this.#waiters.values()) {
      for (const waiter of waiters) waiter.reject(closedError());
    }
    this.#waiters.clear();
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw closedError();
  }

  /** The running task that a lease stands for, unless the lease was lost. */
  #held(lease: Lease): Entry | undefined {
    const entry = this.#entries.get(lease.id);
    return entry?.state === "running" && entry.token === lease.token ? entry : undefined;
  }

  /** Running tasks whose lease has run out. */
  #lost(queues: ReadonlySet<string>, now: number): Entry[] {
    return [...this.#running].filter((entry) => entry.leaseUntil <= now && queues.has(entry.message.queue));
  }

  #apply(entry: Entry, settlement: Settlement): void {
    if (settlement.kind === "release") return this.#enqueue(entry, entry.runAt, entry.runAt);
    if (settlement.kind === "complete") {
      entry.attempts += 1;
      entry.reason = undefined;
      entry.result = settlement.result;
      return this.#end(entry, "succeeded");
    }
    entry.reason = JSON.stringify(settlement.reason);
    switch (settlement.kind) {
      case "retryAt":
        entry.attempts += 1;
        entry.deferrals = 0;
        return this.#enqueue(entry, settlement.at);
      case "defer":
        entry.deferrals += 1;
        return this.#enqueue(entry, settlement.at);
      case "fail":
        entry.attempts += 1;
        return this.#end(entry, "failed");
      case "park":
        return this.#end(entry, "parked");
      case "skip":
        return this.#end(entry, "skipped");
      case "discard":
        return this.#end(entry, "discarded");
    }
  }

  /** Puts a task where it will be claimed from: now or, when `at` is later, then. */
  #enqueue(entry: Entry, at: number, place?: number): void {
    const now = Date.now();
    entry.state = at > now ? "scheduled" : "waiting";
    entry.runAt = place ?? Math.max(at, now);
    this.#pending.add(entry);
    if (entry.state === "waiting") this.#listeners.ready(entry.message.queue);
    else this.#listeners.timesChanged();
  }

  #change(ids: readonly string[], from: readonly TaskState[], change: (entry: Entry) => void): number {
    const entries = [...new Set(ids)].map((id) => this.#entries.get(id));
    const changed = entries.filter((entry) => entry !== undefined && from.includes(entry.state)) as Entry[];
    changed.forEach(change);
    return changed.length;
  }

  #end(entry: Entry, state: TaskState): void {
    entry.state = state;
    entry.endedAt = Date.now();
    if (state !== "failed" && state !== "parked") this.#removable.add(entry);
    this.#removeOld();
    const { id } = entry.message;
    for (const waiter of this.#waiters.get(id) ?? []) waiter.resolve(recordOf(entry));
    this.#waiters.delete(id);
  }

  #removeOld(): void {
    const now = Date.now();
    for (const entry of this.#removable) {
      if (now - (entry.endedAt ?? now) < this.#retention) return;
      this.#removable.delete(entry);
      this.#entries.delete(entry.message.id);
    }
  }
}

function closedError(): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_CLOSED",
    "The memory engine is closed. Make another one with memory().",
  );
}

/**
 * An engine that keeps its tasks in this process's memory: for tests, and for trying things out.
 *
 * It does what every other engine does, and passes the same contract; what it holds is gone with the process.
 *
 * @module
 */
import { endStates } from "../engine.ts";
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
import type { Message, MessageHeaders } from "../message.ts";

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
 * None of its timers keeps the process alive.
 *
 * @example
 * const app = new Petiole({ engine: memory() });
 */
export function memory(options: MemoryOptions = {}): Engine {
  return new MemoryEngine(options.retention ?? 86_400_000);
}

/** One task. Headers and reason are kept as text, so that nobody can change them from outside. */
interface Entry {
  readonly sequence: number;
  readonly message: Omit<Message, "headers">;
  readonly headers: string;
  readonly sentAt: number;
  state: TaskState;
  runAt: number;
  attempts: number;
  crashes: number;
  deferrals: number;
  token?: string | undefined;
  leaseUntil: number;
  startedAt?: number | undefined;
  endedAt?: number | undefined;
  worker?: string | undefined;
  reason?: string | undefined;
  result?: string | undefined;
}

interface Listener {
  readonly queues: ReadonlySet<string>;
  readonly call: () => void;
  asked: boolean;
}

interface Waiter {
  readonly resolve: (record: TaskRecord) => void;
  readonly reject: (error: unknown) => void;
}

const longestTimer = 2 ** 31 - 1;

class MemoryEngine implements Engine {
  readonly name = "memory";
  readonly capabilities = { durable: false, shared: false } as const;

  readonly #retention: number;
  readonly #entries = new Map<string, Entry>();
  /** Per queue what is scheduled or waiting, ordered by time, then by sending. */
  readonly #pending = new Map<string, Entry[]>();
  readonly #running = new Set<Entry>();
  /** What retention will remove, in order of its end. */
  readonly #removable = new Set<Entry>();
  readonly #listeners = new Set<Listener>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  #sequence = 0;
  #claims = 0;
  #timer: NodeJS.Timeout | undefined;
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
    const headers = batch.map(({ message }) => JSON.stringify(message.headers));
    for (const [index, { message, runAt }] of batch.entries()) {
      if (this.#entries.has(message.id)) continue;
      const { id, task, queue, payload } = message;
      const entry: Entry = {
        sequence: ++this.#sequence,
        message: { id, task, queue, payload },
        headers: headers[index] as string,
        sentAt: now,
        state: "waiting",
        runAt: now,
        attempts: 0,
        crashes: 0,
        deferrals: 0,
        leaseUntil: 0,
      };
      this.#entries.set(message.id, entry);
      this.#enqueue(entry, runAt);
    }
  }

  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    this.#refuseWhenClosed();
    const now = Date.now();
    this.#removeOld(now);
    const taken = this.#expired(request, now);
    for (const entry of taken) entry.crashes += 1;
    while (taken.length < request.limit) {
      const next = this.#next(request.queues, now);
      if (next === undefined) break;
      this.#dequeue(next);
      taken.push(next);
    }
    const token = `memory-${++this.#claims}`;
    for (const entry of taken) {
      entry.state = "running";
      entry.token = token;
      entry.leaseUntil = now + request.lease;
      entry.worker = request.worker;
      entry.startedAt = now;
      this.#running.add(entry);
    }
    this.#setTimer();
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
    this.#setTimer();
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
    const entry: Listener = { queues: new Set(queues), call: listener, asked: false };
    this.#listeners.add(entry);
    this.#wakeReady(Date.now());
    this.#setTimer();
    return () => {
      this.#listeners.delete(entry);
      this.#setTimer();
    };
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    this.#refuseWhenClosed();
    this.#removeOld(Date.now());
    const entry = this.#entries.get(id);
    return entry && recordOf(entry);
  }

  async ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined> {
    this.#refuseWhenClosed();
    signal?.throwIfAborted();
    const entry = this.#entries.get(id);
    if (entry === undefined || isEnd(entry.state)) return entry && recordOf(entry);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve: (record) => {
          signal?.removeEventListener("abort", abort);
          resolve(record);
        },
        reject,
      };
      const abort = (): void => {
        waiters.delete(waiter);
        reject(signal?.reason);
      };
      const waiters = this.#waiters.get(id) ?? new Set();
      this.#waiters.set(id, waiters.add(waiter));
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  async list(request: ListRequest): Promise<TaskPage> {
    this.#refuseWhenClosed();
    this.#removeOld(Date.now());
    const after = Number(request.after ?? 0);
    const limit = request.limit ?? 100;
    const found: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.sequence <= after) continue;
      if (request.states !== undefined && !request.states.includes(entry.state)) continue;
      if (request.queue !== undefined && request.queue !== entry.message.queue) continue;
      if (request.task !== undefined && request.task !== entry.message.task) continue;
      if (found.length === limit)
        return { records: found.map(recordOf), next: String(found.at(-1)?.sequence ?? after) };
      found.push(entry);
    }
    return { records: found.map(recordOf) };
  }

  async counts(): Promise<readonly QueueCount[]> {
    this.#refuseWhenClosed();
    this.#removeOld(Date.now());
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
      if (!isEnd(entry.state)) this.#dequeue(entry);
      entry.reason = JSON.stringify(reason);
      this.#end(entry, "discarded");
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.reject(closedError());
    this.#waiters.clear();
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw closedError();
  }

  /** The running entry a lease stands for, unless the lease was lost. */
  #held(lease: Lease): Entry | undefined {
    const entry = this.#entries.get(lease.id);
    return entry?.state === "running" && entry.token === lease.token ? entry : undefined;
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

  #change(ids: readonly string[], from: readonly TaskState[], change: (entry: Entry) => void): number {
    let changed = 0;
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry === undefined || !from.includes(entry.state)) continue;
      change(entry);
      changed += 1;
    }
    return changed;
  }

  #end(entry: Entry, state: TaskState): void {
    entry.state = state;
    entry.endedAt = Date.now();
    if (state !== "failed" && state !== "parked") this.#removable.add(entry);
    const waiters = this.#waiters.get(entry.message.id);
    this.#waiters.delete(entry.message.id);
    for (const waiter of waiters ?? []) waiter.resolve(recordOf(entry));
  }

  /** Puts an entry where it will be claimed from: now, or at its time. */
  #enqueue(entry: Entry, at: number, place = Math.max(at, Date.now())): void {
    const now = Date.now();
    entry.runAt = place;
    entry.state = place > now ? "scheduled" : "waiting";
    const pending = this.#pending.get(entry.message.queue) ?? [];
    this.#pending.set(entry.message.queue, pending);
    pending.splice(position(pending, entry), 0, entry);
    if (entry.state === "waiting") this.#wake((listener) => listener.queues.has(entry.message.queue));
    else this.#setTimer();
  }

  #dequeue(entry: Entry): void {
    const pending = this.#pending.get(entry.message.queue) ?? [];
    pending.splice(position(pending, entry), 1);
  }

  #next(queues: readonly string[], now: number): Entry | undefined {
    let first: Entry | undefined;
    for (const queue of queues) {
      const entry = this.#pending.get(queue)?.[0];
      if (entry === undefined || entry.runAt > now) continue;
      if (first === undefined || isBefore(entry, first)) first = entry;
    }
    return first;
  }

  #expired({ queues, limit }: Pick<ClaimRequest, "queues" | "limit">, now: number): Entry[] {
    return [...this.#running]
      .filter((entry) => entry.leaseUntil <= now && queues.includes(entry.message.queue))
      .slice(0, limit);
  }

  /** Calls the chosen listeners soon: once, however often they are asked for meanwhile. */
  #wake(chosen: (listener: Listener) => boolean): void {
    for (const listener of this.#listeners) {
      if (listener.asked || !chosen(listener)) continue;
      listener.asked = true;
      queueMicrotask(() => {
        listener.asked = false;
        if (this.#listeners.has(listener)) listener.call();
      });
    }
  }

  #wakeReady(now: number): void {
    this.#wake(({ queues }) => {
      const names = [...queues];
      return (
        this.#next(names, now) !== undefined || this.#expired({ queues: names, limit: 1 }, now).length > 0
      );
    });
  }

  /** Sets the one timer to the next scheduled time or the next end of a lease, if somebody listens. */
  #setTimer(): void {
    clearTimeout(this.#timer);
    if (this.#listeners.size === 0) return;
    const now = Date.now();
    let at = Infinity;
    // What is due already was told, so only what comes counts: no busy loop when nobody claims.
    for (const entry of this.#running) if (entry.leaseUntil > now) at = Math.min(at, entry.leaseUntil);
    for (const pending of this.#pending.values()) {
      at = Math.min(at, pending[firstAfter(pending, now)]?.runAt ?? Infinity);
    }
    if (at === Infinity) return;
    this.#timer = setTimeout(
      () => {
        this.#wakeReady(Date.now());
        this.#setTimer();
      },
      Math.min(at - now, longestTimer),
    );
    this.#timer.unref();
  }

  #removeOld(now: number): void {
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

function isEnd(state: TaskState): boolean {
  return (endStates as readonly TaskState[]).includes(state);
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.runAt < other.runAt || (one.runAt === other.runAt && one.sequence < other.sequence);
}

/** Where an entry is, or would go, in an ordered list. */
function position(list: readonly Entry[], entry: Entry): number {
  return search(list, (other) => isBefore(other, entry));
}

/** The index of the first entry whose time is later than this. */
function firstAfter(list: readonly Entry[], time: number): number {
  return search(list, (other) => other.runAt <= time);
}

/** The index of the first entry that does not come before; the list is ordered that way. */
function search(list: readonly Entry[], comesBefore: (entry: Entry) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comesBefore(list[middle] as Entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function messageOf(entry: Entry): Message {
  return { ...entry.message, headers: JSON.parse(entry.headers) as MessageHeaders };
}

function recordOf(entry: Entry): TaskRecord {
  const { state, attempts, crashes, deferrals, sentAt, runAt, startedAt, endedAt, worker, reason, result } =
    entry;
  return {
    message: messageOf(entry),
    state,
    attempts,
    crashes,
    deferrals,
    sentAt,
    runAt,
    ...(startedAt !== undefined && { startedAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(worker !== undefined && { worker }),
    ...(reason !== undefined && { reason: JSON.parse(reason) as Reason }),
    ...(result !== undefined && { result }),
  };
}

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
  LogLine,
  Outgoing,
  QueueCount,
  Reason,
  Report,
  Settlement,
  TaskPage,
  TaskRecord,
} from "../engine.ts";
import { PetioleError, checkNames } from "../errors.ts";
import { capabilities } from "./memory/capabilities.ts";
import { Claims } from "./memory/claims.ts";
import { isEnd, recordOf } from "./memory/entry.ts";
import { cancel, counts, discard, list, retry } from "./memory/managing.ts";
import { settle } from "./memory/settlements.ts";
import { Store } from "./memory/store.ts";
import { refuseSpans } from "./shared/milliseconds.ts";

/** How {@link memory} behaves. */
export interface MemoryOptions {
  /**
   * How long a task that has ended can still be looked up, in milliseconds, unless its settlement says
   * otherwise. Failed and parked tasks are kept for good. Default: 24 hours.
   */
  readonly retention?: number;
  /** The clock, in epoch milliseconds, for tests that move it. The machine's unless told. */
  readonly now?: () => number;
}

/**
 * Makes an engine that lives in this process. Two calls make two engines that know nothing of each other.
 *
 * None of its timers keeps the process alive. Its methods reject with `ERR_ENGINE_CLOSED` once it is closed.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for an option that there is not, or that cannot be
 *
 * @example
 * const app = new Petiole({ engine: memory() });
 */
export function memory(options: MemoryOptions = {}): Engine {
  checkNames("The options of memory()", options, { retention: true, now: true });
  refuseSpans("memory()", options, { retention: { least: 0, isTimer: false } });
  return new MemoryEngine(options.retention ?? 86_400_000, options.now);
}

class MemoryEngine implements Engine {
  readonly name = "memory";
  readonly capabilities = capabilities;
  readonly now?: () => number;
  readonly #kept: Store;
  readonly #claims: Claims;
  #closed = false;

  constructor(retention: number, now: (() => number) | undefined) {
    this.#kept = new Store(retention, now ?? Date.now);
    if (now) this.now = now;
    this.#claims = new Claims(this.#kept);
  }

  /** What the engine holds, unless it is closed. */
  get #store(): Store {
    if (this.#closed) throw closedError();
    return this.#kept;
  }

  async open(): Promise<void> {
    void this.#store;
  }

  async send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    return this.#store.send(batch);
  }

  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    void this.#store;
    return this.#claims.claim(request);
  }

  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    void this.#store;
    return this.#claims.extend(leases, duration);
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const store = this.#store;
    return settlements.map((settlement) => {
      const entry = this.#claims.held(settlement.lease);
      if (entry !== undefined) settle(store, entry, settlement);
      return entry !== undefined;
    });
  }

  async report(lease: Lease, report: Report): Promise<boolean> {
    void this.#store;
    return this.#claims.report(lease, report);
  }

  onReady(queues: readonly string[], listener: () => void): () => void {
    return this.#store.listeners.add(queues, listener);
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    const entry = this.#store.answering(id);
    return entry && recordOf(entry);
  }

  async ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined> {
    const store = this.#store;
    signal?.throwIfAborted();
    const entry = store.answering(id);
    if (entry === undefined || isEnd(entry.state)) return entry && recordOf(entry);
    return store.audience.wait(entry, signal);
  }

  watch(id: string, listener: () => void): () => void {
    return this.#store.audience.watch(id, listener);
  }

  async logs(id: string): Promise<readonly LogLine[]> {
    return this.#store.answering(id)?.lines.map((line) => ({ ...line })) ?? [];
  }

  async list(request: ListRequest): Promise<TaskPage> {
    return list(this.#store, request);
  }

  async counts(): Promise<readonly QueueCount[]> {
    return counts(this.#store);
  }

  async cancel(ids: readonly string[], reason: Reason): Promise<number> {
    return cancel(this.#store, ids, reason);
  }

  onCancel(worker: string, listener: (leases: readonly Lease[]) => void): () => void {
    const { audience, running } = this.#store;
    const marked = [...running].filter((entry) => entry.cancelled !== undefined);
    return audience.onCancel(worker, listener, marked);
  }

  async retry(ids: readonly string[]): Promise<number> {
    return retry(this.#store, ids);
  }

  async discard(ids: readonly string[], reason: Reason): Promise<number> {
    return discard(this.#store, ids, reason);
  }

  async pause(queue: string): Promise<void> {
    this.#store.paused.add(queue);
  }

  async resume(queue: string): Promise<void> {
    const { paused, listeners } = this.#store;
    if (paused.delete(queue)) listeners.ready(queue);
  }

  async paused(): Promise<readonly string[]> {
    return [...this.#store.paused].toSorted();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#kept.listeners.clear();
    this.#kept.audience.close(closedError());
  }
}

function closedError(): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_CLOSED",
    "The memory engine is closed. Make another one with memory().",
  );
}

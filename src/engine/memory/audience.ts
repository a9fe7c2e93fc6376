/**
 * Who waits for a task's end, watches it, or has to know that it was cancelled.
 *
 * @module
 */
import type { Lease, TaskRecord } from "../../engine.ts";
import { recordOf } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { Soon } from "../shared/soon.ts";

interface Waiter {
  readonly resolve: (record: TaskRecord) => void;
  readonly reject: (error: unknown) => void;
}

interface CancelListener {
  readonly worker: string;
  readonly leases: Lease[];
  readonly call: Soon;
}

/** Tells each what it wants to know. */
export class Audience {
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #watchers = new Map<string, Set<Soon>>();
  readonly #cancelListeners = new Set<CancelListener>();

  /** Resolves with the task's record once it has ended. */
  async wait(entry: Entry, signal: AbortSignal | undefined): Promise<TaskRecord> {
    const { promise, resolve, reject } = Promise.withResolvers<TaskRecord>();
    const leave = join(this.#waiters, entry.message.id, { resolve, reject });
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await promise;
    } finally {
      leave();
      signal?.removeEventListener("abort", abort);
    }
  }

  /** See {@link Engine.watch}. */
  watch(id: string, listener: () => void): () => void {
    const call = new Soon(listener);
    const leave = join(this.#watchers, id, call);
    return () => {
      call.stop();
      leave();
    };
  }

  /** See {@link Engine.onCancel}; `marked` are the tasks of this worker that are marked already. */
  onCancel(
    worker: string,
    listener: (leases: readonly Lease[]) => void,
    marked: readonly Entry[],
  ): () => void {
    const leases: Lease[] = [];
    const call = new Soon(() => listener(leases.splice(0)));
    const cancelListener = { worker, leases, call };
    this.#cancelListeners.add(cancelListener);
    for (const entry of marked) tell(cancelListener, entry);
    return () => {
      call.stop();
      this.#cancelListeners.delete(cancelListener);
    };
  }

  /** Something about a task has changed. */
  changed(entry: Entry): void {
    if (this.#watchers.size === 0) return;
    for (const id of [entry.message.id, ...entry.aliases]) {
      for (const call of this.#watchers.get(id) ?? []) call.wake();
    }
  }

  /** A task has come to an end. */
  ended(entry: Entry): void {
    for (const waiter of this.#waiters.get(entry.message.id) ?? []) waiter.resolve(recordOf(entry));
  }

  /** A running task was cancelled. */
  marked(entry: Entry): void {
    for (const listener of this.#cancelListeners) tell(listener, entry);
  }

  /** Rejects everybody who waits, and tells nobody any more. */
  close(error: unknown): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.reject(error);
    for (const calls of this.#watchers.values()) for (const call of calls) call.stop();
    for (const { call } of this.#cancelListeners) call.stop();
    this.#watchers.clear();
    this.#cancelListeners.clear();
  }
}

function tell({ worker, leases, call }: CancelListener, entry: Entry): void {
  if (entry.worker !== worker || entry.token === undefined) return;
  leases.push({ id: entry.message.id, token: entry.token });
  call.wake();
}

/** Adds a member to the set of an id. Returns the function that takes it out again. */
function join<T>(sets: Map<string, Set<T>>, id: string, member: T): () => void {
  const set = sets.get(id) ?? new Set();
  sets.set(id, set.add(member));
  return () => {
    set.delete(member);
    // Another set may have taken its place meanwhile.
    if (set.size === 0 && sets.get(id) === set) sets.delete(id);
  };
}

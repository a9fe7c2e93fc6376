/**
 * Who waits for a task's end.
 *
 * @module
 */
import type { TaskRecord } from "../../engine.ts";
import { PetioleError, unsupported } from "../../errors.ts";
import { Soon } from "../shared/soon.ts";
import type { Results } from "./broker.ts";
import { noResultsLacks } from "./capabilities.ts";
import type { Records } from "./records.ts";

/** At each look for what no message has told of, so many tasks are looked up. */
const looks = 200;

/** Refusals after which there is no use in asking again. */
const final: ReadonlySet<string> = new Set([
  "ERR_ENGINE_CLOSED",
  "ERR_ENGINE_ROW_UNREADABLE",
  "ERR_ENGINE_UNSUPPORTED",
]);

interface Waiter {
  wake(): void;
  reject(error: unknown): void;
}

/** Tells each what it wants to know. */
export class Audience {
  readonly #results: Results | undefined;
  readonly #records: Records;
  readonly #interval: number;
  readonly #waiters = new Set<Waiter>();
  readonly #watchers = new Map<string, Set<Soon>>();
  #poll: NodeJS.Timeout | undefined;
  /** Who is yet to be woken by looks. */
  #next: Waiter[] = [];
  #closed: unknown;

  constructor(results: Results | undefined, records: Records, interval: number) {
    this.#results = results;
    this.#records = records;
    this.#interval = interval;
  }

  /** See {@link Engine.ended}. */
  async ended(id: string, signal?: AbortSignal): Promise<TaskRecord> {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#results === undefined)
      throw unsupported(`waiting for the end of task ${id}`, "celery", noResultsLacks.sharedEnds ?? "");
    const over = Promise.withResolvers<never>();
    over.promise.catch(() => undefined);
    let wake: () => void = () => undefined;
    const waiter: Waiter = { wake: () => wake(), reject: over.reject };
    const abort = (): void => over.reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const stop = this.watch(id, waiter.wake);
    this.#wait(waiter);
    try {
      for (;;) {
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const record = await Promise.race([this.#find(id), over.promise]);
        if (record !== undefined) return record;
        await Promise.race([woken, over.promise]);
      }
    } finally {
      stop();
      signal?.removeEventListener("abort", abort);
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#stopPolling();
    }
  }

  /** What is away for a while does not end the waiting. */
  async #find(id: string): Promise<TaskRecord | undefined> {
    try {
      return await this.#records.find(id);
    } catch (error) {
      if (!(error instanceof PetioleError) || final.has(error.code)) throw error;
      return undefined;
    }
  }

  /** See {@link Engine.watch}. */
  watch(id: string, listener: () => void): () => void {
    const call = new Soon(listener);
    const calls = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, calls.add(call));
    const leave = this.#results?.onEnd(id, () => call.wake());
    return () => {
      call.stop();
      leave?.();
      calls.delete(call);
      if (calls.size === 0 && this.#watchers.get(id) === calls) this.#watchers.delete(id);
    };
  }

  /** A task has ended, or begins again, through this process. */
  changed(id: string): void {
    for (const call of this.#watchers.get(id) ?? []) call.wake();
  }

  /** Rejects everybody who waits, and tells nobody any more. */
  close(error: unknown): void {
    this.#closed = error;
    for (const waiter of this.#waiters) waiter.reject(error);
    for (const calls of this.#watchers.values()) for (const call of calls) call.stop();
    this.#watchers.clear();
    this.#stopPolling();
  }

  #wait(waiter: Waiter): void {
    this.#waiters.add(waiter);
    // It keeps the process alive: somebody waits.
    this.#poll ??= setInterval(() => {
      if (this.#next.length === 0) this.#next = [...this.#waiters];
      for (const each of this.#next.splice(0, looks)) each.wake();
    }, this.#interval);
  }

  #stopPolling(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#next = [];
  }
}

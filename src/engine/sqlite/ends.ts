/**
 * Waiting for tasks to end, whichever process ends them.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { TaskRecord } from "../../engine.ts";
import type { Bell } from "./bell.ts";
import type { Changes } from "./committer.ts";
import { isBusy } from "./errors.ts";
import { Lookout } from "./lookout.ts";
import type { Original } from "./original.ts";
import { isEnd } from "./records.ts";
import type { Tasks } from "./tasks.ts";
import { toColumn } from "../shared/text.ts";

interface Waiter {
  readonly resolve: (record: TaskRecord | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** At most so many tasks are looked up in one turn of the event loop. */
const lookedUpAtOnce = 500;

/** Resolves what waits for ends: from this process's commits, from the bell, and from looking now and then. */
export class EndWatch {
  readonly #tasks: Tasks;
  readonly #original: Original;
  readonly #told: (error: unknown) => Error;
  readonly #state: StatementSync;
  readonly #lookout: Lookout;
  readonly #waiters = new Map<string, Set<Waiter>>();

  /** `told` makes of an error what is told to those who wait. */
  constructor(
    database: DatabaseSync,
    tasks: Tasks,
    bell: Bell,
    original: Original,
    interval: number,
    told: (error: unknown) => Error,
  ) {
    this.#told = told;
    this.#tasks = tasks;
    this.#original = original;
    this.#state = database.prepare("SELECT state FROM tasks WHERE id = ?");
    // Whoever awaits an end wants the process to live until then.
    this.#lookout = new Lookout(database, bell, { interval, keepsAlive: true, look: () => this.#look() });
  }

  /** See {@link Engine.ended}; the id is the task's own. */
  wait(id: string, signal: AbortSignal | undefined): Promise<TaskRecord | undefined> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abort = (): void => {
        this.#remove(id, waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        resolve: (record) => {
          signal?.removeEventListener("abort", abort);
          resolve(record);
        },
        reject: (error) => {
          signal?.removeEventListener("abort", abort);
          reject(error);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      const waiters = this.#waiters.get(id) ?? new Set();
      this.#waiters.set(id, waiters.add(waiter));
      // First listen, then look: what ends in between is heard.
      this.#lookout.start();
      this.#lookUp(id);
    });
  }

  /** What this process has committed. */
  committed(changes: Changes): void {
    if (this.#waiters.size === 0) return;
    for (const id of changes.ended) this.#lookUp(id);
  }

  /** Rejects everybody who waits. */
  stop(error: unknown): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.reject(error);
    this.#waiters.clear();
    this.#lookout.stop();
  }

  async #look(): Promise<void> {
    try {
      this.#original.check();
    } catch (error) {
      // What there was of the file is all that there will ever be.
      this.stop(this.#told(error));
      return;
    }
    let count = 0;
    for (const id of this.#waiters.keys()) {
      if (++count % lookedUpAtOnce === 0)
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      this.#lookUp(id);
    }
  }

  /** Resolves those who wait for this task if it has ended, or is gone. */
  #lookUp(id: string): void {
    const waiters = this.#waiters.get(id);
    if (waiters === undefined) return;
    try {
      const row = this.#state.get(toColumn(id));
      if (row !== undefined && !isEnd(row["state"])) return;
      const record = row && this.#tasks.find(id);
      this.#waiters.delete(id);
      for (const waiter of waiters) waiter.resolve(record);
    } catch (error) {
      if (isBusy(error)) return; // the next look will find it
      this.#waiters.delete(id);
      for (const waiter of waiters) waiter.reject(this.#told(error));
    }
    if (this.#waiters.size === 0) this.#lookout.stop();
  }

  #remove(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(id);
    if (this.#waiters.size === 0) this.#lookout.stop();
  }
}

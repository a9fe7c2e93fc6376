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
import { isEnd } from "./records.ts";
import type { Tasks } from "./tasks.ts";
import { toColumn } from "./text.ts";

interface Waiter {
  readonly resolve: (record: TaskRecord | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** At most so many tasks are looked up in one turn of the event loop. */
const lookedUpAtOnce = 500;

/** Resolves what waits for ends: from this process's commits, from the bell, and from looking now and then. */
export class EndWatch {
  readonly #tasks: Tasks;
  readonly #bell: Bell;
  readonly #interval: number;
  readonly #told: (error: unknown) => Error;
  readonly #state: StatementSync;
  readonly #version: StatementSync;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #seen: unknown;
  #poll: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(
    database: DatabaseSync,
    tasks: Tasks,
    bell: Bell,
    interval: number,
    told: (error: unknown) => Error,
  ) {
    this.#told = told;
    this.#tasks = tasks;
    this.#bell = bell;
    this.#interval = interval;
    this.#state = database.prepare("SELECT state FROM tasks WHERE id = ?");
    this.#version = database.prepare("PRAGMA data_version");
  }

  /** See {@link Engine.ended}. */
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
      this.#start();
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
    this.#rest();
  }

  #start(): void {
    this.#bell.listen(() => this.#heard());
    // Not unref'd: whoever awaits an end wants the process to live until then.
    this.#poll ??= setInterval(() => {
      this.#bell.listen(() => this.#heard());
      void this.#look();
    }, this.#interval);
  }

  #rest(): void {
    this.#bell.stop();
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  #heard(): void {
    if (this.#looking) return;
    try {
      const version = this.#version.get()?.["data_version"];
      if (version === this.#seen) return; // our own ring
      this.#seen = version;
    } catch {
      // Busy: look all the same.
    }
    void this.#look();
  }

  /** Looks everybody up, then rests for as long again four times, so that it never takes the process over. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const before = performance.now();
    let count = 0;
    for (const id of this.#waiters.keys()) {
      if (++count % lookedUpAtOnce === 0)
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      this.#lookUp(id);
    }
    const rest = Math.max(1, (performance.now() - before) * 4);
    setTimeout(() => {
      this.#looking = false;
      // What rang meanwhile was not listened to.
      if (this.#waiters.size > 0) this.#heard();
    }, rest).unref();
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
    if (this.#waiters.size === 0) this.#rest();
  }

  #remove(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(id);
    if (this.#waiters.size === 0) this.#rest();
  }
}

/**
 * Telling whoever watches a task that it has changed.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Bell } from "./bell.ts";
import { Lookout } from "./lookout.ts";
import { selectAnswering } from "./tasks.ts";
import { toColumn } from "../shared/text.ts";

interface Watched {
  /** How it was when it was looked at last; undefined when that could not be told. */
  seen: string | undefined;
  readonly listeners: Set<() => void>;
}

/** A task that changes all the time is told of no more often than once in so many milliseconds. */
const rest = 10;

/** Hears of changes in three ways: from this process's commits, from the bell, and from looking now and then. */
export class TaskWatch {
  readonly #current: StatementSync;
  readonly #lookout: Lookout;
  readonly #watched = new Map<string, Watched>();

  constructor(database: DatabaseSync, bell: Bell, interval: number) {
    this.#current = database.prepare(
      selectAnswering("state, attempts, deferrals, run_at, lease_token, progress"),
    );
    this.#lookout = new Lookout(database, bell, {
      interval,
      rest,
      keepsAlive: false,
      look: () => this.#look(),
    });
  }

  /** See {@link Engine.watch}. */
  listen(id: string, listener: () => void): () => void {
    const watched = this.#watched.get(id) ?? { seen: this.#read(id), listeners: new Set() };
    this.#watched.set(id, watched);
    // One of its own for each call, even if two give the same.
    const call = (): void => listener();
    watched.listeners.add(call);
    this.#lookout.start();
    return () => {
      watched.listeners.delete(call);
      if (watched.listeners.size === 0 && this.#watched.get(id) === watched) this.#watched.delete(id);
      if (this.#watched.size === 0) this.#lookout.stop();
    };
  }

  /** This process has changed tasks. */
  changed(): void {
    this.#lookout.look();
  }

  stop(): void {
    for (const { listeners } of this.#watched.values()) listeners.clear();
    this.#watched.clear();
    this.#lookout.stop();
  }

  #look(): void {
    for (const [id, watched] of this.#watched) {
      const current = this.#read(id);
      if (current !== undefined && current === watched.seen) continue;
      watched.seen = current;
      for (const call of watched.listeners) {
        queueMicrotask(() => {
          if (watched.listeners.has(call)) call();
        });
      }
    }
  }

  /** What a change would change; undefined when the file is busy. */
  #read(id: string): string | undefined {
    try {
      return JSON.stringify(this.#current.get({ $id: toColumn(id) }) ?? null);
    } catch {
      return undefined;
    }
  }
}

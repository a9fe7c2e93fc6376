/**
 * Group commit: whatever one turn of the event loop asks to be written is written in one transaction.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { untilFree } from "./busy.ts";
import { closedError, engineError } from "./errors.ts";
import type { Original } from "./original.ts";

/** What a transaction has changed that somebody may be waiting for; told once it is committed. */
export class Changes {
  /** Queues in which a task became ready. */
  readonly ready = new Set<string>();
  /** Tasks that came to an end. */
  readonly ended: string[] = [];
  /** Whether the state, the attempts or the progress of any task changed, an end apart. */
  touched = false;
  /** Whether a running task was cancelled. */
  marked = false;
  /** How many runs of a lane, as stored, ended, less those that began. */
  readonly lanes = new Map<string, number>();
  /** The earliest time (epoch milliseconds) for which a task was scheduled. */
  scheduled = Infinity;
  /** The earliest time (epoch milliseconds) at which a lease ends that was given. */
  expires = Infinity;
  /** The earliest time (epoch milliseconds) at which a lane that was full may have room by itself. */
  roomAt = Infinity;
  /** When records are to be removed (epoch milliseconds) of which that was said. */
  readonly removals = new Set<number>();

  /** Runs of a lane ended or, when it is negative, began. */
  freed(lane: string, count: number): void {
    if (lane !== "") this.lanes.set(lane, (this.lanes.get(lane) ?? 0) + count);
  }
}

/** Thrown by what does several operations together, when it cannot: each gets a transaction of its own. */
export class NotTogether extends Error {}

/** How an operation can be done together with those of its kind that are asked for right after it. */
export interface Joint<Item, Result> {
  /** Does two or more. The same function in all of a kind. May throw {@link NotTogether}, whatever it has done. */
  readonly by: (items: readonly Item[], changes: Changes) => readonly Result[];
  readonly item: Item;
}

interface Operation {
  /** For the message of an error: `sending 3 tasks`. */
  readonly what: string;
  /** Reads and writes; may run again in another transaction if this one does not commit. */
  readonly work: (changes: Changes) => unknown;
  readonly joint: Joint<never, unknown> | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Its group has failed: it gets a transaction of its own. */
  alone: boolean;
}

/** No group works longer than this many milliseconds, so that the event loop is never blocked for long. */
const longestGroup = 10;

/** No more than this many are done together, so that the limit holds. */
const mostTogether = 100;

/** Runs operations in shared transactions, in the order in which they were asked for. */
export class Committer {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #original: Original;
  readonly #patience: number;
  readonly #committed: (changes: Changes, duration: number) => void;
  #pending: Operation[] = [];
  #flushing: Promise<void> | undefined;
  #closed = false;

  /** `committed` is told how long the COMMIT took, in milliseconds. */
  constructor(
    database: DatabaseSync,
    path: string,
    original: Original,
    patience: number,
    committed: (changes: Changes, duration: number) => void,
  ) {
    this.#database = database;
    this.#path = path;
    this.#original = original;
    this.#patience = patience;
    this.#committed = committed;
  }

  /** Whether nothing waits to be written. */
  get idle(): boolean {
    return this.#pending.length === 0;
  }

  /** Resolves with what `work` returned, or `joint` in its place, once it is committed. */
  run<T, Item = never>(what: string, work: (changes: Changes) => T, joint?: Joint<Item, T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError(this.#path));
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({
        what,
        work,
        joint: joint as Joint<never, unknown> | undefined,
        resolve: resolve as (result: unknown) => void,
        reject,
        alone: false,
      });
      this.#flushing ??= this.#flush();
    });
  }

  /** Writes what was asked for so far and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      // The end of this turn: all that it asks for is here by then.
      await nextTurn();
      try {
        await untilFree(() => this.#database.exec("BEGIN IMMEDIATE"), this.#patience);
        this.#original.check();
      } catch (error) {
        this.#rollBack();
        for (const { what, reject } of this.#pending.splice(0)) reject(engineError(error, this.#path, what));
        break;
      }
      this.#runGroup();
    }
    this.#flushing = undefined;
  }

  /** Runs what is pending within the open transaction, and ends it. Nothing here waits. */
  #runGroup(): void {
    const group: Operation[] = [];
    const results: unknown[] = [];
    const changes = new Changes();
    const deadline = performance.now() + longestGroup;
    let duration = 0;
    try {
      do {
        const operation = this.#pending.shift() as Operation;
        group.push(operation);
        const others = this.#takeJoint(operation);
        if (others.length === 0) {
          results.push(operation.work(changes));
          continue;
        }
        group.push(...others);
        const items = [operation, ...others].map(({ joint }) => joint!.item);
        results.push(...operation.joint!.by(items, changes));
      } while (
        this.#pending[0]?.alone === false &&
        group[0]?.alone === false &&
        performance.now() < deadline
      );
      const before = performance.now();
      this.#database.exec("COMMIT");
      duration = performance.now() - before;
    } catch (error) {
      this.#rollBack();
      this.#failed(group, error);
      return;
    }
    for (const [index, { resolve }] of group.entries()) resolve(results[index]);
    this.#committed(changes, duration);
  }

  /** Takes those that follow and may be done together with an operation. */
  #takeJoint({ joint, alone }: Operation): Operation[] {
    if (joint === undefined || alone) return [];
    const end = this.#pending.findIndex((next) => next.alone || next.joint?.by !== joint.by);
    return this.#pending.splice(0, Math.min(end === -1 ? this.#pending.length : end, mostTogether));
  }

  #rollBack(): void {
    try {
      // SQLite has rolled back by itself after some errors, a full disk among them.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    } catch {
      // The error that led here is the one to tell; BEGIN will tell if the connection is of no use any more.
    }
  }

  /** One operation that cannot be done shall not take the others of its group with it: each is tried alone. */
  #failed(group: readonly Operation[], error: unknown): void {
    const [first] = group;
    if (first !== undefined && group.length === 1) {
      first.reject(engineError(error, this.#path, first.what));
      return;
    }
    for (const operation of group) operation.alone = true;
    this.#pending.unshift(...group);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

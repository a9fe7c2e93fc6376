/**
 * Removing tasks that have ended long ago, with what belongs to them.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { pragma } from "./place.ts";

/**
 * The assignment that says when a task that ends is to be removed; its parameter from {@link removalTime}. Not
 * before the time until which its record holds a key.
 */
export const removeAt = "remove_at = max(?, ifnull(unique_until, 0))";

/** When to remove a task that ends now, as a parameter: null for never. */
export function removalTime(now: number, keep: number): number | null {
  const at = Math.ceil(now + keep);
  return at <= Number.MAX_SAFE_INTEGER ? at : null;
}

/** `PRAGMA auto_vacuum`, as SQLite tells it. */
const incremental = 2;

/** At most so many tasks are removed in one transaction, */
const removedAtOnce = 200;

/** and none any more after so many milliseconds: what was logged, or is large, takes longer than the rest. */
const longestBatch = 10;

/** Free pages are kept, for what comes, as long as they are fewer than this, */
const pagesKept = 1000;

/** or than one in so many. */
const shareKept = 4;

/** At most so many pages are given back in one transaction. */
const givenBackAtOnce = 250;

/** Removes ended tasks, in small batches, and starts of tasks that do not count any more. Gives back free pages. */
export class Retention {
  readonly #database: DatabaseSync;
  readonly #pages: StatementSync;
  readonly #freePages: StatementSync;
  readonly #canGiveBack: boolean;
  readonly #isDue: StatementSync;
  readonly #old: StatementSync;
  readonly #remove: StatementSync;
  readonly #forget: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#pages = database.prepare("PRAGMA page_count");
    this.#freePages = database.prepare("PRAGMA freelist_count");
    // A file that was made by the first version cannot, and goes on with its free pages.
    this.#canGiveBack = pragma(database, "auto_vacuum") === incremental;
    this.#isDue = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM tasks WHERE remove_at <= $now)
         OR EXISTS (SELECT 1 FROM starts WHERE counted_until <= $now) AS due`,
    );
    this.#old = database.prepare(`SELECT sequence FROM tasks WHERE remove_at <= ? LIMIT ${removedAtOnce}`);
    this.#remove = database.prepare("DELETE FROM tasks WHERE sequence = ?");
    this.#forget = database.prepare("DELETE FROM starts WHERE counted_until <= ?");
  }

  /** Whether there is something to remove. Only reads. */
  isDue(): boolean {
    return this.#isDue.get({ $now: Date.now() })?.["due"] === 1 || this.#hasTooManyFree();
  }

  /** Removes a batch, within the committer's transaction. Whether there may be more. */
  remove(): boolean {
    const now = Date.now();
    this.#forget.run(now);
    if (this.#removeSome(now)) return true;
    if (!this.#hasTooManyFree()) return false;
    this.#database.exec(`PRAGMA incremental_vacuum(${givenBackAtOnce})`);
    return this.#hasTooManyFree();
  }

  /** Whether there may be more. */
  #removeSome(now: number): boolean {
    const deadline = performance.now() + longestBatch;
    const rows = this.#old.all(now);
    for (const { sequence } of rows) {
      this.#remove.run(sequence as number);
      if (performance.now() > deadline) return true;
    }
    return rows.length === removedAtOnce;
  }

  #hasTooManyFree(): boolean {
    if (!this.#canGiveBack) return false;
    const free = Number(this.#freePages.get()?.["freelist_count"]);
    return free > pagesKept && free * shareKept > Number(this.#pages.get()?.["page_count"]);
  }
}

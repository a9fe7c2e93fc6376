/**
 * Removing tasks that have ended long ago, with what belongs to them.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

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

/** At most so many tasks are removed in one transaction. */
const removedAtOnce = 200;

/** Removes ended tasks, in small batches, and starts of tasks that do not count any more. */
export class Retention {
  readonly #isDue: StatementSync;
  readonly #remove: StatementSync;
  readonly #forget: StatementSync;

  constructor(database: DatabaseSync) {
    this.#isDue = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM tasks WHERE remove_at <= $now)
         OR EXISTS (SELECT 1 FROM starts WHERE counted_until <= $now) AS due`,
    );
    this.#remove = database.prepare(
      `DELETE FROM tasks WHERE sequence IN (SELECT sequence FROM tasks WHERE remove_at <= ? LIMIT ${removedAtOnce})`,
    );
    this.#forget = database.prepare("DELETE FROM starts WHERE counted_until <= ?");
  }

  /** Whether there is something to remove. Only reads. */
  isDue(): boolean {
    return this.#isDue.get({ $now: Date.now() })?.["due"] === 1;
  }

  /** Removes a batch, within the committer's transaction. Whether there may be more. */
  remove(): boolean {
    const now = Date.now();
    this.#forget.run(now);
    return Number(this.#remove.run(now).changes) === removedAtOnce;
  }
}

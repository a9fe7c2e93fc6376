/**
 * Removing tasks that have ended long ago.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { ended } from "./schema.ts";

/** The ends that need nobody's attention; failed and parked tasks are kept for good. */
const removable = ["succeeded", "skipped", "discarded"] as const;

/** At most so many tasks are removed in one transaction. */
const removedAtOnce = 200;

/** Removes ended tasks, in small batches. */
export class Retention {
  readonly #nextQueue: StatementSync;
  readonly #hasOld: StatementSync;
  readonly #remove: StatementSync;
  readonly #retention: number;

  constructor(database: DatabaseSync, retention: number) {
    this.#retention = retention;
    this.#nextQueue = database.prepare(
      `SELECT min(queue) AS queue FROM tasks INDEXED BY tasks_ended WHERE ${ended} AND state = ? AND queue > ?`,
    );
    const old = `tasks INDEXED BY tasks_ended WHERE ${ended} AND state = ? AND queue = ? AND ended_at <= ?`;
    this.#hasOld = database.prepare(`SELECT EXISTS (SELECT 1 FROM ${old}) AS old`);
    this.#remove = database.prepare(
      `DELETE FROM tasks WHERE sequence IN (SELECT sequence FROM ${old} LIMIT ${removedAtOnce})`,
    );
  }

  /** Whether there is something to remove. Only reads. */
  isDue(): boolean {
    return this.#groups().some(
      ([state, queue]) => this.#hasOld.get(state, queue, this.#limit())?.["old"] === 1,
    );
  }

  /** Removes a batch, within the committer's transaction. Whether there may be more. */
  remove(): boolean {
    let more = false;
    for (const [state, queue] of this.#groups()) {
      more = Number(this.#remove.run(state, queue, this.#limit()).changes) === removedAtOnce || more;
    }
    return more;
  }

  #limit(): number {
    return Math.floor(Date.now() - this.#retention);
  }

  /** The removable states with their queues, from the index: a step per queue, however many tasks it holds. */
  #groups(): [string, string][] {
    const groups: [string, string][] = [];
    for (const state of removable) {
      let queue: unknown = "";
      while (typeof queue === "string") {
        groups.push([state, queue]);
        queue = this.#nextQueue.get(state, queue)?.["queue"];
      }
    }
    return groups;
  }
}

/**
 * Queues that are paused. What changes something here runs within the committer's transaction.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Changes } from "./committer.ts";
import { readableColumn, toColumn } from "../shared/text.ts";

/** The queues of which no process takes anything. */
export class Pauses {
  readonly #all: StatementSync;
  readonly #pause: StatementSync;
  readonly #resume: StatementSync;

  constructor(database: DatabaseSync) {
    this.#all = database.prepare("SELECT queue FROM paused");
    this.#pause = database.prepare("INSERT INTO paused (queue) VALUES (?) ON CONFLICT (queue) DO NOTHING");
    this.#resume = database.prepare("DELETE FROM paused WHERE queue = ?");
  }

  /** See {@link Engine.pause}. */
  pause(queue: string): void {
    this.#pause.run(toColumn(queue));
  }

  /** See {@link Engine.resume}. */
  resume(queue: string, changes: Changes): void {
    if (this.#resume.run(toColumn(queue)).changes > 0) changes.ready.add(queue);
  }

  /** See {@link Engine.paused}. */
  paused(): string[] {
    return this.#all
      .all()
      .map((row) => readableColumn(String(row["queue"])))
      .toSorted();
  }

  /** Those of these queues that are not paused. */
  open(queues: readonly string[]): readonly string[] {
    const rows = this.#all.all();
    if (rows.length === 0) return queues;
    const paused = new Set(rows.map((row) => row["queue"]));
    return queues.filter((queue) => !paused.has(toColumn(queue)));
  }
}

/**
 * What runs tell: progress and lines. Everything here runs within the committer's transaction.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Lease, LogLine, Report } from "../../engine.ts";
import type { Changes } from "./committer.ts";
import { toColumn } from "../shared/text.ts";

/** Of a task's lines, so many are kept. */
const linesKept = 1000;

/** Keeps what runs tell, as long as their leases are held. */
export class Reports {
  readonly #held: StatementSync;
  readonly #progress: StatementSync;
  readonly #last: StatementSync;
  readonly #add: StatementSync;
  readonly #trim: StatementSync;

  constructor(database: DatabaseSync) {
    this.#held = database.prepare(
      "SELECT sequence FROM tasks WHERE id = ? AND lease_token = ? AND state = 'running'",
    );
    this.#progress = database.prepare("UPDATE tasks SET progress = ? WHERE sequence = ?");
    this.#last = database.prepare("SELECT max(number) AS number FROM logs WHERE task = ?");
    this.#add = database.prepare("INSERT INTO logs (task, number, at, text) VALUES (?, ?, ?, ?)");
    this.#trim = database.prepare("DELETE FROM logs WHERE task = ? AND number <= ?");
  }

  /** Whether the lease was held. */
  report(lease: Lease, { progress, lines = [] }: Report, changes: Changes): boolean {
    const row = this.#held.get(toColumn(lease.id), lease.token);
    if (row === undefined) return false;
    const sequence = Number(row["sequence"]);
    if (progress !== undefined) {
      this.#progress.run(JSON.stringify(progress), sequence);
      changes.touched = true;
    }
    if (lines.length > 0) this.#addLines(sequence, lines.slice(-linesKept));
    return true;
  }

  #addLines(sequence: number, lines: readonly LogLine[]): void {
    let number = Number(this.#last.get(sequence)?.["number"] ?? 0);
    for (const { at, text } of lines) this.#add.run(sequence, ++number, Math.floor(at), toColumn(text));
    this.#trim.run(sequence, number - linesKept);
  }
}

/**
 * What people do with tasks: retry, discard, cancel. Everything here runs within the committer's transaction.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Reason } from "../../engine.ts";
import type { Changes } from "./committer.ts";
import { removalTime, removeAt } from "./retention.ts";
import { left } from "./schema.ts";
import { readableColumn, toColumn } from "../shared/text.ts";

/** Changes tasks that no worker has, and marks those that one has. */
export class Managing {
  readonly #retention: number;
  readonly #retry: StatementSync;
  readonly #discard: StatementSync;
  readonly #cancel: StatementSync;
  readonly #mark: StatementSync;

  constructor(database: DatabaseSync, retention: number) {
    this.#retention = retention;
    this.#retry = database.prepare(
      `UPDATE tasks SET state = 'waiting', run_at = ?, attempts = 0, crashes = 0, deferrals = 0, deferred_at = NULL,
         reason = NULL, ended_at = NULL, remove_at = NULL
       WHERE id = ? AND state IN ('failed', 'parked', 'skipped', 'discarded', 'expired', 'cancelled')
       RETURNING queue`,
    );
    const end = (state: string): string =>
      `UPDATE tasks SET state = '${state}', reason = ?, ended_at = ?, ${removeAt} WHERE id = ? AND `;
    this.#discard = database.prepare(
      `${end("discarded")} state IN ('scheduled', 'waiting', 'failed', 'parked')`,
    );
    this.#cancel = database.prepare(`${end("cancelled")} (state IN ('scheduled', 'waiting') OR ${left})`);
    this.#mark = database.prepare(
      "UPDATE tasks SET cancel_reason = ? WHERE id = ? AND state = 'running' AND cancel_reason IS NULL",
    );
  }

  /** See {@link Engine.retry}. */
  retry(ids: readonly string[], changes: Changes): number {
    const now = Date.now();
    let count = 0;
    for (const id of ids) {
      const row = this.#retry.get(now, toColumn(id));
      if (row === undefined) continue;
      changes.ready.add(readableColumn(String(row["queue"])));
      changes.touched = true;
      count += 1;
    }
    return count;
  }

  /** See {@link Engine.discard}. */
  discard(ids: readonly string[], reason: Reason, changes: Changes): number {
    return ids.filter((id) => this.#end(this.#discard, id, JSON.stringify(reason), changes)).length;
  }

  /** See {@link Engine.cancel}. */
  cancel(ids: readonly string[], reason: Reason, changes: Changes): number {
    const text = JSON.stringify(reason);
    return ids.filter((id) => {
      if (this.#end(this.#cancel, id, text, changes)) return true;
      const marked = this.#mark.run(text, toColumn(id)).changes > 0;
      if (marked) changes.marked = true;
      return marked;
    }).length;
  }

  #end(statement: StatementSync, id: string, reason: string, changes: Changes): boolean {
    const now = Date.now();
    const hasEnded = statement.run(reason, now, removalTime(now, this.#retention), toColumn(id)).changes > 0;
    if (hasEnded) changes.ended.push(id);
    return hasEnded;
  }
}

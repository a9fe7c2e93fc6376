/**
 * Ending claims. Everything here runs within the committer's transaction.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Settlement, TaskState } from "../../engine.ts";
import type { Changes } from "./committer.ts";
import { fromColumn, toColumn } from "./text.ts";

/** Fences every settlement: it changes the row only while this very lease is held. */
const held = "lease_token = NULL, lease_until = NULL WHERE id = ? AND lease_token = ? AND state = 'running'";

const endOf = {
  fail: "failed",
  park: "parked",
  skip: "skipped",
  discard: "discarded",
} as const satisfies Record<string, TaskState>;

/** Ends claims as a {@link Settlement} says. */
export class Settlements {
  readonly #complete: StatementSync;
  readonly #again: StatementSync;
  readonly #defer: StatementSync;
  readonly #release: StatementSync;
  readonly #end: StatementSync;

  constructor(database: DatabaseSync) {
    this.#complete = database.prepare(
      `UPDATE tasks SET state = 'succeeded', attempts = attempts + 1, reason = NULL, result = ?, ended_at = ?, ${held}`,
    );
    this.#again = database.prepare(
      `UPDATE tasks SET state = ?, run_at = ?, reason = ?, attempts = attempts + 1, deferrals = 0, ${held} RETURNING queue`,
    );
    this.#defer = database.prepare(
      `UPDATE tasks SET state = ?, run_at = ?, reason = ?, deferrals = deferrals + 1, ${held} RETURNING queue`,
    );
    this.#release = database.prepare(`UPDATE tasks SET state = 'waiting', ${held} RETURNING queue`);
    this.#end = database.prepare(
      `UPDATE tasks SET state = ?, attempts = attempts + ?, reason = ?, ended_at = ?, ${held}`,
    );
  }

  /** Whether the lease was still held. */
  settle(settlement: Settlement, changes: Changes): boolean {
    const id = toColumn(settlement.lease.id);
    const { token } = settlement.lease;
    const now = Date.now();
    switch (settlement.kind) {
      case "complete": {
        const done = this.#complete.run(toColumn(settlement.result), now, id, token).changes > 0;
        if (done) changes.ended.push(settlement.lease.id);
        return done;
      }
      case "retryAt":
      case "defer": {
        const at = Math.ceil(Math.max(settlement.at, now));
        const state: TaskState = at > now ? "scheduled" : "waiting";
        const statement = settlement.kind === "defer" ? this.#defer : this.#again;
        const row = statement.get(state, at, JSON.stringify(settlement.reason), id, token);
        if (row !== undefined && state === "scheduled") changes.scheduled = Math.min(changes.scheduled, at);
        if (row !== undefined && state === "waiting") changes.ready.add(fromColumn(String(row["queue"])));
        return row !== undefined;
      }
      case "release": {
        const row = this.#release.get(id, token);
        if (row !== undefined) changes.ready.add(fromColumn(String(row["queue"])));
        return row !== undefined;
      }
      default: {
        const attempts = settlement.kind === "fail" ? 1 : 0;
        const reason = JSON.stringify(settlement.reason);
        const done = this.#end.run(endOf[settlement.kind], attempts, reason, now, id, token).changes > 0;
        if (done) changes.ended.push(settlement.lease.id);
        return done;
      }
    }
  }
}

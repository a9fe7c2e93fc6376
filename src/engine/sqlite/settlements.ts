/**
 * Ending claims. Everything here runs within the committer's transaction.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { endOf, type Lease, type Reason, type Settlement, type TaskState } from "../../engine.ts";
import { NotTogether, type Changes } from "./committer.ts";
import { more, type Row } from "./records.ts";
import { removalTime, removeAt } from "./retention.ts";
import { fromColumn, toColumn } from "../shared/text.ts";

/** Fences every settlement: it changes the row only while this very lease is held. */
const held = "id = ? AND lease_token = ? AND state = 'running'";

const letGo = "lease_token = NULL, lease_until = NULL, cancel_reason = NULL";

const inNoLane: Row = { lane: "" };

type Again = Extract<Settlement, { kind: "retryAt" | "defer" | "release" }>;
type End = Exclude<Settlement, Again>;

export type Completion = Extract<Settlement, { kind: "complete" }>;

/** So many are completed by one statement. */
const completedAtOnce = 10;

/** Ends claims as a {@link Settlement} says. */
export class Settlements {
  readonly #retention: number;
  readonly #completeInNone: StatementSync;
  readonly #complete: StatementSync;
  readonly #completeMany: StatementSync;
  readonly #isAnyInLane: StatementSync;
  readonly #end: StatementSync;
  readonly #held: StatementSync;
  readonly #giveBack: StatementSync;
  readonly #retryAt: StatementSync;
  readonly #defer: StatementSync;
  readonly #release: StatementSync;
  readonly #cancel: StatementSync;

  constructor(database: DatabaseSync, retention: number) {
    this.#retention = retention;
    const complete = `UPDATE tasks SET state = 'succeeded', ${more("attempts")}, reason = NULL, result = ?,
      ended_at = ?, ${removeAt}, ${letGo} WHERE ${held}`;
    // Nothing to be returned is a third quicker, and most tasks are in no lane.
    this.#completeInNone = database.prepare(`${complete} AND lane = ''`);
    this.#complete = database.prepare(`${complete} RETURNING lane`);
    const values = Array.from({ length: completedAtOnce }, () => "(?, ?, ?, ?)").join(", ");
    // The plus signs: each is found by its id, whatever the planner thinks of those that run.
    this.#completeMany = database.prepare(
      `WITH done (done_id, token, text, removal) AS (VALUES ${values})
       UPDATE tasks SET state = 'succeeded', ${more("attempts")}, reason = NULL, result = text, ended_at = ?,
         ${removeAt.replace("?", "removal")}, ${letGo}
       FROM done WHERE id = done_id AND +lease_token = token AND +state = 'running'`,
    );
    this.#isAnyInLane = database.prepare(
      "SELECT EXISTS (SELECT 1 FROM tasks WHERE state = 'running' AND lane <> '' AND lane > '')",
    );
    this.#isAnyInLane.setReturnArrays(true);
    this.#end = database.prepare(
      `UPDATE tasks SET state = ?, ${more("attempts", "?")}, reason = ?, needs = ?, ended_at = ?, ${removeAt}, ${letGo}
       WHERE ${held} RETURNING lane, queue`,
    );
    this.#held = database.prepare(
      `SELECT sequence, queue, lane, started_at, cancel_reason FROM tasks WHERE ${held}`,
    );
    this.#giveBack = database.prepare(
      "UPDATE starts SET count = count - 1 WHERE lane = ? AND at = ? AND count > 0",
    );
    this.#retryAt = database.prepare(
      `UPDATE tasks SET state = ?, run_at = ?, reason = ?, ${more("attempts")}, deferrals = 0, deferred_at = NULL,
         ${letGo} WHERE sequence = ?`,
    );
    this.#defer = database.prepare(
      `UPDATE tasks SET state = ?, run_at = ?, reason = ?, ${more("deferrals")},
         deferred_at = ifnull(deferred_at, ?), ${letGo} WHERE sequence = ?`,
    );
    this.#release = database.prepare(`UPDATE tasks SET state = 'waiting', ${letGo} WHERE sequence = ?`);
    this.#cancel = database.prepare(
      `UPDATE tasks SET state = 'cancelled', reason = cancel_reason, ${more("attempts", "?")}, ended_at = ?,
         ${removeAt}, ${letGo} WHERE sequence = ?`,
    );
  }

  /** Whether the lease was still held. */
  settle(settlement: Settlement, changes: Changes): boolean {
    const { kind } = settlement;
    const isAgain = kind === "retryAt" || kind === "defer" || kind === "release";
    return isAgain ? this.#settleAgain(settlement, changes) : this.#settleEnd(settlement, changes);
  }

  /**
   * Like {@link settle}, for several that succeeded: one statement for ten of them. It does not tell which of them it
   * has found, as that takes longer than to do them one by one.
   *
   * @throws NotTogether where a lease was lost, or settled already
   */
  readonly completeAll = (completions: readonly Completion[], changes: Changes): readonly boolean[] => {
    const [isAnyInLane] = this.#isAnyInLane.get() as unknown as number[];
    if (isAnyInLane === 1) return completions.map((completion) => this.settle(completion, changes));
    const now = Date.now();
    for (let from = 0; from < completions.length; from += completedAtOnce)
      this.#completeSome(completions.slice(from, from + completedAtOnce), now, changes);
    return completions.map(() => true);
  };

  #completeSome(completions: readonly Completion[], now: number, changes: Changes): void {
    const parameters: (string | number | null)[] = [];
    for (const { lease, result, keep } of completions) {
      const removal = removalTime(now, keep ?? this.#retention);
      parameters.push(toColumn(lease.id), lease.token, toColumn(result), removal);
      changes.ended.push(lease.id);
      if (keep !== undefined && removal !== null) changes.removals.add(removal);
    }
    // No task has NULL for its id: what is left over of the statement finds nothing.
    while (parameters.length < 4 * completedAtOnce) parameters.push(null);
    if (this.#completeMany.run(...parameters, now).changes !== completions.length) throw new NotTogether();
  }

  #settleEnd(settlement: End, changes: Changes): boolean {
    const { lease, keep } = settlement;
    const now = Date.now();
    const isKept = settlement.kind === "fail" || settlement.kind === "park";
    const removal = isKept ? null : removalTime(now, keep ?? this.#retention);
    const id = toColumn(lease.id);
    const needs = settlement.kind === "park" ? settlement.needs : undefined;
    if (needs !== undefined) {
      const held = this.#held.get(id, lease.token);
      if (held !== undefined && held["cancel_reason"] !== null)
        return this.#settleCancelled(held, 0, lease, changes);
    }
    const row =
      settlement.kind === "complete"
        ? this.#completed(toColumn(settlement.result), now, removal, id, lease.token)
        : this.#end.get(
            endOf[settlement.kind],
            settlement.kind === "fail" ? 1 : 0,
            JSON.stringify(settlement.reason),
            needs === undefined ? null : JSON.stringify(needs),
            now,
            removal,
            id,
            lease.token,
          );
    if (row === undefined) return false;
    changes.ended.push(lease.id);
    changes.freed(String(row["lane"]), 1);
    if (needs !== undefined) ready(row, changes);
    if (keep !== undefined && removal !== null) changes.removals.add(removal);
    return true;
  }

  /** The lane of a task that has succeeded; undefined when its lease was lost. */
  #completed(...parameters: (string | number | null)[]): Row | undefined {
    if (this.#completeInNone.run(...parameters).changes > 0) return inNoLane;
    return this.#complete.get(...parameters);
  }

  /** Another run shall follow; not if the task was cancelled meanwhile. */
  #settleAgain(settlement: Again, changes: Changes): boolean {
    const { kind, lease } = settlement;
    const row = this.#held.get(toColumn(lease.id), lease.token);
    if (row === undefined) return false;
    const sequence = Number(row["sequence"]);
    const isUnused = kind === "defer" || (kind === "release" && settlement.unused === true);
    if (isUnused && row["lane"] !== "")
      this.#giveBack.run(row["lane"] as string, row["started_at"] as number);
    if (row["cancel_reason"] !== null)
      return this.#settleCancelled(row, kind === "retryAt" ? 1 : 0, lease, changes);
    changes.freed(String(row["lane"]), 1);
    if (kind === "release") {
      this.#release.run(sequence);
      ready(row, changes);
    } else {
      this.#reschedule(kind, settlement.at, settlement.reason, row, changes);
    }
    changes.touched = true;
    return true;
  }

  /** Another run would follow, but it was cancelled meanwhile. */
  #settleCancelled(row: Row, attempts: number, { id }: Lease, changes: Changes): boolean {
    const now = Date.now();
    this.#cancel.run(attempts, now, removalTime(now, this.#retention), Number(row["sequence"]));
    changes.ended.push(id);
    changes.freed(String(row["lane"]), 1);
    changes.touched = true;
    return true;
  }

  #reschedule(kind: "retryAt" | "defer", time: number, why: Reason, row: Row, changes: Changes): void {
    const now = Date.now();
    const at = Math.ceil(Math.max(time, now));
    const state: TaskState = at > now ? "scheduled" : "waiting";
    const reason = JSON.stringify(why);
    const sequence = Number(row["sequence"]);
    if (kind === "retryAt") this.#retryAt.run(state, at, reason, sequence);
    else this.#defer.run(state, at, reason, now, sequence);
    if (state === "waiting") ready(row, changes);
    else changes.scheduled = Math.min(changes.scheduled, at);
  }
}

function ready(row: Row, changes: Changes): void {
  changes.ready.add(fromColumn(String(row["queue"])));
}

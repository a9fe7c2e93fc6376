/**
 * Sending tasks, and what people do with tasks that are there: look them up, retry, discard.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Outgoing, QueueCount, Reason, TaskRecord, TaskState } from "../../engine.ts";
import type { Changes } from "./committer.ts";
import { knownState, readRecord, recordColumns } from "./records.ts";
import { ended } from "./schema.ts";
import { fromColumn, toColumn } from "./text.ts";

/** The tasks in the file. What changes them runs within the committer's transaction. */
export class Tasks {
  readonly #insert: StatementSync;
  readonly #find: StatementSync;
  readonly #counts: StatementSync;
  readonly #retry: StatementSync;
  readonly #discard: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      `INSERT INTO tasks (id, task, queue, payload, headers, state, sent_at, run_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO NOTHING`,
    );
    this.#find = database.prepare(`SELECT ${recordColumns} FROM tasks WHERE id = ?`);
    this.#counts = database.prepare(
      `SELECT queue, 'scheduled' AS state, count(*) AS count FROM tasks INDEXED BY tasks_scheduled
         WHERE state = 'scheduled' GROUP BY queue
       UNION ALL SELECT queue, 'waiting', count(*) FROM tasks INDEXED BY tasks_waiting
         WHERE state = 'waiting' GROUP BY queue
       UNION ALL SELECT queue, 'running', count(*) FROM tasks INDEXED BY tasks_running
         WHERE state = 'running' GROUP BY queue
       UNION ALL SELECT queue, state, count(*) FROM tasks INDEXED BY tasks_ended WHERE ${ended} GROUP BY state, queue`,
    );
    this.#retry = database.prepare(
      `UPDATE tasks SET state = 'waiting', run_at = ?, attempts = 0, crashes = 0, deferrals = 0,
         reason = NULL, ended_at = NULL
       WHERE id = ? AND state IN ('failed', 'parked', 'skipped', 'discarded') RETURNING queue`,
    );
    this.#discard = database.prepare(
      `UPDATE tasks SET state = 'discarded', reason = ?, ended_at = ?
       WHERE id = ? AND state IN ('scheduled', 'waiting', 'failed', 'parked')`,
    );
  }

  send(batch: readonly Outgoing[], changes: Changes): void {
    const now = Date.now();
    for (const { message, runAt } of batch) {
      const at = Math.ceil(Math.max(runAt, now));
      const state: TaskState = at > now ? "scheduled" : "waiting";
      const { id, task, queue, payload } = message;
      const inserted = this.#insert.run(
        toColumn(id),
        toColumn(task),
        toColumn(queue),
        toColumn(payload),
        JSON.stringify(message.headers),
        state,
        now,
        at,
      );
      if (inserted.changes === 0) continue;
      if (state === "waiting") changes.ready.add(queue);
      else changes.scheduled = Math.min(changes.scheduled, at);
    }
  }

  find(id: string): TaskRecord | undefined {
    const row = this.#find.get(toColumn(id));
    return row && readRecord(row);
  }

  counts(): QueueCount[] {
    const counts = new Map<string, { queue: string; state: TaskState; count: number }>();
    for (const row of this.#counts.all()) {
      const state = knownState(row["state"]);
      const stored = String(row["queue"]);
      const key = `${state} ${stored}`;
      const count = counts.get(key) ?? { queue: queueName(stored), state, count: 0 };
      count.count += Number(row["count"]);
      counts.set(key, count);
    }
    return [...counts.values()];
  }

  retry(ids: readonly string[], changes: Changes): number {
    let count = 0;
    for (const id of ids) {
      const row = this.#retry.get(Date.now(), toColumn(id));
      if (row === undefined) continue;
      changes.ready.add(queueName(String(row["queue"])));
      count += 1;
    }
    return count;
  }

  discard(ids: readonly string[], reason: Reason, changes: Changes): number {
    let count = 0;
    for (const id of ids) {
      if (this.#discard.run(JSON.stringify(reason), Date.now(), toColumn(id)).changes === 0) continue;
      changes.ended.push(id);
      count += 1;
    }
    return count;
  }
}

/** A queue's name, or, when it is damaged, what is stored in its place. */
function queueName(stored: string): string {
  try {
    return fromColumn(stored);
  } catch {
    return stored;
  }
}

/**
 * Looking tasks up.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { LogLine, QueueCount, TaskRecord, TaskState } from "../../engine.ts";
import { countInSlices, Size, type Count } from "./counting.ts";
import type { Place } from "./place.ts";
import { knownState, readRecord, recordColumns } from "./records.ts";
import { ended } from "./schema.ts";
import { readableColumn, toColumn } from "../shared/text.ts";

// Parameters that stand twice have names: Node 22 does not bind `?1` from a list.

/** Columns of the task of `$id` or, when there is none, of the task that answers for it. */
export function selectAnswering(columns: string): string {
  return (
    `SELECT ${columns} FROM tasks WHERE id = $id UNION ALL ` +
    `SELECT ${columns} FROM tasks WHERE sequence = (SELECT holder FROM aliases WHERE id = $id) LIMIT 1`
  );
}

/** The tasks in the file, to be read. */
export class Tasks {
  readonly #find: StatementSync;
  readonly #id: StatementSync;
  readonly #logs: StatementSync;
  readonly #counts: StatementSync;
  readonly #size: Size;
  readonly #place: Place;

  constructor(database: DatabaseSync, place: Place) {
    this.#place = place;
    this.#find = database.prepare(selectAnswering(recordColumns));
    this.#id = database.prepare(selectAnswering("id"));
    this.#logs = database.prepare(
      `SELECT at, text FROM logs WHERE task = (${selectAnswering("sequence")}) ORDER BY number`,
    );
    this.#size = new Size(database);
    this.#counts = database.prepare(
      `SELECT queue, 'scheduled' AS state, count(*) AS count FROM tasks INDEXED BY tasks_scheduled
         WHERE state = 'scheduled' GROUP BY queue
       UNION ALL SELECT queue, 'waiting', count(*) FROM tasks INDEXED BY tasks_waiting
         WHERE state = 'waiting' GROUP BY queue
       UNION ALL SELECT queue, 'running', count(*) FROM tasks INDEXED BY tasks_running
         WHERE state = 'running' GROUP BY queue
       UNION ALL SELECT queue, state, count(*) FROM tasks INDEXED BY tasks_ended WHERE ${ended} GROUP BY state, queue`,
    );
  }

  find(id: string): TaskRecord | undefined {
    const row = this.#find.get({ $id: toColumn(id) });
    return row && readRecord(row);
  }

  /** The id of the task that answers for this id: its own, or that of the holder of its key. */
  answering(id: string): string {
    const row = this.#id.get({ $id: toColumn(id) });
    return row === undefined ? id : readableColumn(String(row["id"]));
  }

  logs(id: string): LogLine[] {
    return this.#logs
      .all({ $id: toColumn(id) })
      .map((row) => ({ at: Number(row["at"]), text: readableColumn(String(row["text"])) }));
  }

  /** See {@link Engine.counts}. Of many, a slice at a time. */
  async counts(path: string): Promise<QueueCount[]> {
    const counts = new Map<string, { queue: string; state: TaskState; count: number }>();
    const add: Count = (stored, state, more) => {
      if (more === 0) return;
      const key = `${state} ${stored}`;
      const count = counts.get(key) ?? { queue: readableColumn(stored), state, count: 0 };
      count.count += more;
      counts.set(key, count);
    };
    if (this.#size.isMany()) await countInSlices(path, this.#place, add);
    else {
      for (const { queue, state, count } of this.#counts.all())
        add(String(queue), knownState(state), Number(count));
    }
    return [...counts.values()];
  }
}

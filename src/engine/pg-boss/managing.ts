/**
 * What people do with tasks and queues.
 *
 * @module
 */
import type { Reason } from "../../engine.ts";
import type { Database } from "./database.ts";
import { jobId } from "./ids.ts";
import { fromQueue, toQueue } from "./queue-names.ts";
import { readableColumn } from "../shared/text.ts";

/** What it has come to, for whoever waits. Queues as pg-boss names them. */
export interface Managed {
  readonly ended?: readonly string[];
  readonly changed?: readonly string[];
  readonly ready?: readonly string[];
  /** Workers whose tasks were cancelled. */
  readonly marked?: readonly string[];
}

/** Changes tasks that no worker has, and marks those that one has. */
export class Managing {
  readonly #database: Database;
  readonly #retention: number;
  readonly #who: string;
  readonly #news: (managed: Managed) => void;

  constructor(database: Database, retention: number, who: string, news: (managed: Managed) => void) {
    this.#database = database;
    this.#retention = Math.min(retention, 1e13);
    this.#who = who;
    this.#news = news;
  }

  /** See {@link Engine.cancel}. */
  async cancel(ids: readonly string[], reason: Reason): Promise<number> {
    const { ended = [], marked = [] } = await this.#do("cancel", ids, JSON.stringify(reason));
    return ended.length + marked.length;
  }

  /** See {@link Engine.discard}. */
  async discard(ids: readonly string[], reason: Reason): Promise<number> {
    const { ended = [] } = await this.#do("discard", ids, JSON.stringify(reason));
    return ended.length;
  }

  /** See {@link Engine.retry}. */
  async retry(ids: readonly string[]): Promise<number> {
    const { changed = [] } = await this.#do("retry", ids);
    return changed.length;
  }

  async pause(queue: string): Promise<void> {
    const { own } = this.#database.names;
    await this.#database.query(
      "pausing a queue",
      `INSERT INTO ${own}.paused VALUES ($1) ON CONFLICT DO NOTHING`,
      [toQueue(queue)],
    );
  }

  async resume(queue: string): Promise<void> {
    const { own } = this.#database.names;
    const name = toQueue(queue);
    await this.#database.query(
      "resuming a queue",
      `WITH gone AS (DELETE FROM ${own}.paused WHERE queue = $1 RETURNING queue)
       SELECT ${own}.tell_ready($2, array_agg(queue)) FROM gone`,
      [name, this.#who],
    );
    this.#news({ ready: [name] });
  }

  async paused(): Promise<readonly string[]> {
    const rows = await this.#database.query(
      "looking for paused queues",
      `SELECT queue FROM ${this.#database.names.own}.paused`,
    );
    return rows.map(({ queue }) => fromQueue(String(queue))).toSorted();
  }

  async #do(
    method: "cancel" | "discard" | "retry",
    ids: readonly string[],
    reason?: string,
  ): Promise<Managed> {
    if (ids.length === 0) return {};
    const { own } = this.#database.names;
    const jobs = ids.map(jobId);
    const count = ids.length === 1 ? "1 task" : `${ids.length} tasks`;
    const managed = await this.#database.json<Managed>(
      `${method === "retry" ? "retrying" : method === "cancel" ? "cancelling" : "discarding"} ${count}`,
      reason === undefined
        ? `SELECT ${own}.${method}($1::uuid[], $2::float8, $3::text) AS json`
        : `SELECT ${own}.${method}($1::uuid[], $4::text, $2::float8, $3::text) AS json`,
      reason === undefined ? [jobs, this.#retention, this.#who] : [jobs, this.#retention, this.#who, reason],
    );
    this.#news({ ...managed, ...(managed.marked && { marked: managed.marked.map(readableColumn) }) });
    return managed;
  }
}

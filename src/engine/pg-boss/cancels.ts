/**
 * Telling workers which of the tasks that they run were cancelled.
 *
 * @module
 */
import type { Lease } from "../../engine.ts";
import type { Database } from "./database.ts";
import { Told } from "../shared/told.ts";
import { Lookout } from "./lookout.ts";
import { idOf } from "./records.ts";
import { toColumn } from "../shared/text.ts";

interface Listener {
  readonly worker: string;
  readonly told: Told;
}

/** Hears of cancelling from this process's own doings, from notices, and from looking now and then. */
export class CancelWatch {
  readonly #database: Database;
  readonly #lookout: Lookout;
  readonly #listeners = new Set<Listener>();

  constructor(database: Database, interval: () => number) {
    this.#database = database;
    this.#lookout = new Lookout({ interval, keepsAlive: false, rest: 5, look: () => this.#look() });
  }

  /** See {@link Engine.onCancel}. */
  listen(worker: string, call: (leases: readonly Lease[]) => void): () => void {
    const listener: Listener = { worker, told: new Told(call) };
    this.#listeners.add(listener);
    this.#lookout.start();
    this.#lookout.look();
    return () => {
      listener.told.stop();
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#lookout.stop();
    };
  }

  /** Something that a worker runs was cancelled; without a worker: any. */
  changed(worker: string | undefined): void {
    const concerns = [...this.#listeners].some(
      (listener) => worker === undefined || listener.worker === worker,
    );
    if (concerns) this.#lookout.look();
  }

  stop(): void {
    for (const { told } of this.#listeners) told.stop();
    this.#listeners.clear();
    this.#lookout.stop();
  }

  async #look(): Promise<void> {
    const { own, boss } = this.#database.names;
    const workers = [...new Set([...this.#listeners].map(({ worker }) => toColumn(worker)))];
    const rows = await this.#database.query(
      "looking for cancelled tasks",
      `SELECT json_build_array(l.worker, t.job, t.id, l.token)::text AS json
       FROM ${own}.task t JOIN ${boss}.job j ON j.name = t.queue AND j.id = t.job AND j.state = 'active'
       JOIN ${own}.lease l ON l.started = j.started_on AND t.job = ANY (l.jobs)
       WHERE t.cancelled IS NOT NULL AND l.worker = ANY ($1::text[])`,
      [workers],
    );
    const marked = rows.map(
      ({ json }) => JSON.parse(String(json)) as [string, string, string | null, number],
    );
    for (const { worker, told } of this.#listeners) {
      const mine = marked.filter(([of]) => of === toColumn(worker));
      told.marked(mine.map(([, job, id, token]): Lease => ({ id: idOf(job, id), token: String(token) })));
    }
  }
}

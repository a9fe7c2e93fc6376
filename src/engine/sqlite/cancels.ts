/**
 * Telling workers which of the tasks that they run were cancelled.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Lease } from "../../engine.ts";
import type { Bell } from "./bell.ts";
import { Told } from "../shared/told.ts";
import { Lookout } from "./lookout.ts";
import { readableColumn, toColumn } from "../shared/text.ts";

interface Listener {
  readonly worker: string;
  readonly told: Told;
}

/** Hears of cancelling in three ways: from this process's commits, from the bell, and from looking now and then. */
export class CancelWatch {
  readonly #marked: StatementSync;
  readonly #lookout: Lookout;
  readonly #listeners = new Set<Listener>();

  constructor(database: DatabaseSync, bell: Bell, interval: number) {
    this.#marked = database.prepare(
      `SELECT id, lease_token FROM tasks INDEXED BY tasks_cancelled
       WHERE state = 'running' AND cancel_reason IS NOT NULL AND worker = ?`,
    );
    this.#lookout = new Lookout(database, bell, { interval, keepsAlive: false, look: () => this.#look() });
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

  /** This process has cancelled tasks that run. */
  changed(): void {
    this.#lookout.look();
  }

  stop(): void {
    for (const { told } of this.#listeners) told.stop();
    this.#listeners.clear();
    this.#lookout.stop();
  }

  #look(): void {
    for (const { worker, told } of this.#listeners) told.marked(this.#leasesOf(worker));
  }

  #leasesOf(worker: string): Lease[] {
    try {
      return this.#marked
        .all(toColumn(worker))
        .map((row) => ({ id: readableColumn(String(row["id"])), token: String(row["lease_token"]) }));
    } catch {
      return []; // Busy: the next look will find them.
    }
  }
}

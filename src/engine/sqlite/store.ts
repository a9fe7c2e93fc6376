/**
 * An open file with everything that works on it.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { Bell } from "./bell.ts";
import { Claims } from "./claims.ts";
import { Committer } from "./committer.ts";
import type { Changes } from "./committer.ts";
import { connect } from "./connection.ts";
import type { Connection, Durability } from "./connection.ts";
import { EndWatch } from "./ends.ts";
import { closedError, engineError } from "./errors.ts";
import { ReadyWatch } from "./ready.ts";
import { Retention } from "./retention.ts";
import { Settlements } from "./settlements.ts";
import { Tasks } from "./tasks.ts";

/** What the options of `sqlite()` come to. All times in milliseconds. */
export interface Settings {
  readonly durability: Durability;
  readonly retention: number;
  readonly busyTimeout: number;
  readonly pollInterval: number;
}

/** Opens the file and puts together what works on it. */
export async function openStore(path: string, settings: Settings): Promise<Store> {
  const connection = await connect(path, settings.durability, settings.busyTimeout);
  try {
    return new Store(connection, settings);
  } catch (error) {
    connection.close();
    throw engineError(error, connection.path, "opening the file");
  }
}

/** Everything that works on one open file. */
export class Store {
  readonly path: string;
  readonly database: DatabaseSync;
  readonly committer: Committer;
  readonly tasks: Tasks;
  readonly claims: Claims;
  readonly settlements: Settlements;
  readonly ready: ReadyWatch;
  readonly ends: EndWatch;
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly #retention: Retention;
  /** Two bells, so that the ends of a busy fleet do not wake its idle workers for nothing. */
  readonly #readyBell: Bell;
  readonly #endedBell: Bell;
  #sweep: NodeJS.Timeout | undefined;

  constructor(connection: Connection, settings: Settings) {
    const { database, path } = connection;
    this.#connection = connection;
    this.#settings = settings;
    this.path = path;
    this.database = database;
    this.#readyBell = new Bell(`${path}-bell`, path);
    this.#endedBell = new Bell(`${path}-bell-ended`, path);
    this.committer = new Committer(database, path, settings.busyTimeout, (changes) =>
      this.#committed(changes),
    );
    this.tasks = new Tasks(database);
    this.claims = new Claims(database);
    this.settlements = new Settlements(database);
    this.ready = new ReadyWatch(database, this.#readyBell, settings.pollInterval);
    this.ends = new EndWatch(database, this.tasks, this.#endedBell, settings.pollInterval, (error) =>
      engineError(error, path, "waiting for a task to end"),
    );
    this.#retention = new Retention(database, settings.retention);
    this.#sweepIn(this.#pause());
  }

  /** Writes what is pending and lets go of the file. */
  async close(): Promise<void> {
    await this.committer.close();
    clearTimeout(this.#sweep);
    this.ready.stop();
    this.ends.stop(closedError(this.path));
    this.#readyBell.close();
    this.#endedBell.close();
    this.#connection.close();
  }

  #committed(changes: Changes): void {
    // Later times need no ring: the others will have looked by then.
    const soon = changes.scheduled - Date.now() < 2 * this.#settings.pollInterval;
    if (changes.ready.size > 0 || soon) this.#readyBell.ring();
    if (changes.ended.length > 0) this.#endedBell.ring();
    this.ready.committed(changes);
    this.ends.committed(changes);
  }

  /** Up to a minute, not the same in every process, so that they take turns. */
  #pause(): number {
    return Math.min(60_000, Math.max(50, this.#settings.retention / 4)) * (0.5 + Math.random() / 2);
  }

  #sweepIn(pause: number): void {
    this.#sweep = setTimeout(() => void this.#sweepNow(), pause).unref();
  }

  async #sweepNow(): Promise<void> {
    let more = false;
    try {
      if (this.#retention.isDue()) {
        more = await this.committer.run("removing old tasks", () => this.#retention.remove());
      }
    } catch {
      // Nobody asked for it: the next sweep will do it, and a file that is broken tells everybody else.
    }
    if (this.database.isOpen) this.#sweepIn(more ? 10 : this.#pause());
  }
}

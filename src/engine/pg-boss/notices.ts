/**
 * What engines tell each other through PostgreSQL's LISTEN and NOTIFY. Nothing depends on it but the speed: whoever
 * waits for something looks every now and then.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import type { Database } from "./database.ts";
import { fromColumn } from "../shared/text.ts";

/** Who is told of what. */
export interface NoticeHandlers {
  /** A queue, as pg-boss names it, has something to be claimed; without one, any queue may have. */
  readonly ready: (queue: string | undefined) => void;
  /** Jobs came to an end; without any: some may have. */
  readonly ended: (jobs: readonly string[] | undefined) => void;
  /** Jobs changed in another way. */
  readonly changed: (jobs: readonly string[] | undefined) => void;
  /** Something that a worker runs was cancelled. */
  readonly cancelled: (worker: string | undefined) => void;
}

const nameLength = 8;

/** Listens to the others. */
export class Notices {
  /** What this engine signs with: it knows of its own doings already. */
  readonly who = randomBytes(nameLength / 2).toString("hex");
  readonly #database: Database;
  readonly #handlers: NoticeHandlers;
  readonly #subscriptions: { close(): Promise<void> }[] = [];
  #hearsBoss = false;
  #closed = false;

  constructor(database: Database, handlers: NoticeHandlers) {
    this.#database = database;
    this.#handlers = handlers;
  }

  /** Whether what others do is heard of at once. */
  async start(): Promise<boolean> {
    return this.#subscribe(this.#database.names.channel, (payload) => this.#heard(payload));
  }

  /** Hears from now on also what pg-boss tells its own workers: a queue with jobs of others is worked on. */
  hearBoss(): void {
    if (this.#hearsBoss) return;
    this.#hearsBoss = true;
    void this.#subscribe(this.#database.names.bossChannel, (queue) => this.#handlers.ready(queue));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.#subscriptions.splice(0).map((subscription) => subscription.close().catch(() => undefined)),
    );
  }

  async #subscribe(channel: string, heard: (payload: string) => void): Promise<boolean> {
    const { listen } = this.#database.sql;
    if (listen === undefined) return false;
    try {
      const subscription = await listen(channel, heard, () => this.#missed());
      if (this.#closed) await subscription.close();
      else this.#subscriptions.push(subscription);
      return true;
    } catch {
      return false; // A pool that is used up, or a proxy that has no such thing: whoever waits looks more often.
    }
  }

  #heard(payload: string): void {
    if (this.#closed || payload.slice(1, 1 + nameLength) === this.who) return;
    const what = payload.slice(1 + nameLength);
    const jobs = what === "" ? undefined : what.split(",");
    switch (payload[0]) {
      case "r":
        this.#handlers.ready(what === "" ? undefined : what);
        break;
      case "e":
        this.#handlers.ended(jobs);
        break;
      case "c":
        this.#handlers.changed(jobs);
        break;
      case "x":
        this.#handlers.cancelled(what === "" ? undefined : readable(what));
        break;
      default: // of a later version
    }
  }

  /** The connection was lost for a while. */
  #missed(): void {
    if (this.#closed) return;
    this.#handlers.ready(undefined);
    this.#handlers.ended(undefined);
    this.#handlers.changed(undefined);
    this.#handlers.cancelled(undefined);
  }
}

function readable(column: string): string | undefined {
  try {
    return fromColumn(column);
  } catch {
    return undefined;
  }
}

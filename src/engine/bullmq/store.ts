/**
 * The connections, and all that uses them.
 *
 * @module
 */
import { Audience } from "./audience.ts";
import { Cancels } from "./cancels.ts";
import { Channels } from "./channels.ts";
import { Claims } from "./claims.ts";
import { Connection } from "./connection.ts";
import { Leases } from "./leases.ts";
import type { RedisLike } from "./like.ts";
import { Managing } from "./managing.ts";
import { Newcomers } from "./newcomers.ts";
import type { Settings } from "./options.ts";
import { Ready } from "./ready.ts";
import { scripts } from "./scripts.ts";
import { Sending } from "./sending.ts";
import { Settlements } from "./settlements.ts";
import { Versions, warnOfCircumstances } from "./version.ts";

/** How often records that were kept long enough are removed, in milliseconds. Claims and looks do it as well. */
const sweepInterval = 30_000;

/** An open engine. */
export class Store {
  readonly connection: Connection;
  readonly leases: Leases;
  readonly sending: Sending;
  readonly settlements: Settlements;
  readonly claims: Claims;
  readonly ready: Ready;
  readonly audience: Audience;
  readonly cancels: Cancels;
  readonly managing: Managing;
  readonly versions: Versions;
  readonly newcomers: Newcomers;
  readonly #channels: Channels;
  readonly #sweeper: NodeJS.Timeout;

  constructor(redis: RedisLike, settings: Settings) {
    const { prefix, retention, deadAfter, pollInterval } = settings;
    const connection = new Connection(redis, settings);
    this.connection = connection;
    this.#channels = new Channels(redis, prefix);
    this.leases = new Leases(connection, settings);
    this.sending = new Sending(connection);
    this.settlements = new Settlements(connection, retention);
    this.ready = new Ready(connection, this.#channels, pollInterval);
    this.newcomers = new Newcomers(redis, prefix, (queue) => this.ready.wake(queue));
    this.claims = new Claims(connection, this.leases, this.settlements, deadAfter, this.ready);
    this.audience = new Audience(connection, this.#channels, pollInterval);
    this.cancels = new Cancels(connection, this.#channels, pollInterval);
    this.versions = new Versions(connection);
    this.managing = new Managing(connection, retention);
    this.#sweeper = setInterval(() => void this.#sweep(), sweepInterval).unref();
  }

  /** Tells nobody any more. */
  stop(): void {
    clearInterval(this.#sweeper);
    this.ready.stop();
    this.newcomers.stop();
    this.audience.close();
    this.cancels.stop();
    this.leases.stop();
    this.#channels.close();
  }

  /** To be stopped before. */
  async close(): Promise<void> {
    await this.connection.close();
  }

  async #sweep(): Promise<void> {
    try {
      while ((await this.connection.run("removing old tasks", scripts.sweep, ["500"])) === 1);
    } catch {
      // Redis is away, or the engine was closed: there is a next time.
    }
  }
}

/** Opens it: waits for the server. */
export async function openStore(redis: RedisLike, settings: Settings): Promise<Store> {
  const store = new Store(redis, settings);
  try {
    await warnOfCircumstances(store.connection, settings.prefix);
    return store;
  } catch (error) {
    store.stop();
    await store.close();
    throw error;
  }
}

/**
 * What the parts that are made with one client share: a connection for commands, and one that hears channels.
 *
 * @module
 */
import { Channels } from "./channels.ts";
import { link } from "../../shared/redis.ts";
import type { RedisClientLike } from "../../shared/redis/like.ts";
import type { Link } from "../../shared/redis/link.ts";

/** What was asked before a connection is given up for an answer on it has so long for its own, in milliseconds. */
const lastAnswers = 20;

/** The connections of one client of the user's. */
export class Hub {
  readonly commands: Link;
  readonly #client: RedisClientLike;
  #channels: Channels | undefined;
  #users = 0;
  #busy = 0;
  #renewing: NodeJS.Timeout | undefined;

  private constructor(client: RedisClientLike) {
    this.#client = client;
    this.commands = link(client);
    this.commands.keepAlive(false);
    this.commands.listen({ ready: () => (this.#renewing = undefined) });
  }

  /** Whether commands can be sent: the connection is there, and is not to be given up. */
  get isReady(): boolean {
    return this.#renewing === undefined && this.commands.isReady;
  }

  /**
   * Gives up the connection for commands for another: this server takes no writes. What else it was asked is answered first,
   * so that whoever asked knows that nothing was done. When there is another one, the connection tells that it is ready.
   */
  renew(): void {
    const renewing = (this.#renewing ??= setTimeout(() => {
      if (this.#renewing === renewing) this.commands.renew();
    }, lastAnswers));
  }

  /** The one of this client. To be released as often as it was asked for. */
  static of(client: RedisClientLike): Hub {
    const hub = hubs.get(client) ?? new Hub(client);
    hubs.set(client, hub);
    hub.#users++;
    return hub;
  }

  /** Made when there is something to hear. */
  get channels(): Channels {
    return (this.#channels ??= new Channels(link(this.#client)));
  }

  /** Another connection, for commands that wait in Redis. */
  link(): Link {
    return link(this.#client);
  }

  /** The connection for commands keeps the process alive while there is something under way, and no longer. */
  busy(change: 1 | -1): void {
    const was = this.#busy > 0;
    this.#busy += change;
    if (was !== this.#busy > 0) this.commands.keepAlive(this.#busy > 0);
  }

  release(): void {
    if (--this.#users > 0) return;
    if (hubs.get(this.#client) === this) hubs.delete(this.#client);
    this.#channels?.close();
    clearTimeout(this.#renewing);
    this.commands.close();
  }
}

const hubs = new WeakMap<RedisClientLike, Hub>();

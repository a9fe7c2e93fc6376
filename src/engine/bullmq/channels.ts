/**
 * Messages between processes, by Redis's pub/sub.
 *
 * @module
 */
import { duplicate } from "./connection.ts";
import type { OwnRedis, RedisLike } from "./like.ts";

/** Called with each message, and without one whenever it has begun, or begun again, to hear: whatever was before, it missed. */
export type Hear = (message: string | undefined) => void;

/** Listens to channels, through reconnects. The connection is made when there is something to hear. */
export class Channels {
  readonly #connection: RedisLike;
  readonly #prefix: string;
  readonly #listeners = new Map<string, Set<Hear>>();
  #redis: OwnRedis | undefined;
  #closed = false;

  constructor(connection: RedisLike, prefix: string) {
    this.#connection = connection;
    this.#prefix = `${prefix}:~petiole:`;
  }

  /** Hears a channel. Returns the function that stops it. */
  listen(name: string, hear: Hear): () => void {
    const channel = this.#prefix + name;
    const redis = (this.#redis ??= this.#connect());
    const there = this.#listeners.get(channel);
    const listeners = there ?? new Set();
    listeners.add(hear);
    this.#listeners.set(channel, listeners);
    // Redis takes commands in their order: what is sent after this is heard.
    if (redis.status === "ready") this.#subscribe(redis, channel, new Set([hear]));
    return () => {
      if (!listeners.delete(hear) || listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      if (redis.status === "ready") redis.unsubscribe(channel).catch(() => undefined);
    };
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#redis?.disconnect();
  }

  #connect(): OwnRedis {
    const redis = duplicate(this.#connection);
    redis.on("error", () => undefined);
    // To listen is no reason to stay alive.
    redis.on("connect", () => redis.stream?.unref?.());
    redis.on("ready", () => {
      for (const [channel, listeners] of this.#listeners) this.#subscribe(redis, channel, listeners);
    });
    redis.on("message", (channel: string, message: string) => {
      for (const hear of this.#listeners.get(channel) ?? []) hear(message);
    });
    return redis;
  }

  #subscribe(redis: OwnRedis, channel: string, told: ReadonlySet<Hear>): void {
    redis.subscribe(channel).then(
      () => {
        if (this.#closed) return;
        const listeners = this.#listeners.get(channel);
        for (const hear of told) if (listeners?.has(hear)) hear(undefined);
      },
      // The connection broke: again when it is there again.
      () => undefined,
    );
  }
}

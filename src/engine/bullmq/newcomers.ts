/**
 * Noticing jobs that others add: they send no message of ours, but BullMQ writes into the queue's stream of events.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { duplicate } from "./connection.ts";
import type { OwnRedis, RedisLike } from "./like.ts";

/** How long one look waits in Redis, in milliseconds: so long a queue that is new waits to be listened to. */
const block = 1000;
/** How long to rest after something was heard, in milliseconds: our own ends are events too. */
const rest = 30;

/** Listens to the events of queues. The connection is made when there is something to hear. */
export class Newcomers {
  readonly #connection: RedisLike;
  readonly #prefix: string;
  readonly #tell: (queue: string) => void;
  readonly #queues = new Set<string>();
  #redis: OwnRedis | undefined;
  #stopped = false;

  /** @param tell called with a queue in which there may be something new */
  constructor(connection: RedisLike, prefix: string, tell: (queue: string) => void) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#tell = tell;
  }

  /** Listens to these queues too, from now on. */
  listen(queues: readonly string[]): void {
    for (const queue of queues) this.#queues.add(queue);
    if (this.#redis !== undefined || this.#queues.size === 0 || this.#stopped) return;
    const redis = duplicate(this.#connection);
    this.#redis = redis;
    redis.on("error", () => undefined);
    redis.on("connect", () => redis.stream?.unref?.());
    void this.#listen(redis);
  }

  stop(): void {
    this.#stopped = true;
    this.#redis?.disconnect();
  }

  async #listen(redis: OwnRedis): Promise<void> {
    const seen = new Map<string, string>();
    while (!this.#stopped) {
      try {
        const queues = [...this.#queues];
        for (const queue of queues) {
          if (seen.has(queue)) continue;
          seen.set(queue, await this.#latest(redis, queue));
          // Whatever was before, it missed.
          if (!this.#stopped) this.#tell(queue);
        }
        const heard = await redis.xread(
          "COUNT",
          "1",
          "BLOCK",
          String(block),
          "STREAMS",
          ...queues.map((queue) => this.#stream(queue)),
          ...queues.map((queue) => seen.get(queue)!),
        );
        for (const [stream] of heard ?? []) {
          const queue = stream.slice(this.#prefix.length + 1, -":events".length);
          // First where to go on, then the claims that follow: what comes in between is heard.
          seen.set(queue, await this.#latest(redis, queue));
          if (!this.#stopped) this.#tell(queue);
        }
        if (heard) await sleep(rest, undefined, { ref: false });
      } catch {
        // Redis is away, or not there yet: the looks now and then go on, and this when it is there.
        seen.clear();
        await sleep(50, undefined, { ref: false });
      }
    }
  }

  async #latest(redis: OwnRedis, queue: string): Promise<string> {
    const [last] = await redis.xrevrange(this.#stream(queue), "+", "-", "COUNT", "1");
    return last?.[0] ?? "0-0";
  }

  #stream(queue: string): string {
    return `${this.#prefix}:${queue}:events`;
  }
}

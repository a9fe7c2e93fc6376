/**
 * One Redis of a layer: commands, which wait for a server that is away, and give up in time.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { isRefusal, isUncertain } from "../engine/shared/redis/answer.ts";
import type { RedisClientLike } from "../engine/shared/redis/like.ts";
import type { Link, Part } from "../engine/shared/redis/link.ts";
import { answerInTime } from "../engine/shared/redis/waiting.ts";
import { link } from "../engine/shared/redis.ts";
import { closedError, refused, unreachable } from "./errors.ts";

/** One of the layer's servers. */
export class Shard {
  readonly #client: RedisClientLike;
  readonly #timeout: number;
  readonly #commands: Link;
  readonly #running = new Set<Promise<unknown>>();
  /** Ends the waits for a server that is away. */
  readonly #closing = new AbortController();

  constructor(client: RedisClientLike, timeout: number) {
    this.#client = client;
    this.#timeout = timeout;
    this.#commands = link(client);
    this.#commands.keepAlive(false);
  }

  /** Another connection, for commands that wait in Redis. */
  link(): Link {
    return link(this.#client);
  }

  /** Runs a script that must not be run twice: where its answer is lost, that is what the error says. */
  once(what: string, script: string, keys: readonly Part[], parameters: readonly Part[]): Promise<unknown> {
    return this.#run(what, ["EVAL", script, String(keys.length), ...keys, ...parameters], false);
  }

  /** Runs a script that may be run twice. */
  run(what: string, script: string, keys: readonly Part[], parameters: readonly Part[]): Promise<unknown> {
    return this.#run(what, ["EVAL", script, String(keys.length), ...keys, ...parameters], true);
  }

  /** Sends a command that may be sent twice. */
  call(what: string, command: readonly Part[]): Promise<unknown> {
    return this.#run(what, command, true);
  }

  /** Lets it finish what is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
    this.#commands.close();
  }

  #run(what: string, command: readonly Part[], repeats: boolean): Promise<unknown> {
    const running = this.#try(what, command, repeats);
    this.#running.add(running);
    const over = (): void => void this.#running.delete(running);
    running.then(over, over);
    return running;
  }

  async #try(what: string, command: readonly Part[], repeats: boolean): Promise<unknown> {
    const deadline = performance.now() + this.#timeout;
    let asked = false;
    for (;;) {
      await this.#ready(what, deadline, asked);
      try {
        return await answerInTime(this.#commands.send(command), deadline, () => this.#commands.renew());
      } catch (error) {
        if (isRefusal(error)) throw refused(what, error);
        // A server that answers that it cannot just now has done nothing.
        asked ||= isUncertain(error);
        if ((asked && !repeats) || performance.now() >= deadline)
          throw unreachable(what, asked, this.#commands.problem ?? error);
        await pause(20);
      }
    }
  }

  async #ready(what: string, deadline: number, asked: boolean): Promise<void> {
    while (!this.#commands.isReady) {
      if (this.#closing.signal.aborted) throw closedError();
      if (performance.now() >= deadline) throw unreachable(what, asked, this.#commands.problem);
      await pause(5);
    }
  }
}

/** The number of the server that has a name, as channels_redis finds it. */
export function shardOf(name: string, count: number): number {
  return count === 1 ? 0 : Math.floor((crc32(name) & 0xfff) / (4096 / count));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

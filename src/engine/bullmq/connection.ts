/**
 * A connection of the engine's own: runs scripts, waits for a server that is away, and gives up in time.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isRefusal, isReplica, isUnknownScript, isUnsent } from "../shared/redis/answer.ts";
import { boundHandshake } from "../shared/redis/handshake.ts";
import { Waiting, answerInTime } from "../shared/redis/waiting.ts";
import { closedError, refused, unreachable } from "./errors.ts";
import type { OwnRedis, RedisLike } from "./like.ts";
import type { Settings } from "./options.ts";

/** A script, by its text and its hash. */
export interface Script {
  readonly text: string;
  readonly hash: string;
  /** Whether it may be run again when its answer was lost. */
  readonly repeatable: boolean;
}

/** Makes a script of its text. */
export function script(text: string, { repeatable = false } = {}): Script {
  return { text, hash: createHash("sha1").update(text).digest("hex"), repeatable };
}

/** Answers as the scripts' are read, whatever the user's own client is set to. */
const answers = {
  protocol: 2,
  replyMapping: "legacy",
  stringNumbers: false,
  commandTimeout: undefined,
  enableAutoPipelining: false,
};

/** Makes another connection like the user's. It connects again by itself, and queues nothing and repeats nothing. */
export function duplicate(connection: RedisLike): OwnRedis {
  const own = another(connection);
  boundHandshake(own, connection, () => own.disconnect(true));
  return own;
}

function another(connection: RedisLike): OwnRedis {
  const retryStrategy = (times: number): number => Math.min(50 * times, 1000);
  const own = { lazyConnect: false, enableOfflineQueue: false };
  const make = connection.duplicate as unknown as (...parameters: unknown[]) => OwnRedis;
  if ("isCluster" in connection && connection.isCluster === true)
    return make.call(connection, [], {
      ...own,
      enableAutoPipelining: false,
      clusterRetryStrategy: retryStrategy,
      // Nothing is repeated but by the engine itself, which knows what may be.
      retryDelayOnFailover: 0,
      redisOptions: answers,
    });
  return make.call(connection, {
    ...own,
    ...answers,
    autoResendUnfulfilledCommands: false,
    // A connection that is idle is no broken one.
    socketTimeout: undefined,
    blockingTimeout: undefined,
    sentinelRetryStrategy: retryStrategy,
    // The engine subscribes by itself; what ioredis does, rejects with nobody there when the connection breaks meanwhile.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    enableReadyCheck: true,
    retryStrategy,
  });
}

/** Runs scripts. */
export class Connection {
  readonly #redis: OwnRedis;
  readonly #settings: Settings;
  /**
   * How many are under way, so that closing waits for them. No Set of them: one that is always added to and deleted from
   * makes itself anew now and then, and each keeps alive what is in the next, with all that was answered.
   */
  #running = 0;
  #lastOver: () => void = () => {};
  readonly #waiting = new Waiting();
  readonly #key: string;
  #problem: unknown;
  #closed = false;

  constructor(connection: RedisLike, settings: Settings) {
    this.#settings = settings;
    this.#key = `${settings.prefix}:~petiole:seq`;
    this.#redis = duplicate(connection);
    this.#redis.on("error", (error: Error) => (this.#problem = error));
    this.#redis.on("connect", () => this.#keepAlive());
    this.#redis.on("ready", () => {
      this.#problem = undefined;
      this.#waiting.ready();
    });
    this.#redis.on("end", () => this.#waiting.failed());
  }

  /**
   * Runs a script. When the connection is there, it is asked for at once, so that calls keep their order.
   *
   * @param what the thing that is done, for errors
   * @param parameters all but the prefix; where the script is run again, those of `again`
   */
  run(
    what: string,
    script: Script,
    parameters: readonly string[],
    again: readonly string[] = parameters,
  ): Promise<unknown> {
    if (this.#closed) return Promise.reject(closedError());
    const running = this.#run(what, script, parameters, again);
    if (++this.#running === 1) this.#keepAlive();
    running.then(this.#over, this.#over);
    return running;
  }

  readonly #over = (): void => {
    if (--this.#running > 0) return;
    this.#keepAlive();
    this.#lastOver();
  };

  /** Sends what is asked for at once within `work` as one piece: Redis is woken once. */
  together<T>(work: () => T): T {
    const { stream } = this.#redis;
    stream?.cork?.();
    try {
      return work();
    } finally {
      stream?.uncork?.();
    }
  }

  /** The connection keeps the process alive while there is something under way, and no longer. */
  #keepAlive(): void {
    if (this.#running > 0) this.#redis.stream?.ref?.();
    else this.#redis.stream?.unref?.();
  }

  async #run(
    what: string,
    script: Script,
    parameters: readonly string[],
    again: readonly string[],
  ): Promise<unknown> {
    const deadline = performance.now() + this.#settings.timeout;
    let asked = false;
    let replica: unknown;
    for (;;) {
      if (this.#redis.status !== "ready")
        await this.#waiting.until(deadline, () =>
          this.#closed ? closedError() : unreachable(what, asked, replica ?? this.#problem),
        );
      try {
        const answer = this.#ask(script, asked ? again : parameters);
        return await answerInTime(answer, deadline, () => this.#redis.disconnect(true));
      } catch (error) {
        if (isRefusal(error)) throw refused(what, error);
        // It was made a replica: its Sentinel, or its name, tells of another by now.
        if (isReplica(error)) {
          replica = error;
          this.#redis.disconnect(true);
        }
        // Without an answer; a server that answers that it cannot just now has done nothing.
        const lost = !(error instanceof Error && error.name === "ReplyError") && !isUnsent(error);
        asked ||= lost;
        const over = performance.now() >= deadline || this.#closed;
        if (over || (lost && !script.repeatable))
          throw unreachable(what, asked, replica ?? this.#problem ?? error);
        await sleep(20);
      }
    }
  }

  #ask(script: Script, parameters: readonly string[]): Promise<unknown> {
    // In a list, as a call may have only so many parameters.
    const all = [this.#key, this.#settings.prefix, ...parameters];
    return this.#redis.evalsha(script.hash, 1, all).catch((error: unknown) => {
      if (!isUnknownScript(error)) throw error;
      return this.#redis.eval(script.text, 1, all);
    });
  }

  /** Lets it finish what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#lastOver = resolve));
    this.#redis.disconnect();
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/**
 * What {@link bullmq} takes.
 *
 * @module
 */
import { PetioleError, checkNames, describe } from "../../errors.ts";
import { refuseSpans } from "../shared/milliseconds.ts";
import type { QueueLike, RedisLike } from "./like.ts";
import { isQueue, isRedis } from "./queue-client.ts";

/** Where the tasks are. The engine makes two connections of its own there, and a third where a worker takes jobs that others add. */
export type BullmqPlace =
  | {
      /** Your client of ioredis, `Redis` or `Cluster`. It is left alone: it is yours to use and to close. */
      readonly connection: RedisLike;
      readonly queue?: undefined;
      /**
       * The prefix of all keys, as in BullMQ's own option. In a Redis Cluster it needs a hash tag, `{bull}`, so that all
       * keys are on one node. Default: `bull`.
       */
      readonly prefix?: string;
    }
  | {
      /**
       * A `Queue` of BullMQ's that you have, on a `Redis` of ioredis: the tasks are where its jobs are, with its prefix, in
       * queues of any name. It is left alone: it is yours to use and to close.
       */
      readonly queue: QueueLike;
      readonly connection?: undefined;
      readonly prefix?: undefined;
    };

/** How {@link bullmq} behaves. Times in milliseconds. */
export type BullmqOptions = BullmqPlace & BullmqTimes;

/** Spans of time, in milliseconds. */
export interface BullmqTimes {
  /**
   * How long a task that this process ends, and its result, can still be looked up, unless its settlement says
   * otherwise. Failed and parked tasks are kept for good. Default: 24 hours.
   */
  readonly retention?: number;
  /**
   * After how long without a sign of life of this process its tasks are given to others, where their lease is longer:
   * three times in that time, the engine renews the leases that its workers hold. Default: 15 seconds.
   */
  readonly deadAfter?: number;
  /**
   * How long a call waits for a Redis that cannot be reached, or does not answer; then it is refused with
   * `ERR_ENGINE_UNREACHABLE`. Default: 10 seconds.
   */
  readonly timeout?: number;
  /**
   * How often to look for what no message has told of. Other processes are woken at once as a rule; this is for messages
   * that were lost, and for jobs that others add. Default: 1 second.
   */
  readonly pollInterval?: number;
}

/** The options with their defaults. */
export interface Settings {
  readonly prefix: string;
  readonly retention: number;
  readonly deadAfter: number;
  readonly timeout: number;
  readonly pollInterval: number;
}

const names: Readonly<Record<keyof BullmqOptions, true>> = {
  connection: true,
  queue: true,
  prefix: true,
  retention: true,
  deadAfter: true,
  timeout: true,
  pollInterval: true,
};

/** The options with their defaults. Throws for those that cannot be. */
export function settingsOf(options: BullmqOptions): Settings {
  refuseInvalid(options);
  return {
    prefix: options.prefix ?? options.queue?.opts.prefix ?? "bull",
    retention: options.retention ?? 86_400_000,
    deadAfter: options.deadAfter ?? 15_000,
    timeout: options.timeout ?? 10_000,
    pollInterval: options.pollInterval ?? 1000,
  };
}

function refuseInvalid(options: BullmqOptions): void {
  const given: unknown = options;
  if (typeof given !== "object" || given === null)
    throw invalid(
      `bullmq() needs { connection }, a client of ioredis, or { queue }, one of BullMQ's; it got ${describe(given)}.`,
    );
  checkNames("The options of bullmq()", options, names);
  const { prefix } = options;
  if (prefix !== undefined && (typeof prefix !== "string" || prefix === "" || !prefix.isWellFormed()))
    throw invalid(`bullmq(): prefix is a text such as "bull"; it got ${describe(prefix)}.`);
  if (options.queue === undefined) refuseConnection(options.connection, prefix ?? "bull");
  else refuseQueue(options);
  refuseSpans("bullmq()", options, {
    retention: { least: 0, isTimer: false },
    deadAfter: { least: 300, isTimer: true },
    timeout: { least: 1, isTimer: true },
    pollInterval: { least: 10, isTimer: true },
  });
}

function refuseConnection(connection: unknown, prefix: string): void {
  if (!isRedis(connection)) {
    throw invalid(
      `bullmq(): connection is a client of ioredis, new Redis() or new Cluster(); it got ${describe(connection)}. ` +
        "A queue of BullMQ's is handed in as `queue`.",
    );
  }
  const { keyPrefix } = (connection as { options?: { keyPrefix?: string } }).options ?? {};
  if (keyPrefix !== undefined && keyPrefix !== "") {
    throw invalid(
      `bullmq(): the connection has the keyPrefix ${describe(keyPrefix)}, which BullMQ does not work with either. ` +
        "Hand in a connection without it, and say the prefix as `prefix`.",
    );
  }
  if ("isCluster" in connection && connection.isCluster === true && !/^[^{]*\{[^}]+\}/.test(prefix)) {
    throw new PetioleError(
      "ERR_ENGINE_UNSUPPORTED",
      `bullmq(): in a Redis Cluster the prefix needs a hash tag, so that all keys are on one node: prefix: "{bull}". ` +
        `It got ${describe(prefix)}.`,
    );
  }
}

function refuseQueue({ queue, connection, prefix }: { [key in keyof BullmqPlace]: unknown }): void {
  if (connection !== undefined || prefix !== undefined)
    throw invalid("bullmq(): a queue has a connection and a prefix; leave out `connection` and `prefix`.");
  if (!isQueue(queue))
    throw invalid(
      `bullmq(): queue is a Queue of BullMQ's on Redis; it got ${describe(queue)}. One on PostgreSQL is not supported: ` +
        "there is the pg-boss engine for that.",
    );
}

function invalid(message: string): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", message);
}

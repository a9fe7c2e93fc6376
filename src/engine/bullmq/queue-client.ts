/**
 * The client that a queue of BullMQ's has.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import { unreachable } from "./errors.ts";
import type { QueueLike, RedisLike } from "./like.ts";

/** Where a queue has its client: BullMQ 5 itself, 6 in its backend. That of PostgreSQL has none. */
function promisedBy(queue: QueueLike): Promise<unknown> | undefined {
  return queue.client ?? queue.getBackend?.().client;
}

/** Whether something is a queue of BullMQ's whose client can be had. */
export function isQueue(value: unknown): value is QueueLike {
  if (typeof value !== "object" || value === null || !("opts" in value)) return false;
  const isNew = "getBackend" in value && typeof value.getBackend === "function";
  return (isNew || "client" in value) && promisedBy(value as QueueLike) !== undefined;
}

/** Whether something is a client of ioredis. */
export function isRedis(value: unknown): value is RedisLike {
  return (
    typeof value === "object" &&
    value !== null &&
    "duplicate" in value &&
    typeof value.duplicate === "function" &&
    "evalsha" in value &&
    typeof value.evalsha === "function"
  );
}

/**
 * The client of a queue, which has it once its Redis is there.
 *
 * @throws PetioleError `ERR_ENGINE_UNREACHABLE` where that takes longer than `timeout` milliseconds,
 *   `ERR_ENGINE_UNSUPPORTED` for a client of another library, a cluster, or one with a `keyPrefix`
 */
export async function clientOf(queue: QueueLike, timeout: number): Promise<RedisLike> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const what = "waiting for the client of the queue";
    timer = setTimeout(() => reject(unreachable(what, false, new Error("it is not ready"))), timeout);
  });
  try {
    const client = await Promise.race([promisedBy(queue), late]);
    const { isCluster, options } = client as { isCluster?: boolean; options?: { keyPrefix?: string } };
    if (isRedis(client) && isCluster !== true && !options?.keyPrefix) return client;
    throw new PetioleError(
      "ERR_ENGINE_UNSUPPORTED",
      `bullmq(): the client of the queue is ${isCluster === true ? "a Cluster" : describe(client)}; the engine needs a ` +
        "Redis of ioredis without a keyPrefix. Hand one in as `connection` (a Cluster too), with the queue's prefix as `prefix`.",
    );
  } finally {
    clearTimeout(timer);
  }
}

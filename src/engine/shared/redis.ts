/**
 * Clients of Redis as users hand them in: which ones are taken, and connections made of them.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import type { IoredisLike, NodeRedisLike, RedisClientLike } from "./redis/like.ts";
import type { Link } from "./redis/link.ts";
import { IoredisLink } from "./redis/link-ioredis.ts";
import { NodeRedisLink } from "./redis/link-node-redis.ts";

/** Whether it is a client of ioredis or node-redis, of whatever kind: also one that is refused later. */
export function isRedisClient(value: unknown): value is RedisClientLike {
  return isIoredis(value) || isNodeRedis(value);
}

/** Whether it is of node-redis, and no client of one Redis: {@link refuseInvalidClient} says what it is. */
export function isOtherRedis(value: unknown): boolean {
  return isCluster(value) || otherKindOf(value) !== undefined;
}

/** Who takes a client, for what is said when one is refused. */
export interface ClientTaker {
  /** What it was handed to: `celery(): broker`. */
  readonly place: string;
  /** Who does not work with a Redis Cluster: `Celery`. */
  readonly system: string;
  /** What to do in place of a client with a prefix of its own. */
  readonly prefixAdvice: string;
}

/**
 * Refuses what cannot be worked with.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` or, for a cluster, `ERR_ENGINE_UNSUPPORTED`
 */
export function refuseInvalidClient(taker: ClientTaker, value: unknown): asserts value is RedisClientLike {
  const { place, system, prefixAdvice } = taker;
  if (isCluster(value)) {
    throw new PetioleError(
      "ERR_ENGINE_UNSUPPORTED",
      `${place} is a client of a Redis Cluster, with which ${system} does not work: its keys are on several nodes. ` +
        "Hand in a client of one Redis, or of its Sentinel (ioredis).",
    );
  }
  const other = otherKindOf(value);
  if (other !== undefined) throw invalid(`${place} is ${other}`);
  if (!isRedisClient(value)) {
    throw invalid(
      `${place} is a Redis client: new Redis() of ioredis or createClient() of redis; it got ${describe(value)}.`,
    );
  }
  const prefix = (optionsOf(value) as { keyPrefix?: unknown }).keyPrefix;
  if (prefix === undefined || prefix === "") return;
  throw invalid(
    `${place} has the keyPrefix ${describe(prefix)}, which does not reach channels and scripts. ${prefixAdvice}`,
  );
}

/** The database that a client uses: a number that is part of the names of Kombu's channels. */
export function databaseOf(client: RedisClientLike): number {
  const { db, database } = optionsOf(client) as { db?: unknown; database?: unknown };
  const number = Number(isIoredis(client) ? (db ?? 0) : (database ?? 0));
  return Number.isSafeInteger(number) && number >= 0 ? number : 0;
}

/** Makes another connection, like the user's client. It begins to connect at once. */
export function link(client: RedisClientLike): Link {
  return isIoredis(client) ? new IoredisLink(client) : new NodeRedisLink(client);
}

function optionsOf(client: RedisClientLike): object {
  const { options } = client as { options?: unknown };
  return typeof options === "object" && options !== null ? options : {};
}

function has(value: unknown, ...methods: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

function isIoredis(value: unknown): value is IoredisLike {
  return has(value, "duplicate", "callBuffer") && typeof value["status"] === "string";
}

function isNodeRedis(value: unknown): value is NodeRedisLike {
  return has(value, "duplicate", "sendCommand", "ref", "unref") && typeof value["isReady"] === "boolean";
}

function isCluster(value: unknown): boolean {
  if (!has(value)) return false;
  return value["isCluster"] === true || (Array.isArray(value["slots"]) && has(value, "sendCommand"));
}

/** What node-redis makes that is no client: what it is, and what to hand in instead. */
function otherKindOf(value: unknown): string | undefined {
  if (has(value, "sendCommand", "getMasterNode", "getSentinelNode"))
    return (
      "a Sentinel client of node-redis, which cannot be asked for a connection of the engine's own. Hand in one of " +
      'ioredis: new Redis({ sentinels: [{ host, port }], name: "mymaster" }).'
    );
  if (has(value, "sendCommand", "execute") && "clientsInUse" in value)
    return "a pool of clients of node-redis; the engine makes the connections that it needs itself. Hand in createClient().";
  return undefined;
}

function invalid(message: string): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", message);
}

/**
 * The user's Redis client: one of ioredis or of node-redis, typed by what is used of it, so that neither is imported.
 *
 * @module
 */
import { PetioleError, describe } from "../../../errors.ts";
import type { Link } from "./link.ts";
import { IoredisLink } from "./link-ioredis.ts";
import { NodeRedisLink } from "./link-node-redis.ts";

/** A client of ioredis: `new Redis()`, 5 or 6. */
export interface IoredisLike {
  readonly status: string;
  /** Makes another like it. */
  duplicate(...parameters: never[]): object;
  callBuffer(...parameters: never[]): Promise<unknown>;
}

/** A client of node-redis: `createClient()`, connected or not. */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  /** Makes another like it. */
  duplicate(...parameters: never[]): object;
  sendCommand(...parameters: never[]): Promise<unknown>;
  ref(): void;
  unref(): void;
}

/** A Redis client of the user's. The engine makes connections like it, and leaves the client itself alone. */
export type RedisClientLike = IoredisLike | NodeRedisLike;

/** Whether it is a client of ioredis or node-redis, of whatever kind: also one that is refused later. */
export function isRedisClient(value: unknown): value is RedisClientLike {
  return isIoredis(value) || isNodeRedis(value);
}

/** Whether it is of node-redis, and no client of one Redis: {@link refuseInvalidClient} says what it is. */
export function isOtherRedis(value: unknown): boolean {
  return isCluster(value) || otherKindOf(value) !== undefined;
}

/**
 * Refuses what the engine cannot work with.
 *
 * @param option its name, for the message: `broker`
 * @throws PetioleError `ERR_OPTION_INVALID` or, for a cluster, `ERR_ENGINE_UNSUPPORTED`
 */
export function refuseInvalidClient(option: string, value: unknown): asserts value is RedisClientLike {
  if (isCluster(value)) {
    throw new PetioleError(
      "ERR_ENGINE_UNSUPPORTED",
      `celery(): ${option} is a client of a Redis Cluster, with which Celery does not work: its keys are on several ` +
        "nodes. Hand in a client of one Redis, or of its Sentinel (ioredis).",
    );
  }
  const other = otherKindOf(value);
  if (other !== undefined) throw invalid(`celery(): ${option} is ${other}`);
  if (!isRedisClient(value)) {
    throw invalid(
      `celery(): ${option} is a Redis client: new Redis() of ioredis or createClient() of redis; it got ${describe(value)}.`,
    );
  }
  const prefix = (optionsOf(value) as { keyPrefix?: unknown }).keyPrefix;
  if (prefix === undefined || prefix === "") return;
  throw invalid(
    `celery(): the client has the keyPrefix ${describe(prefix)}, which does not reach channels and scripts. Hand in a ` +
      "client without it, and say `keyPrefix` to celery(): it is Kombu's global_keyprefix.",
  );
}

/** The database that a client uses: a number that is part of the names of Kombu's channels. */
export function databaseOf(client: RedisClientLike): number {
  const { db, database } = optionsOf(client) as { db?: unknown; database?: unknown };
  const number = Number(isIoredis(client) ? (db ?? 0) : (database ?? 0));
  return Number.isSafeInteger(number) && number >= 0 ? number : 0;
}

/** Makes a connection of the engine's own, like the user's client. It begins to connect at once. */
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

/**
 * The Celery engine over Redis under test: a prefix of its own on a private Redis.
 *
 * @module
 */
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { Engine } from "../../src/engine.ts";
import { celery, type CeleryOptions } from "../../src/engine/celery.ts";
import type { Json } from "../../src/message.ts";
import { noOwnRedis, startOwnRedis } from "../services/redis.ts";
import type { EngineStore } from "./engine-store.ts";

/** What {@link open} takes: the server, and what else `celery()` does. */
export interface CeleryRedisConfig extends Omit<CeleryOptions, "broker" | "results"> {
  readonly port: number;
  readonly keyPrefix: string;
  /** What connections are made like. Default: ioredis. */
  readonly client?: "ioredis" | "node-redis";
}

/** Why it cannot be tested here; undefined where it can. */
export const missing: string | undefined = noOwnRedis;

/** A Redis of its own. `durable`: each write waits for the disk. */
export async function start({ durable = false }: { readonly durable?: boolean } = {}): Promise<EngineStore> {
  const { port, pid, restart, stop } = await startOwnRedis({ durable });
  let count = 0;
  const keyPrefix = (): string => `celery${++count}:`;
  return {
    config: { port, keyPrefix: keyPrefix() },
    port,
    through: (other, config) => ({ ...(config as object), port: other }),
    pid,
    restart,
    fresh: async () => ({ port, keyPrefix: keyPrefix() }),
    close: stop,
  };
}

/** An engine by a connection of its own, which is not used for anything else. */
export function open(config: Json): Engine {
  const { port, client, ...options } = config as unknown as CeleryRedisConfig;
  const broker =
    client === "node-redis"
      ? createClient({ url: `redis://127.0.0.1:${port}` })
      : new Redis(port, "127.0.0.1", { lazyConnect: true });
  return celery({ broker, dialect: "exact", ...options });
}

/**
 * The BullMQ engine under test: a prefix of its own on a private Redis.
 *
 * @module
 */
import { Redis } from "ioredis";
import { bullmq, type BullmqTimes } from "petiole/engine/bullmq";
import type { Engine } from "../../src/engine.ts";
import type { Json } from "../../src/message.ts";
import { noOwnRedis, startOwnRedis } from "../services/redis.ts";
import type { EngineStore } from "./engine-store.ts";

/** What {@link open} takes: the server, and what else `bullmq()` does. */
export interface BullmqConfig extends BullmqTimes {
  readonly port: number;
  readonly prefix: string;
}

/** Why it cannot be tested here; undefined where it can. */
export const missing: string | undefined = noOwnRedis;

/** A Redis of its own. `durable`: each write waits for the disk. */
export async function start({ durable = false }: { readonly durable?: boolean } = {}): Promise<EngineStore> {
  const { port, pid, restart, stop } = await startOwnRedis({ durable });
  let count = 0;
  const prefix = (): string => `bull${++count}`;
  return {
    config: { port, prefix: prefix() },
    port,
    through: (other, config) => ({ ...(config as object), port: other }),
    pid,
    restart,
    fresh: async () => ({ port, prefix: prefix() }),
    close: stop,
  };
}

/** An engine by a connection of its own, which is not used for anything else. */
export function open(config: Json): Engine {
  const { port, ...options } = config as unknown as BullmqConfig;
  const connection = new Redis(port, "127.0.0.1", { lazyConnect: true });
  return bullmq({ connection, ...options });
}

/** Clients of Redis, of each library that is taken. */
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { RedisClientLike } from "../../src/engine/shared/redis/like.ts";

export interface MadeClient {
  readonly client: RedisClientLike;
  close(): void;
}

export interface RedisLibrary {
  readonly name: string;
  /** One that is not connected: what is made of it connects by itself. */
  make(url: string, database?: number): MadeClient;
}

export const redisLibraries: readonly RedisLibrary[] = [
  {
    name: "ioredis",
    make(url, db = 0) {
      const client = new Redis(url, { lazyConnect: true, db });
      return { client, close: () => client.disconnect() };
    },
  },
  {
    name: "node-redis",
    make(url, database = 0) {
      const client = createClient({ url, database });
      return { client, close: () => client.destroy() };
    },
  },
];

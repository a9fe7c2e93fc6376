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
  make(url: string, database?: number, options?: { readonly connectTimeout: number }): MadeClient;
}

export const redisLibraries: readonly RedisLibrary[] = [
  {
    name: "ioredis",
    make(url, db = 0, options) {
      const client = new Redis(url, { lazyConnect: true, db, ...options });
      return { client, close: () => client.disconnect() };
    },
  },
  {
    name: "node-redis",
    make(url, database = 0, socket) {
      const client = createClient({ url, database, ...(socket && { socket }) });
      return { client, close: () => client.destroy() };
    },
  },
];

import type { Cluster, Redis } from "ioredis";
import { createClient, type createClientPool, type createCluster, type createSentinel } from "redis";
import { expectTypeOf, test } from "vitest";
import type { IoredisLike, NodeRedisLike, RedisClientLike } from "./redis/like.ts";

test("takes clients of ioredis and node-redis as they are", () => {
  expectTypeOf<Redis>().toExtend<IoredisLike>();
  expectTypeOf<Redis>().toExtend<RedisClientLike>();
  const client = createClient();
  const other = createClient({ RESP: 2, url: "redis://127.0.0.1" });
  expectTypeOf(client).toExtend<NodeRedisLike>();
  expectTypeOf(client).toExtend<RedisClientLike>();
  expectTypeOf(other).toExtend<RedisClientLike>();
});

test("takes nothing else", () => {
  expectTypeOf<ReturnType<typeof createCluster>>().not.toExtend<RedisClientLike>();
  expectTypeOf<ReturnType<typeof createSentinel>>().not.toExtend<RedisClientLike>();
  expectTypeOf<ReturnType<typeof createClientPool>>().not.toExtend<RedisClientLike>();
  expectTypeOf<string>().not.toExtend<RedisClientLike>();
  expectTypeOf<{ host: string; port: number }>().not.toExtend<RedisClientLike>();
  // Refused when it is handed in: its type does not tell it apart.
  expectTypeOf<Cluster>().toExtend<RedisClientLike>();
});

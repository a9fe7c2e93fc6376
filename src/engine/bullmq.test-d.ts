import { Queue } from "bullmq";
import { type Cluster, Redis } from "ioredis";
import { expectTypeOf, test } from "vitest";
import type { Engine } from "../engine.ts";
import { bullmq, type QueueLike, type RedisLike } from "./bullmq.ts";

test("takes clients of ioredis as they are", () => {
  expectTypeOf<Redis>().toExtend<RedisLike>();
  expectTypeOf<Cluster>().toExtend<RedisLike>();
  expectTypeOf(bullmq({ connection: new Redis({ lazyConnect: true }) })).toEqualTypeOf<Engine>();
});

test("takes queues of BullMQ's as they are", () => {
  expectTypeOf<Queue>().toExtend<QueueLike>();
  // @ts-expect-error a queue has its own prefix
  bullmq({ queue: new Queue("q"), prefix: "shop" });
  // @ts-expect-error a queue's name is no queue
  bullmq({ queue: "q" });
});

test("takes nothing else", () => {
  // @ts-expect-error options are no client
  bullmq({ connection: { host: "127.0.0.1", port: 6379 } });
  // @ts-expect-error a URL is no client
  bullmq({ connection: "redis://127.0.0.1" });
  // @ts-expect-error the connection is needed
  bullmq({});
});

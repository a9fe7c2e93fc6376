/** Which clients are taken. */
import { Cluster, Redis } from "ioredis";
import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import { afterEach, describe, expect, test } from "vitest";
import { celery } from "../celery.ts";
import { databaseOf, isOtherRedis, isRedisClient, refuseInvalidClient } from "./redis.ts";

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function ioredis(options: object = {}): Redis {
  const client = new Redis({ lazyConnect: true, ...options });
  closing.push(() => client.disconnect());
  return client;
}

const taker = { place: "celery(): broker", system: "Celery", prefixAdvice: "Say `keyPrefix` to celery()." };

describe("refuseInvalidClient", () => {
  test("takes clients of ioredis and node-redis, connected or not", () => {
    for (const client of [ioredis(), createClient(), createClient({ url: "redis://127.0.0.1/3" })]) {
      expect(isRedisClient(client)).toBe(true);
      expect(() => refuseInvalidClient(taker, client)).not.toThrow();
    }
  });

  test("refuses clusters", () => {
    const cluster = new Cluster([{ port: 1 }], { lazyConnect: true });
    closing.push(() => cluster.disconnect());
    for (const client of [cluster, createCluster({ rootNodes: [] })]) {
      expect(() => refuseInvalidClient(taker, client)).toThrow(
        expect.objectContaining({
          code: "ERR_ENGINE_UNSUPPORTED",
          message: expect.stringContaining(
            "celery(): broker is a client of a Redis Cluster, with which Celery",
          ),
        }),
      );
    }
  });

  test("refuses a client with a keyPrefix, and says where it belongs", () => {
    for (const client of [ioredis({ keyPrefix: "x:" }), createClient({ keyPrefix: "x:" })]) {
      expect(() => refuseInvalidClient(taker, client)).toThrow(
        expect.objectContaining({
          code: "ERR_OPTION_INVALID",
          message: expect.stringContaining("Say `keyPrefix` to celery()"),
        }),
      );
    }
  });

  test.each([
    ["a URL", "redis://127.0.0.1"],
    ["options", { host: "127.0.0.1", port: 6379 }],
    ["nothing", undefined],
    ["null", null],
    ["a number", 6379],
    ["a function", () => undefined],
    ["half a client", { duplicate: () => ({}), status: "ready" }],
  ])("refuses %s", (_, value) => {
    expect(isRedisClient(value)).toBe(false);
    expect(() => refuseInvalidClient(taker, value)).toThrow(
      expect.objectContaining({
        code: "ERR_OPTION_INVALID",
        message: expect.stringContaining("celery(): broker is a Redis client"),
      }),
    );
  });
});

describe("of node-redis, refuses", () => {
  test.each([
    ["a pool", createClientPool(), /broker is a pool of clients of node-redis.* createClient\(\)\.$/],
    [
      "a Sentinel",
      createSentinel({ name: "x", sentinelRootNodes: [{ host: "x", port: 1 }] }),
      /broker is a Sentinel client of node-redis.* new Redis\(\{ sentinels/,
    ],
    ["a cluster", createCluster({ rootNodes: [] }), /broker is a client of a Redis Cluster/],
  ])("%s, and says what it is", (_, value, message) => {
    expect(isOtherRedis(value)).toBe(true);
    expect(() => refuseInvalidClient(taker, value)).toThrow(message);
    // Also where nobody asked yet whether it is of Redis at all.
    expect(() => celery({ broker: value as never })).toThrow(message);
    expect(() => celery({ broker: ioredis(), results: value as never })).toThrow(
      new RegExp(message.source.replace("broker", "results")),
    );
  });
});

test("databaseOf tells the client's database", () => {
  expect(databaseOf(ioredis())).toBe(0);
  expect(databaseOf(ioredis({ db: 4 }))).toBe(4);
  expect(databaseOf(createClient())).toBe(0);
  expect(databaseOf(createClient({ database: 5 }))).toBe(5);
  expect(databaseOf(createClient({ url: "redis://127.0.0.1/6" }))).toBe(6);
});

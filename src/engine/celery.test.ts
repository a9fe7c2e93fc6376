import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import * as rabbitmq from "../../test/engines/celery-rabbitmq.ts";
import * as redis from "../../test/engines/celery-redis.ts";
import type { EngineStore } from "../../test/engines/engine-store.ts";
import { startOwnRedis, type OwnRedis } from "../../test/services/redis.ts";
import type { Engine } from "../engine.ts";
import type { Json } from "../message.ts";
import { engineContract, type EngineContractOptions } from "../testing/engine-contract.ts";

const noLineBreaks = [
  {
    test: "carries text unchanged: control characters",
    reason: "RabbitMQ leaves line breaks out of the names of queues; such a send is refused",
  },
];

/** Harnesses of engines of a module. */
function harness(
  name: string,
  open: (config: Json) => Engine,
  store: () => EngineStore,
  more: () => object = () => ({}),
): EngineContractOptions["create"] {
  const module = fileURLToPath(new URL(`../../test/engines/${name}.ts`, import.meta.url));
  return async () => {
    const config = { ...((await store().fresh()) as object), ...more() } as Json;
    const engines = [open(config)];
    return {
      engine: engines[0]!,
      another: () => {
        const engine = open(config);
        engines.push(engine);
        return engine;
      },
      elsewhere: { module, config },
      interrupt: () => store().restart!(100),
      close: async () => {
        await Promise.all(engines.map((engine) => engine.close()));
      },
    };
  };
}

describe.skipIf(redis.missing !== undefined)("the Celery engine, on a Redis that waits for its disk", () => {
  let store: EngineStore;
  beforeAll(async () => {
    store = await redis.start({ durable: true });
  });
  afterAll(() => store.close());

  engineContract({
    describe,
    test,
    name: "celery over Redis",
    create: harness("celery-redis", redis.open, () => store),
  });
});

describe.skipIf(rabbitmq.missing !== undefined)("the Celery engine, on RabbitMQ", () => {
  let store: EngineStore;
  beforeAll(async () => {
    store = await rabbitmq.start();
  }, 60_000);
  afterAll(() => store.close());

  engineContract({
    describe,
    test,
    name: "celery over RabbitMQ",
    skip: noLineBreaks,
    create: harness("celery-rabbitmq", rabbitmq.open, () => store),
  });
});

const neither = rabbitmq.missing ?? redis.missing;
describe.skipIf(neither !== undefined)("the Celery engine, on RabbitMQ with results in Redis", () => {
  let store: EngineStore;
  let results: OwnRedis;
  beforeAll(async () => {
    [store, results] = await Promise.all([rabbitmq.start(), startOwnRedis()]);
  }, 60_000);
  afterAll(() => Promise.all([store.close(), results.stop()]));

  let count = 0;
  engineContract({
    describe,
    test,
    name: "celery over RabbitMQ and Redis",
    skip: noLineBreaks,
    create: harness(
      "celery-rabbitmq",
      rabbitmq.open,
      () => store,
      () => ({ redisPort: results.port, keyPrefix: `r${++count}:` }),
    ),
  });
});

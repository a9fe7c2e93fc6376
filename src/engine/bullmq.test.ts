import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, test } from "vitest";
import { engineContract } from "../testing/engine-contract.ts";
import { noRedis, startRedis } from "../../test/services/redis.ts";
import { bullmq } from "./bullmq.ts";

describe.skipIf(noRedis !== undefined)("the BullMQ engine", () => {
  let redis: Redis;
  let stop: () => Promise<void>;
  let count = 0;
  beforeAll(async () => {
    const server = await startRedis();
    redis = new Redis(server.url);
    stop = server.stop;
  });
  afterAll(async () => {
    redis.disconnect();
    await stop();
  });
  engineContract({
    describe,
    test,
    name: "bullmq",
    create: () => {
      const prefix = `test${++count}`;
      const open = () => bullmq({ connection: redis, prefix });
      const engines = [open()];
      return {
        engine: engines[0]!,
        another: () => {
          const engine = open();
          engines.push(engine);
          return engine;
        },
        close: async () => {
          await Promise.all(engines.map((engine) => engine.close()));
        },
      };
    },
  });
});

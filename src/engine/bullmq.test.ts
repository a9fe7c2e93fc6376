import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import { missing, open, start } from "../../test/engines/bullmq.ts";
import type { EngineStore } from "../../test/engines/engine-store.ts";
import { engineContract } from "../testing/engine-contract.ts";

const module = fileURLToPath(new URL("../../test/engines/bullmq.ts", import.meta.url));

describe.skipIf(missing !== undefined)("the BullMQ engine, on a Redis that waits for its disk", () => {
  let store: EngineStore;
  beforeAll(async () => {
    store = await start({ durable: true });
  });
  afterAll(() => store.close());

  engineContract({
    describe,
    test,
    name: "bullmq",
    create: async () => {
      const config = await store.fresh();
      const engines = [open(config)];
      return {
        engine: engines[0]!,
        another: () => {
          const engine = open(config);
          engines.push(engine);
          return engine;
        },
        elsewhere: { module, config },
        interrupt: () => store.restart!(100),
        close: async () => {
          await Promise.all(engines.map((engine) => engine.close()));
        },
      };
    },
  });
});

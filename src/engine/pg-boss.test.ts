import { afterAll, beforeAll, describe, test } from "vitest";
import { type EngineStore } from "../../test/engines/engine-store.ts";
import { missing, open, start } from "../../test/engines/pg-boss.ts";
import { engineContract } from "../testing/engine-contract.ts";
import type { Engine } from "../engine.ts";

let store: EngineStore;

describe.skipIf(missing !== undefined)(
  `pg-boss${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    beforeAll(async () => {
      store = await start();
    }, 60_000);
    afterAll(() => store?.close(), 60_000);

    engineContract({
      describe,
      test,
      name: "pg-boss",
      async create() {
        const config = await store.fresh();
        const engines: Engine[] = [];
        const another = (): Engine => {
          const engine = open(config);
          engines.push(engine);
          return engine;
        };
        return {
          engine: another(),
          another,
          async close() {
            for (const engine of engines) await engine.close();
          },
        };
      },
    });
  },
);

import { describe, test } from "vitest";
import { CeleryServer, celeryInMemory } from "../../../test/engines/celery-in-memory.ts";
import { engineContract } from "../../testing/engine-contract.ts";

describe.each([true, false])(
  "the Celery engine on a broker in memory that keeps places: %s",
  (keepsPlace) => {
    engineContract({
      describe,
      test,
      name: "celery",
      create() {
        const server = new CeleryServer({ keepsPlace });
        const engines = [celeryInMemory(server)];
        return {
          engine: engines[0]!,
          another: () => {
            const engine = celeryInMemory(server);
            engines.push(engine);
            return engine;
          },
          close: async () => {
            await Promise.all(engines.map((engine) => engine.close()));
          },
        };
      },
    });
  },
);

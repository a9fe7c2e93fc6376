import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { EngineStore } from "../../test/engines/engine-store.ts";
import { missing, open, start } from "../../test/engines/pg-boss.ts";
import { engineContract } from "../testing/engine-contract.ts";
import type { Engine } from "../engine.ts";

const module = fileURLToPath(new URL("../../test/engines/pg-boss.ts", import.meta.url));

describe.skipIf(missing !== undefined)("the pg-boss engine, on a PostgreSQL", () => {
  let store: EngineStore;
  beforeAll(async () => {
    store = await start();
  }, 60_000);
  afterAll(() => store?.close(), 60_000);

  engineContract({
    describe,
    test,
    name: "pg-boss",
    async create() {
      const config = (await store.fresh()) as { url: string };
      const engines: Engine[] = [];
      const another = (): Engine => {
        const engine = open(config);
        engines.push(engine);
        return engine;
      };
      return {
        engine: another(),
        another,
        elsewhere: { module, config },
        // A server that is killed and started again is in server.test.ts: it takes its time.
        interrupt: () => cutOff(config.url),
        async close() {
          await Promise.all(engines.map((engine) => engine.close()));
        },
      };
    },
  });
});

/** Ends all connections to a database, as a failing network or a fail-over does. */
async function cutOff(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
  } finally {
    await client.end();
  }
}

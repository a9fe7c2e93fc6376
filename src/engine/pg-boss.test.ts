import { Client } from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { EngineStore } from "../../test/engines/engine-store.ts";
import { harness } from "../../test/engines/harness.ts";
import { missing, open, start } from "../../test/engines/pg-boss.ts";
import { engineContract } from "../testing/engine-contract.ts";

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
    create: harness("pg-boss", open, () => store, {
      // A server that is killed and started again is in server.test.ts: it takes its time.
      interrupt: (config) => cutOff((config as { readonly url: string }).url),
    }),
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

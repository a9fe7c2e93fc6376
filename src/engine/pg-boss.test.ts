import { Client } from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { EngineStore } from "../../test/engines/engine-store.ts";
import { harness } from "../../test/engines/harness.ts";
import { missing, open, start } from "../../test/engines/pg-boss.ts";
import { pause } from "../testing/engine-contract/case.ts";
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
      impatience: { options: { maxSilence: 1000 } },
      // A server that is killed and started again is in server.test.ts: it takes its time.
      interrupt: (config, downFor) => cutOff((config as { readonly url: string }).url, downFor),
    }),
  });
});

/** Ends all connections to a database, as a failing network or a fail-over does, and lets none be made for a while. */
async function cutOff(url: string, downFor = 0): Promise<void> {
  const admin = new URL(url);
  const name = admin.pathname.slice(1);
  admin.pathname = "/postgres";
  const client = new Client({ connectionString: admin.href });
  await client.connect();
  try {
    if (downFor > 0) await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]);
    if (downFor > 0) {
      await pause(downFor);
      await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    }
  } finally {
    await client.end();
  }
}

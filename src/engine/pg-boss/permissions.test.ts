/** The rights that docs/engine/pg-boss.md names are enough, and those of them that are not there are told. */
import { Client, Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import { missing, start } from "../../../test/engines/pg-boss.ts";
import type { Engine } from "../../engine.ts";
import { claimOne, outgoing, reason } from "../../testing/engine-contract/case.ts";
import { pgBoss } from "../pg-boss.ts";

/** Roles are the server's, which may have other tests on it. */
const user = `petiole_user_${process.pid}`;

const rights = [
  `grant usage on schema pgboss, pgboss_petiole to ${user}`,
  `grant select, insert, update, delete on all tables in schema pgboss, pgboss_petiole to ${user}`,
  `grant usage on all sequences in schema pgboss_petiole to ${user}`,
  `grant execute on all functions in schema pgboss_petiole to ${user}`,
];

describe.skipIf(missing !== undefined)("pg-boss: a user with the rights that the page names", () => {
  let store: EngineStore;
  let owner: Client;
  let pool: Pool;
  let engine: Engine;
  beforeAll(async () => {
    store = await start();
    const { url } = (await store.fresh()) as { url: string };
    owner = new Client({ connectionString: url });
    await owner.connect();
    await owner.query(`create role ${user} login password 'petiole'`);
    // Nothing that the rights do not name: by itself everybody may run every function.
    await owner.query("revoke all on all functions in schema pgboss_petiole from public");
    const its = new URL(url);
    its.username = user;
    its.password = "petiole";
    pool = new Pool({ connectionString: its.href });
    engine = pgBoss(pool);
  }, 60_000);
  afterAll(async () => {
    await engine?.close();
    await pool?.end();
    await owner?.query(`drop owned by ${user}`);
    await owner?.query(`drop role ${user}`);
    await owner?.end();
    await store?.close();
  }, 60_000);

  test("without them the first call says where they are named", async () => {
    await expect(engine.send([outgoing("0")])).rejects.toMatchObject({
      code: "ERR_ENGINE_FAILED",
      message: expect.stringContaining("docs/engine/pg-boss.md"),
    });
  });

  test("it can do everything", async () => {
    for (const right of rights) await owner.query(right);
    await engine.send([outgoing("1"), outgoing("2", { queue: "another" }), outgoing("3")]);
    const { lease } = await claimOne(engine);
    expect(await engine.extend([lease], 30_000)).toEqual([]);
    expect(
      await engine.report(lease, { progress: { fraction: 1 }, lines: [{ at: 0, text: "a line" }] }),
    ).toBe(true);
    expect(await engine.settle([{ kind: "complete", lease, result: "1" }])).toEqual([true]);
    expect(await engine.settle([{ kind: "fail", lease: (await claimOne(engine)).lease, reason }])).toEqual([
      true,
    ]);
    expect(await engine.retry(["3"])).toBe(1);
    expect(await engine.cancel(["3"], reason)).toBe(1);
    expect(await engine.discard(["2"], reason)).toBe(1);
    await engine.pause("another");
    await engine.resume("another");
    expect((await engine.list({})).records).toHaveLength(3);

    // As whoever enqueues in a transaction of their own.
    const client = await pool.connect();
    await client.query("begin");
    const query = async (text: string, parameters: readonly unknown[]) =>
      (await client.query(text, [...parameters])).rows as Record<string, unknown>[];
    const { withdraw } = await engine.sendWithin!([outgoing("4"), outgoing("5")], {
      dialect: "postgres",
      query,
    });
    await withdraw(["5"], { dialect: "postgres", query });
    await client.query("commit");
    client.release();
    expect((await claimOne(engine)).message.id).toBe("4");
  });
});

/** Sending as part of a transaction of the user's own. */
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import { missing, open, start } from "../../../test/engines/pg-boss.ts";
import type { Engine, TransactionSql } from "../../engine.ts";
import { claim, claimWhenReady, ids, outgoing, pause } from "../../testing/engine-contract/case.ts";

describe.skipIf(missing !== undefined)("pg-boss: sending within a transaction", () => {
  let store: EngineStore;
  let url: string;
  let engine: Engine;
  let client: Client;
  let sql: TransactionSql;

  beforeAll(async () => {
    store = await start();
  }, 60_000);
  afterAll(() => store?.close(), 60_000);
  beforeEach(async () => {
    ({ url } = (await store.fresh()) as { url: string });
    engine = open({ url });
    client = await clientOn(url);
    sql = sqlOf(client);
  });
  afterEach(async () => {
    await engine.close();
    await client.end();
  });

  test("there is a task if, and only if, the transaction commits, and it is there at once", async () => {
    await client.query("CREATE TABLE post (id int)");
    await client.query("BEGIN");
    await client.query("INSERT INTO post VALUES (1)");
    const batch = [outgoing("1"), outgoing("2", { queue: "other" }), outgoing("3", {}, 60_000)];
    const sent = await engine.sendWithin!(batch, sql);
    expect(sent.ids).toEqual(["1", "2", "3"]);
    expect(await engine.find("1")).toBeUndefined();
    const claimed = claimWhenReady(engine);
    await pause(50);
    await client.query("COMMIT");
    sent.committed();
    expect((await claimed).message).toEqual(outgoing("1").message);
    expect(ids(await claim(engine, { queues: ["other"] }))).toEqual(["2"]);
    expect(await engine.find("3")).toMatchObject({ state: "scheduled" });
    await client.query("BEGIN");
    await engine.sendWithin!([outgoing("4")], sql);
    await client.query("ROLLBACK");
    expect(await engine.find("4")).toBeUndefined();
  });

  test("workers of other processes are woken by the commit itself", async () => {
    const other = open({ url });
    await other.open();
    await pause(100);
    await client.query("BEGIN");
    await engine.sendWithin!([outgoing("1")], sql);
    const claimed = claimWhenReady(other);
    await client.query("COMMIT");
    expect((await claimed).message.id).toBe("1");
    await other.close();
  });

  test("keys are held from the commit on, and seen by whoever sends meanwhile", async () => {
    const keyed = (id: string) => ({ ...outgoing(id), unique: { key: "k" } });
    await client.query("BEGIN");
    await engine.sendWithin!([keyed("1")], sql);
    const rival = engine.send([keyed("2")]);
    await pause(50);
    await client.query("COMMIT");
    expect(await rival).toEqual(["1"]);
    await client.query("BEGIN");
    const { ids: sent } = await engine.sendWithin!([keyed("3")], sql);
    await client.query("COMMIT");
    expect(sent).toEqual(["1"]);
  });

  test("with a key, a transaction that does not see what others commit is refused", async () => {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await engine.sendWithin!([outgoing("1")], sql);
    await expect(engine.sendWithin!([{ ...outgoing("2"), unique: { key: "k" } }], sql)).rejects.toMatchObject(
      { code: "ERR_TRANSACTION_UNSUPPORTED", message: expect.stringContaining("READ COMMITTED") },
    );
    await client.query("ROLLBACK");
  });

  test("a transaction of another database is refused, and can go on", async () => {
    const elsewhere = await clientOn(((await store.fresh()) as { url: string }).url);
    await elsewhere.query("BEGIN");
    await expect(engine.sendWithin!([outgoing("1")], sqlOf(elsewhere))).rejects.toMatchObject({
      code: "ERR_TRANSACTION_UNSUPPORTED",
    });
    expect((await elsewhere.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await elsewhere.query("COMMIT");
    await elsewhere.end();
    for (const dialect of ["sqlite", "mysql"] as const) {
      await expect(engine.sendWithin!([outgoing("1")], { ...sql, dialect })).rejects.toMatchObject({
        code: "ERR_TRANSACTION_UNSUPPORTED",
      });
    }
  });

  test("carries what is awkward", async () => {
    const text = `\u0000 \ud800 '"\\ $1 ? {}`;
    const message = { ...outgoing(text).message, task: text, queue: text, payload: text };
    await client.query("BEGIN");
    await engine.sendWithin!([{ message, runAt: 0 }], sql);
    await client.query("COMMIT");
    expect((await engine.find(text))?.message).toEqual(message);
  });
});

async function clientOn(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}

function sqlOf(client: Client): TransactionSql {
  return {
    dialect: "postgres",
    query: async (text, parameters) => (await client.query(text, [...parameters])).rows,
  };
}

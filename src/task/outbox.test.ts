import { createClient } from "@libsql/client";
import { drizzle as connect } from "drizzle-orm/libsql";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import type { Outgoing } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import { drizzle } from "../orm/drizzle.ts";
import { stubAdapter, stubTransactions } from "../testing/stub-adapter.ts";
import { testApp } from "../testing/test-app.ts";
import { Outbox, outboxTable } from "./outbox.ts";
import { Petiole } from "./petiole.ts";

const posts = sqliteTable("posts", { id: integer().primaryKey(), body: text().notNull() });

let folder: string;
let client: ReturnType<typeof createClient>;
let setup: ReturnType<typeof make>;

function make() {
  const db = connect(client);
  const engine = memory();
  const app = new Petiole({
    engine,
    models: [drizzle(db, { "qa.Post": posts })],
    transactions: { outbox: "outgoing" },
  });
  const ran: number[] = [];
  const task = app.task("t", (n: number) => {
    ran.push(n);
    return n;
  });
  const worker = app.worker({ logger: { info() {}, warn() {}, error() {} } });
  const left = async () => (await client.execute("select error from outgoing order by sequence")).rows;
  return { db, engine, app, task, ran, worker, left };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "petiole-"));
  client = createClient({ url: `file:${folder}/qa.db` });
  await client.execute("pragma journal_mode = wal");
  await client.execute("create table posts (id integer primary key, body text not null)");
  await client.execute(outboxTable("sqlite", "outgoing"));
  setup = make();
});

afterEach(async () => {
  await setup.worker.stop({ timeout: 0 });
  await setup.app.close();
  client.close();
  rmSync(folder, { recursive: true });
});

describe("the outbox", () => {
  test("a result may be waited for as soon as the transaction is committed", async () => {
    const { app, db, task, worker } = setup;
    await worker.start();
    const handle = await app.transaction(db, async () => {
      const handle = await task.enqueue(1);
      await expect(handle.result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
      return handle;
    });
    expect(await handle.result()).toBe(1);
    const told = await app.transaction(db, () => task.enqueue(2));
    const heard: unknown[] = [];
    for await (const progress of told.progress()) heard.push(progress);
    expect(heard).toStrictEqual([]);
  });

  test("while the engine is out of reach the rows wait, in their order; the result is waited for as long as told", async () => {
    const { app, db, engine, task, worker, ran, left } = setup;
    const { send } = engine;
    engine.send = () => Promise.reject(new PetioleError("ERR_ENGINE_BUSY", "busy"));
    const handle = await app.transaction(db, async () => {
      await task.enqueue(1);
      return task.enqueue(2);
    });
    await expect(handle.result({ timeout: 100 })).rejects.toMatchObject({ code: "ERR_RESULT_TIMEOUT" });
    expect(await left()).toHaveLength(2);
    // By its id alone it is not known: the engine has not got it.
    expect(await task.handle(handle.id).cancel()).toBe(false);
    await expect(task.handle(handle.id).result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_FOUND" });
    engine.send = send;
    await worker.start();
    expect(await handle.result()).toBe(2);
    expect(ran).toStrictEqual([1, 2]);
    expect(await left()).toHaveLength(0);
  });

  test("several relays at once send each task once, in order", async () => {
    const { app, db, engine, task } = setup;
    const others = [make(), make()];
    const { send } = engine;
    const opened = Promise.withResolvers<void>();
    let sends = 0;
    for (const each of [setup, ...others]) {
      each.engine.send = async (batch: readonly Outgoing[]) => {
        sends++;
        await opened.promise;
        return send.call(engine, batch);
      };
    }
    await app.transaction(db, async () => {
      for (let number = 0; number < 250; number++) await task.enqueue(number);
    });
    const relays = others.map((each) => each.app.relay());
    for (const relay of relays) await relay.start();
    await expect.poll(() => sends).toBe(3);
    opened.resolve();
    await expect.poll(() => setup.left(), { timeout: 20_000 }).toHaveLength(0);
    for (const relay of relays) await relay.stop();
    const payloads: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await engine.list({ limit: 100, ...(after === undefined ? {} : { after }) });
      payloads.push(...page.records.map(({ message }) => message.payload));
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(payloads).toStrictEqual(Array.from({ length: 250 }, (_, number) => String(number)));
    for (const each of others) await each.app.close();
  });

  // The second is what another engine says of a message that was made for the one before it.
  test.each([
    ["ERR_PAYLOAD_LIMIT", "too large for this engine"],
    ["ERR_ENGINE_UNSUPPORTED", "this engine has no priorities"],
  ] as const)(
    "what the engine refuses for good, %s, is set aside, and holds up nothing",
    async (code, text) => {
      const { app, db, engine, task, worker, left } = setup;
      const { send } = engine;
      engine.send = async (batch: readonly Outgoing[]) => {
        if (batch.some(({ message }) => message.payload === "2")) throw new PetioleError(code, text);
        return send.call(engine, batch);
      };
      const handles = await app.transaction(db, async () => [
        await task.enqueue(1),
        await task.enqueue(2),
        await task.enqueue(3),
      ]);
      await worker.start();
      expect([await handles[0]!.result(), await handles[2]!.result()]).toStrictEqual([1, 3]);
      await expect.poll(left).toMatchObject([{ error: text }]);
    },
  );

  test("a duplicate that shows only when it is sent leads to the holder", async () => {
    const { app, db, task, worker, left } = setup;
    const holder = await task.enqueue(1, { unique: "key" });
    const duplicate = await app.transaction(db, () => task.enqueue(2, { unique: "key" }));
    expect(duplicate.id).not.toBe(holder.id);
    // The key is free once its holder has ended.
    await expect.poll(left).toHaveLength(0);
    await worker.start();
    expect(await duplicate.result()).toBe(1);
  });

  test.each([
    { message: { headers: null } },
    { message: { id: "a", task: "t", queue: "q", payload: "1", headers: null }, runAt: 0 },
    { message: { id: "a", task: "t", queue: "q", payload: "1", headers: {} }, runAt: 0, priority: "high" },
    { message: { id: "a", task: "t", queue: "q", payload: "1", headers: {} }, runAt: 0, unique: { key: 7 } },
    { message: { id: "a", task: "t", queue: "q", payload: "1", headers: {} }, runAt: 0, lane: [] },
  ])("a row of another program that is no message is set aside: %j", async (outgoing) => {
    const { app, db, task, worker, left } = setup;
    await client.execute("insert into outgoing (id, outgoing) values ('a', ?)", [JSON.stringify(outgoing)]);
    const handle = await app.transaction(db, () => task.enqueue(1));
    await worker.start();
    expect(await handle.result()).toBe(1);
    await expect.poll(left).toMatchObject([{ error: "this is not a message of Petiole's" }]);
  });

  test("no transaction is kept open, and nobody kept waiting, while the engine takes its time", async () => {
    const { app, db, engine, task } = setup;
    const { send } = engine;
    const [called, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    engine.send = async (batch) => {
      called.resolve();
      await gate.promise;
      return send.call(engine, batch);
    };
    const first = await app.transaction(db, () => task.enqueue(1));
    await called.promise;
    await app.transaction(db, (tx) => tx.insert(posts).values({ body: "meanwhile" }));
    gate.resolve();
    await expect.poll(() => engine.find(first.id)).toMatchObject({ state: "waiting" });
  });

  test("a worker's stop does not wait for an engine that never answers", async () => {
    const { app, db, engine, task, worker } = setup;
    engine.send = () => new Promise<never>(() => {});
    await app.transaction(db, () => task.enqueue(1));
    await worker.start();
    await worker.stop({ timeout: 10 });
  });

  test("what is not awaited is written before the transaction ends, or sent after it", async () => {
    const [written, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const rows: { id: string; outgoing: string }[] = [];
    const { database, log, overrides } = stubTransactions();
    const statements: string[] = [];
    const query = async (text: string, parameters: readonly (string | number | null)[]) => {
      statements.push(text);
      if (text.startsWith("select")) return rows.slice();
      if (text.startsWith("delete")) rows.splice(0);
      else {
        rows.push({ id: String(parameters[0]), outgoing: String(parameters[1]) });
        written.resolve();
        await gate.promise;
      }
      return [];
    };
    const models = [stubAdapter({}, {}, { ...overrides, sql: { dialect: "sqlite", query } })];
    const app = new Petiole({ engine: memory(), models, transactions: "outbox" });
    const task = app.task("t", (n: number) => n);
    const worker = app.worker({ logger: { info() {}, warn() {}, error() {} } });
    await worker.start();
    let enqueued: ReturnType<typeof task.enqueue> | undefined;
    let late: typeof enqueued;
    const transaction = app.transaction(database, async () => {
      enqueued = task.enqueue(1);
      await written.promise;
      setImmediate(() => {
        late = task.enqueue(2);
        gate.resolve();
      });
    });
    await written.promise;
    expect(log).toStrictEqual(["begin 1"]);
    await transaction;
    expect(await (await enqueued!).result()).toBe(1);
    expect(await (await late!).result()).toBe(2);
    expect(statements.filter((text) => text.startsWith("insert"))).toHaveLength(1);
    await worker.stop();
    await app.close();
  });

  test("what was enqueued in a savepoint is cancelled after that is released, in the transaction", async () => {
    const { app, db, engine, task, left } = setup;
    await app.transaction(db, async (tx) => {
      const handle = await app.transaction(tx, () => task.enqueue(1));
      expect(await handle.cancel()).toBe(true);
      await task.enqueue(2);
    });
    await expect.poll(left).toHaveLength(0);
    const { records } = await engine.list({});
    expect(records.map(({ message }) => message.payload)).toStrictEqual(["2"]);
  });

  test("what is cancelled in a savepoint that is rolled back stays cancelled: it is gone before the commit", async () => {
    const { app, db, engine, task, left } = setup;
    // Nobody is to have it, not even a relay that looks at the moment of the commit.
    engine.send = () => Promise.reject(new PetioleError("ERR_ENGINE_BUSY", "busy"));
    const handle = await app.transaction(db, async (tx) => {
      const handle = await task.enqueue(1);
      const undone = app.transaction(tx, async (inner) => {
        await app.transaction(inner, async () => expect(await handle.cancel()).toBe(true));
        throw new Error("undone");
      });
      await expect(undone).rejects.toThrow("undone");
      return handle;
    });
    expect(await left()).toHaveLength(0);
    await expect(handle.result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
  });

  test("what a transaction enqueues while a savepoint is open is not undone with the savepoint", async () => {
    const { app, db, engine, task } = setup;
    await app.transaction(db, async (tx) => {
      let handles: readonly { cancel(): Promise<boolean> }[] = [];
      const undone = app.transaction(tx, async (savepoint) => {
        handles = [await task.enqueue(1, { transaction: tx }), await task.enqueue(2, { transaction: tx })];
        await app.transaction(savepoint, () => task.enqueue(3, { transaction: tx }));
        await task.enqueue(4);
        throw new Error("undone");
      });
      await expect(undone).rejects.toThrow("undone");
      expect(await handles[1]!.cancel()).toBe(true);
      const failing = (): Promise<unknown> =>
        app.transaction(tx, async () => Promise.reject(new Error("undone")));
      // The one below is written while the savepoint that is begun meanwhile is open.
      await Promise.allSettled([task.enqueue(5), failing()]);
      await task.enqueue(6);
    });
    const sent = async () => (await engine.list({})).records.map(({ message }) => message.payload).sort();
    await expect.poll(sent).toStrictEqual(["1", "3", "5", "6"]);
  });

  test("under test: it is told at once, and nothing of it is left for the app's own engine", async () => {
    const { app, db, engine, task, left } = setup;
    const tester = testApp(app);
    await app.transaction(db, async () => {
      await task.enqueue(1);
      expect(await tester.enqueued(task)).toStrictEqual([]);
    });
    expect(await tester.enqueued(task)).toMatchObject([{ payload: 1 }]);
    await app.transaction(db, () => task.enqueue(2));
    await tester.close();
    expect([await left(), await engine.counts()]).toStrictEqual([[], []]);
  });

  test("a table that is not there fails the transaction, and a worker says so", async () => {
    const { app, db, task } = setup;
    await client.execute("drop table outgoing");
    await expect(app.transaction(db, () => task.enqueue(1))).rejects.toMatchObject({
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringMatching(/has no table outgoing.*petiole outbox sql/),
      cause: expect.any(Error),
    });
    const warnings: string[] = [];
    const worker = app.worker({ logger: { info() {}, warn: (text) => warnings.push(text), error() {} } });
    await worker.start();
    await expect.poll(() => warnings).toMatchObject([expect.stringContaining("The outbox of drizzle")]);
    await worker.stop();
  });

  test("outside of a transaction a task is sent at once", async () => {
    const { task, engine, left } = setup;
    await task.enqueue(1);
    expect([(await engine.counts()).length, await left()]).toStrictEqual([1, []]);
  });
});

describe("on MySQL", () => {
  test("each row is removed by itself: of several, those of open transactions would be waited for", async () => {
    const asked: string[] = [];
    const query = async (text: string, parameters: readonly unknown[]) => {
      asked.push(`${text} ${parameters.join()}`);
      return [];
    };
    const adapter = stubAdapter({}, {}, { sql: { dialect: "mysql", query } });
    await new Outbox("outgoing").remove(adapter, ["a", "b"]);
    expect(asked).toStrictEqual(["a", "b"].map((id) => `delete from outgoing where id in (?) ${id}`));
  });

  test("its table holds any text, and ids exactly, whatever the database is set to", () => {
    expect(outboxTable("mysql")).toMatch(/\n\) character set utf8mb4 collate utf8mb4_bin;$/);
    expect(outboxTable("postgres")).toMatch(/\n\);$/);
  });
});

describe("the setting", () => {
  test.each(["sometimes", { outbox: "a b" }, { outbox: 7 }, {}, null])("%j is refused", (transactions) => {
    const make = () => new Petiole({ engine: memory(), transactions: transactions as never });
    expect(make).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
  });

  test("the table's statement is there once, for several adapters of one dialect", () => {
    const { db } = setup;
    const models = [drizzle(db, { "qa.Post": posts }), drizzle(db, { "qa.Other": posts })];
    const app = new Petiole({ engine: memory(), models, transactions: "outbox" });
    expect(app.outboxSql()).toStrictEqual([outboxTable("sqlite")]);
  });

  test("an app without an outbox, or without SQL, has no relay and no table", () => {
    const buffered = new Petiole({ engine: memory() });
    expect(() => buffered.relay()).toThrow(
      expect.objectContaining({
        code: "ERR_OPTION_INVALID",
        message: expect.stringMatching(/^This app has no outbox/),
      }),
    );
    expect(() => buffered.outboxSql()).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
    const without = new Petiole({
      engine: memory(),
      models: [stubAdapter({})],
      transactions: "outbox",
    });
    expect(() => without.outboxSql()).toThrow(/a database that can have an outbox/);
  });
});

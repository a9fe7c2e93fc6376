/** What is enqueued in a transaction is a row of pg-boss's in the same PostgreSQL: every SQL ORM, and processes that die. */
import { readFileSync } from "node:fs";
import { Pool } from "pg";
import { PgBoss } from "pg-boss";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pgBoss } from "../src/engine/pg-boss.ts";
import type { Engine } from "../src/engine.ts";
import type { OrmAdapter } from "../src/model/adapter.ts";
import { Petiole } from "../src/task/petiole.ts";
import { Setting, until, type Running } from "./fixtures/cli/processes.ts";
import { ordersTable, shops, type Shop } from "./fixtures/same-database/postgres-shops.ts";
import { describePostgres } from "./services/describe-postgres.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Makes a database with the table of orders, and with pg-boss in it. */
async function prepare(url: string): Promise<Pool> {
  const pool = new Pool({ connectionString: url });
  closing.push(() => pool.end());
  await pool.query(ordersTable);
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  await boss.start();
  await boss.stop({ graceful: false });
  return pool;
}

function makeApp(engine: Engine, adapters: readonly OrmAdapter[]) {
  const app = new Petiole({ engine, models: adapters, transactions: "same-database" });
  closing.push(() => app.close());
  const ran: number[] = [];
  const task = app.task("t", (number: number) => {
    ran.push(number);
    return number;
  });
  const worker = app.worker({ logger: { info() {}, warn() {}, error() {} } });
  closing.push(() => worker.stop({ timeout: 0 }));
  return { app: app as unknown as Petiole, task, ran, worker };
}

describePostgres("pg-boss in the user's database", (createDatabase) => {
  describe.each(Object.keys(shops))("%s", (name) => {
    let shop: Shop;
    let pool: Pool;
    let engine: Engine;
    let parts: ReturnType<typeof makeApp>;

    beforeEach(async () => {
      const url = await createDatabase();
      pool = await prepare(url);
      shop = await shops[name]!(url);
      closing.push(() => shop.close());
      engine = pgBoss(pool, { pollInterval: 50 });
      parts = makeApp(engine, [shop.adapter]);
    });

    const rows = async (): Promise<unknown[]> =>
      (await pool.query<{ id: number }>("select id from orders order by id")).rows.map(({ id }) => id);

    test("commits, rolls back, and rolls back to a savepoint with the rows", async () => {
      const { app, task, ran, worker } = parts;
      await worker.start();
      const handle = await app.transaction(shop.handle, async (outer) => {
        await shop.insert(outer, 1);
        const first = await task.enqueue(1);
        await expect(first.result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
        const undone = app.transaction(outer as object, async (inner) => {
          await shop.insert(inner, 2);
          await task.enqueue(2);
          throw new Error("the inner one");
        });
        await expect(undone).rejects.toThrow("the inner one");
        await app.transaction(outer as object, () => task.enqueue(3));
        expect(await engine.find(first.id)).toBeUndefined();
        return first;
      });
      expect(await handle.result()).toBe(1);
      const failed = app.transaction(shop.handle, async (outer) => {
        await shop.insert(outer, 4);
        await task.enqueue(4);
        throw new Error("the outer one");
      });
      await expect(failed).rejects.toThrow("the outer one");
      await expect.poll(() => ran).toEqual([1, 3]);
      expect(await rows()).toEqual([1]);
    });

    test("what a transaction sends while a savepoint is open is not undone with the savepoint", async () => {
      const { app, task } = parts;
      const begun = Promise.withResolvers<void>();
      const sent = Promise.withResolvers<void>();
      const handles = await app.transaction(shop.handle, async (outer) => {
        const undone = app.transaction(outer as object, async (inner) => {
          await shop.insert(inner, 1);
          begun.resolve();
          await sent.promise;
          await task.enqueue(1);
          throw new Error("the inner one");
        });
        const failed = expect(undone).rejects.toThrow("the inner one");
        await begun.promise;
        const first = await task.enqueue(2, { unique: "k" });
        const [second, third] = [await task.enqueue(3), await task.enqueue(4, { delay: "1h" })];
        sent.resolve();
        await failed;
        expect(await third.cancel()).toBe(true);
        // Its key is free: what had it is undone.
        return [first, second, await task.enqueue(5, { unique: "k" }), await task.enqueue(6)];
      });
      const payloads = (await engine.list({})).records.map(({ message }) => message.payload);
      expect(payloads.sort()).toEqual(["3", "5", "6"]);
      const ids = await Promise.all(handles.map(({ id }) => engine.find(id)));
      expect(ids.map((found) => found?.message.payload)).toEqual(["5", "3", "5", "6"]);
      expect(await rows()).toEqual([]);
    });

    test("the ORM's own transaction is one; a key's holder is known at once, and what is cancelled was never sent", async () => {
      const { task } = parts;
      const held = await task.enqueue(1, { unique: "k" });
      await shop.begin(async () => {
        expect((await task.enqueue(2, { unique: "k" })).id).toBe(held.id);
        const cancelled = await task.enqueue(3, { unique: "l" });
        const same = await task.enqueue(4, { unique: "l" });
        expect(same.id).toBe(cancelled.id);
        expect(await same.cancel()).toBe(true);
        // Its queue is made meanwhile, and does not wait for this transaction.
        const free = await task.enqueue(5, { unique: "l", queue: "another" });
        expect(free.id).not.toBe(cancelled.id);
        expect(await engine.counts()).toMatchObject([{ count: 1 }]);
      });
      const failed = shop.begin(async () => {
        await task.enqueueMany([6, 7]);
        throw new Error("undone");
      });
      await expect(failed).rejects.toThrow("undone");
      const { records } = await engine.list({});
      expect(records.map(({ message }) => message.payload)).toEqual(["1", "5"]);
      expect((await pool.query("select id from pgboss.job")).rows).toHaveLength(2);
    });

    test("of two senders of a key, in transactions at once, one holds it", async () => {
      const { app, task } = parts;
      const inside = Promise.withResolvers<void>();
      const first = app.transaction(shop.handle, async () => {
        const handle = await task.enqueue(1, { unique: "k" });
        inside.resolve();
        await new Promise((resolve) => setTimeout(resolve, 100));
        return handle;
      });
      await inside.promise;
      const second = app.transaction(shop.handle, () => task.enqueue(2, { unique: "k" }));
      expect((await second).id).toBe((await first).id);
      expect(await engine.counts()).toMatchObject([{ count: 1 }]);
    });

    test("a transaction of another database of the app is refused, and nothing is sent", async () => {
      const elsewhere = await createDatabase();
      await prepare(elsewhere);
      const other = await shops[name]!(elsewhere);
      closing.push(() => other.close());
      const { app, task } = makeApp(engine, [shop.adapter, { ...other.adapter, models: [] }]);
      const sending = app.transaction(other.handle, () => task.enqueue(1));
      await expect(sending).rejects.toMatchObject({
        code: "ERR_TRANSACTION_UNSUPPORTED",
        message: expect.stringContaining("outbox"),
      });
      await app.transaction(shop.handle, () => task.enqueue(2));
      expect(await engine.counts()).toMatchObject([{ state: "waiting", count: 1 }]);
    });
  });

  describe("processes that are killed", () => {
    let setting: Setting;
    let environment: NodeJS.ProcessEnv;
    let pool: Pool;
    const order = (first: number, moment: string): Running =>
      setting.node("../same-database/order.ts", [String(first), moment], environment);
    const items = (first: number): string[] =>
      [0, 1, 2].map((step) => `${first + step} item ${first + step}`);

    beforeEach(async () => {
      setting = new Setting();
      closing.push(() => setting.close());
      const url = await createDatabase();
      pool = await prepare(url);
      environment = { TEST_DATABASE_URL: url };
    });

    const packed = (): string[] => {
      try {
        return readFileSync(setting.journal, "utf8").trimEnd().split("\n");
      } catch {
        return [];
      }
    };

    test("at the COMMIT: the tasks run; before it: neither rows nor tasks are there", async () => {
      expect(await order(1, "after COMMIT").ended).toMatchObject({ signal: "SIGKILL", output: "" });
      expect(await order(4, "before COMMIT").ended).toMatchObject({ signal: "SIGKILL", output: "" });
      expect(await order(7, "never").ended).toMatchObject({ code: 0, output: "committed\n" });
      const worker = setting.start(["worker", "../same-database/app.ts", "--concurrency", "1"], environment);
      await worker.says("is ready");
      await until("all are packed", () => packed().length === 6);
      expect(packed()).toStrictEqual([...items(1), ...items(7)]);
      // While it looks for more, and without its being woken by what dies.
      expect(await order(10, "after COMMIT").ended).toMatchObject({ signal: "SIGKILL" });
      await until("all are packed", () => packed().length === 9);
      worker.signal("SIGTERM");
      expect(await worker.ended).toMatchObject({ code: 0 });
      expect((await pool.query("select id from orders")).rows).toHaveLength(9);
    });
  });
});

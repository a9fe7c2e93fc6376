/** What is enqueued in a transaction is a row of the engine's in the same database: on real engines and ORMs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MikroORM, SqliteDriver, defineEntity, p } from "@mikro-orm/sql";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { Kysely } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sqlite } from "../src/engine/sqlite.ts";
import type { Engine } from "../src/engine.ts";
import type { OrmAdapter } from "../src/model/adapter.ts";
import { drizzle } from "../src/orm/drizzle.ts";
import { kysely } from "../src/orm/kysely.ts";
import { mikroOrm } from "../src/orm/mikro-orm.ts";
import { Petiole } from "../src/task/petiole.ts";
import { connect, drizzleOver, kyselyDialect } from "./fixtures/same-database/node-sqlite.ts";
import { Setting, until, type Running } from "./fixtures/cli/processes.ts";

let setting: Setting;
const closing: (() => unknown)[] = [];

beforeEach(() => {
  setting = new Setting();
});

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await setting.close();
});

/** A shop's database, and how its ORM inserts an order. */
interface Shop {
  readonly adapter: OrmAdapter;
  readonly handle: object;
  insert(handle: unknown, id: number): Promise<unknown>;
}

const ordersTable = "create table if not exists orders (id integer primary key, item text not null)";

class Order {
  id!: number;
  item!: string;
}
const orderSchema = defineEntity({
  class: Order,
  tableName: "orders",
  properties: { id: p.integer().primary(), item: p.string() },
});
const orders = sqliteTable("orders", { id: integer().primaryKey(), item: text().notNull() });

function open(path: string): DatabaseSync {
  const database = connect(path);
  database.exec(ordersTable);
  closing.push(() => database.isOpen && database.close());
  return database;
}

/** ORMs whose connection is a `node:sqlite` one. */
const onNodeSqlite: Readonly<Record<string, (path: string) => Promise<Shop>>> = {
  async Kysely(path) {
    const db = new Kysely<{ orders: Order }>({ dialect: kyselyDialect(open(path)) });
    const adapter = kysely(db, { "shop.Order": { table: "orders", key: ["id"], columns: ["id", "item"] } });
    const insert = (handle: unknown, id: number) =>
      (handle as typeof db)
        .insertInto("orders")
        .values({ id, item: `item ${id}` })
        .execute();
    return { adapter, handle: db, insert };
  },
  async "Drizzle's proxy"(path) {
    const db = drizzleOver(open(path));
    const insert = (handle: unknown, id: number) =>
      (handle as typeof db).insert(orders).values({ id, item: `item ${id}` });
    return { adapter: drizzle(db, { "shop.Order": orders }), handle: db, insert };
  },
  async MikroORM(path) {
    const orm = await MikroORM.init({
      driver: SqliteDriver,
      dbName: path,
      entities: [orderSchema],
      driverOptions: kyselyDialect(open(path)),
    });
    closing.push(() => orm.close());
    const insert = (handle: unknown, id: number) =>
      (handle as typeof orm.em).insert(orderSchema, { id, item: `item ${id}` });
    return { adapter: mikroOrm(orm, { "shop.Order": orderSchema }), handle: orm.em.fork(), insert };
  },
};

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

describe.each(Object.keys(onNodeSqlite))("%s on node:sqlite, tasks in the same file", (name) => {
  let shop: Shop;
  let engine: Engine;
  let parts: ReturnType<typeof makeApp>;
  const rows = () => new DatabaseSync(setting.file).prepare("SELECT id FROM orders ORDER BY id").all();

  beforeEach(async () => {
    shop = await onNodeSqlite[name]!(setting.file);
    engine = sqlite(setting.file, { sameDatabase: true });
    parts = makeApp(engine, [shop.adapter]);
  });

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
    expect(rows()).toEqual([{ id: 1 }]);
  });

  test("a key's holder is known at once; what is cancelled before the commit was never sent, and its key is free", async () => {
    const { app, task } = parts;
    const held = await task.enqueue(1, { unique: "k" });
    await app.transaction(shop.handle, async () => {
      expect((await task.enqueue(2, { unique: "k" })).id).toBe(held.id);
      const cancelled = await task.enqueue(3, { unique: "l" });
      const same = await task.enqueue(4, { unique: "l" });
      expect(same.id).toBe(cancelled.id);
      expect(await same.cancel()).toBe(true);
      expect((await task.enqueue(5, { unique: "l" })).id).not.toBe(cancelled.id);
    });
    const { records } = await engine.list({});
    expect(records.map(({ message }) => message.payload)).toEqual(["1", "5"]);
  });

  test("while a transaction is open, an enqueue outside of it waits, without blocking, and goes on after it", async () => {
    const { app, task } = parts;
    const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const transaction = app.transaction(shop.handle, async (tx) => {
      await shop.insert(tx, 1);
      begun.resolve();
      await done.promise;
      await task.enqueue(1);
    });
    await begun.promise;
    let isSent = false;
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    const outside = task.enqueue(2).then(() => (isSent = true));
    await expect.poll(() => turns).toBeGreaterThan(50);
    clearInterval(counting);
    expect(isSent).toBe(false);
    done.resolve();
    await Promise.all([transaction, outside]);
    expect(await engine.counts()).toEqual([{ queue: "default", state: "waiting", count: 2 }]);
  });

  test("a transaction of another database of the app is refused, and nothing is sent", async () => {
    const elsewhere = join(setting.folder, "elsewhere.db");
    const other = await onNodeSqlite[name]!(elsewhere);
    const { app, task } = makeApp(engine, [shop.adapter, { ...other.adapter, models: [] }]);
    const sending = app.transaction(other.handle, () => task.enqueue(1));
    await expect(sending).rejects.toMatchObject({
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringMatching(/elsewhere\.db.*Nothing was sent.*"outbox"/),
    });
    await app.transaction(shop.handle, () => task.enqueue(2));
    expect(await engine.counts()).toEqual([{ queue: "default", state: "waiting", count: 1 }]);
  });
});

describe("another SQLite library than node:sqlite", () => {
  const program = "../same-database/two-copies.ts";

  test("why it is refused: it takes the locks of its process's other copy with it, and a committed row vanishes", async () => {
    const seenBy = async (library: string) => {
      const path = join(setting.folder, `${library.replace(":", "-")}.db`);
      const { code, output } = await setting.node(program, [path, library]).ended;
      const database = new DatabaseSync(path);
      const rows = database.prepare("SELECT item FROM orders").all();
      database.close();
      return { code, inside: JSON.parse(output) as unknown, outside: rows.map(({ item }) => item) };
    };
    const both = [{ item: "first" }, { item: "second" }];
    expect(await seenBy("node:sqlite")).toEqual({ code: 0, inside: both, outside: ["first", "second"] });
    // The connection that has committed it still sees it, and nobody else ever will.
    expect(await seenBy("better-sqlite3")).toEqual({ code: 0, inside: both, outside: ["first"] });
  });
});

/** What was packed, in order. */
function packed(): string[] {
  try {
    return readFileSync(setting.journal, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

const items = (first: number): string[] => [0, 1, 2].map((step) => `${first + step} item ${first + step}`);

describe("processes that are killed", () => {
  let environment: NodeJS.ProcessEnv;
  const order = (first: number, moment: string): Running =>
    setting.node("../same-database/order.ts", [String(first), moment], environment);

  beforeEach(() => {
    environment = {};
    open(setting.file).close();
  });

  test("at the COMMIT, before anything else is done: its tasks run, and no relay is needed", async () => {
    for (const first of [1, 4]) {
      expect(await order(first, "after COMMIT").ended).toMatchObject({ signal: "SIGKILL", output: "" });
    }
    const worker = setting.start(["worker", "../same-database/app.ts", "--concurrency", "1"], environment);
    await worker.says("is ready");
    await until("all are packed", () => packed().length === 6);
    expect(packed()).toStrictEqual([...items(1), ...items(4)]);
    // While it looks for more, and without its being woken by what dies.
    expect(await order(7, "after COMMIT").ended).toMatchObject({ signal: "SIGKILL" });
    await until("all are packed", () => packed().length === 9);
    worker.signal("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0 });
  });

  test("before the COMMIT: neither rows nor tasks are there", async () => {
    expect(await order(1, "before COMMIT").ended).toMatchObject({ signal: "SIGKILL" });
    expect(await order(4, "never").ended).toMatchObject({ code: 0, output: "committed\n" });
    const worker = setting.start(["worker", "../same-database/app.ts", "--concurrency", "1"], environment);
    await until("all are packed", () => packed().length === 3);
    expect(packed()).toStrictEqual(items(4));
    worker.signal("SIGTERM");
    await worker.ended;
  });
});

import { CamelCasePlugin, type ControlledTransaction, type Kysely, type Transaction, sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type ContractConnection,
  type ContractDatabase,
  contractModels,
  openSqlite,
} from "../../../test/orm/kysely-databases.ts";
import type { OrmObserver } from "../../model/observer.ts";
import { kysely } from "../kysely.ts";

type Controlled = ControlledTransaction<ContractDatabase, string[]>;

let connection: ContractConnection;
let db: Kysely<ContractDatabase>;
beforeEach(async () => {
  connection = await openSqlite();
  db = connection.db;
});
afterEach(() => connection.close());

const insert = (handle: Kysely<ContractDatabase>, id: number) =>
  handle.insertInto("comments").values({ id, body: "x" }).execute();
const ids = async () =>
  (await db.selectFrom("comments").select("id").orderBy("id").execute()).map(({ id }) => id);

describe("transactions of Kysely's own", () => {
  test("nothing of Kysely's is touched before somebody observes, and its classes never", async () => {
    const adapter = kysely(db, contractModels);
    expect(Object.getOwnPropertyNames(db)).toEqual([]);
    const prototype = Object.getPrototypeOf(db) as object;
    const before = Object.getOwnPropertyDescriptors(prototype);
    adapter.observe(recorder().observer);
    expect(Object.getOwnPropertyDescriptors(prototype)).toEqual(before);
    expect(Object.keys(db)).toEqual([]);
  });

  test("are told through whatever gives a builder or an instance", async () => {
    const { observer, log } = recorder();
    kysely(db, contractModels).observe(observer);
    const work = async (transaction: Transaction<ContractDatabase>) =>
      void (await insert(transaction, log.length));
    const begins = [
      () => db.transaction().setAccessMode("read write").execute(work),
      () => db.transaction().setIsolationLevel("serializable").setAccessMode("read write").execute(work),
      () => db.withPlugin(new CamelCasePlugin()).transaction().execute(work),
      () =>
        db
          .withSchema("main")
          .$extendTables<{ more: { id: number } }>()
          .transaction()
          .execute(work as never),
      () => db.connection().execute((bound) => bound.transaction().execute(work)),
      async () => {
        const begun = await db
          .startTransaction()
          .setAccessMode("read write")
          .setIsolationLevel("serializable")
          .execute();
        await work(begun);
        await begun.commit().execute();
      },
    ];
    for (const begin of begins) {
      log.length = 0;
      await begin();
      expect(log.map((entry) => entry.split(" ")[0])).toEqual(["begun", "committed"]);
      await db.deleteFrom("comments").execute();
    }
  });

  test("an instance that is derived from a transaction is of the same one", async () => {
    const adapter = kysely(db, contractModels);
    adapter.observe(recorder().observer);
    await db.transaction().execute(async (transaction) => {
      const of = adapter.transactionOf(transaction);
      expect(of).toBeDefined();
      for (const derived of [
        transaction.withSchema("main"),
        transaction.withoutPlugins().$pickTables<"comments">(),
      ]) {
        expect(adapter.transactionOf(derived)).toBe(of);
        expect(adapter.owns(derived)).toBe(true);
      }
      await adapter.transaction(transaction, async (inner) => {
        const nested = (inner as typeof transaction).withSchema("main");
        expect(adapter.transactionOf(nested)).toBe(adapter.transactionOf(inner as object));
        expect(adapter.transactionOf(nested)).not.toBe(of);
      });
    });
  });

  test("trap: one that began before anybody observed is a transaction, and not known", async () => {
    const adapter = kysely(db, contractModels);
    await db.transaction().execute(async (transaction) => {
      adapter.observe(recorder().observer);
      expect(adapter.isTransaction(transaction)).toBe(true);
      expect(adapter.transactionOf(transaction)).toBeUndefined();
    });
  });
});

describe("controlled transactions", () => {
  test("savepoints are told by name, within each other", async () => {
    const { observer, log } = recorder();
    kysely(db, contractModels).observe(observer);
    const root = (await db.startTransaction().execute()) as Controlled;
    await insert(root, 1);
    const a = await root.savepoint("a").execute();
    await insert(a, 2);
    const b = await a.savepoint("b").execute();
    await insert(b, 3);
    await b.rollbackToSavepoint("b").execute();
    await insert(b, 4);
    await b.releaseSavepoint("b").execute();
    await root.commit().execute();
    expect(log).toEqual([
      "begun 1",
      "begun 2 in 1",
      "begun 3 in 2",
      "rolled back 3",
      "begun 4 in 2",
      "committed 4",
      "committed 2",
      "committed 1",
    ]);
    expect(await ids()).toEqual([1, 2, 4]);
  });

  test("rolling back to one rolls back those in it; of equal names it is the newest", async () => {
    const { observer, log } = recorder();
    kysely(db, contractModels).observe(observer);
    const root = (await db.startTransaction().execute()) as Controlled;
    for (const name of ["a", "b", "A"]) await root.savepoint(name as never).execute();
    // To SQLite, A and a are one name.
    await root.rollbackToSavepoint("a").execute();
    await root.rollbackToSavepoint("b").execute();
    await root.rollback().execute();
    expect(log).toEqual([
      "begun 1",
      "begun 2 in 1",
      "begun 3 in 2",
      "begun 4 in 3",
      "rolled back 4",
      "begun 5 in 3",
      "rolled back 5",
      "rolled back 3",
      "begun 6 in 2",
      "rolled back 6",
      "rolled back 2",
      "rolled back 1",
    ]);
  });

  test("what is done through any of its handles is in the newest savepoint", async () => {
    const adapter = kysely(db, contractModels);
    adapter.observe(recorder().observer);
    const root = (await db.startTransaction().execute()) as Controlled;
    const of = adapter.transactionOf(root);
    const a = await root.savepoint("a").execute();
    expect(adapter.transactionOf(a)).not.toBe(of);
    expect(adapter.transactionOf(root)).toBe(adapter.transactionOf(a));
    await insert(root, 1);
    await a.rollbackToSavepoint("a").execute();
    const after = await a.releaseSavepoint("a").execute();
    for (const handle of [root, a, after]) expect(adapter.transactionOf(handle)).toBe(of);
    await root.commit().execute();
    expect(await ids()).toEqual([]);
  });

  test("app.transaction of one is a savepoint among them", async () => {
    const { observer, log } = recorder();
    const adapter = kysely(db, contractModels);
    adapter.observe(observer);
    const root = (await db.startTransaction().execute()) as Controlled;
    await adapter.transaction(root, async (inner) => {
      await (inner as Controlled).savepoint("a").execute();
      await (inner as Controlled).releaseSavepoint("a").execute();
    });
    await root.savepoint("b").execute();
    await root.commit().execute();
    expect(log).toEqual([
      "begun 1",
      "begun 2 in 1",
      "begun 3 in 2",
      "committed 3",
      "committed 2",
      "begun 4 in 1",
      "committed 4",
      "committed 1",
    ]);
  });

  test("a savepoint that cannot be made or is not there is not told", async () => {
    const { observer, log } = recorder();
    kysely(db, contractModels).observe(observer);
    const root = (await db.startTransaction().execute()) as Controlled;
    await expect(root.releaseSavepoint("nope").execute()).rejects.toThrow(/no such savepoint/);
    await expect(root.rollbackToSavepoint("nope").execute()).rejects.toThrow(/no such savepoint/);
    await sql`savepoint by_hand`.execute(root);
    await root.rollbackToSavepoint("by_hand").execute();
    await root.rollback().execute();
    expect(log).toEqual(["begun 1", "rolled back 1"]);
  });

  test("on SQLite a commit that failed is tried again", async () => {
    const { observer, log } = recorder();
    const adapter = kysely(db, contractModels);
    adapter.observe(observer);
    await sql`pragma foreign_keys = on`.execute(db);
    await sql`create table d (id integer primary key, up integer references d (id) deferrable initially deferred)`.execute(
      db,
    );
    const root = await db.startTransaction().execute();
    await sql`insert into d values (1, 2)`.execute(root);
    await expect(root.commit().execute()).rejects.toThrow(/FOREIGN KEY/);
    expect(log).toEqual(["begun 1"]);
    await sql`insert into d values (2, null)`.execute(root);
    await root.commit().execute();
    expect(log).toEqual(["begun 1", "committed 1"]);
    await expect(root.rollback().execute()).rejects.toThrow(/already committed/);
    expect(log).toEqual(["begun 1", "committed 1"]);
  });

  test("a listener that fails reaches the caller of commit, and what was told stays told", async () => {
    const failure = new Error("not sent");
    const { observer, log } = recorder(failure);
    kysely(db, contractModels).observe(observer);
    const root = (await db.startTransaction().execute()) as Controlled;
    await insert(root, 1);
    await root.savepoint("a").execute();
    await expect(root.commit().execute()).rejects.toBe(failure);
    expect(log).toEqual(["begun 1", "begun 2 in 1", "committed 2", "committed 1"]);
    expect(await ids()).toEqual([1]);
  });
});

describe("the one connection of SQLite", () => {
  test("trap: what is asked outside of an open transaction waits for its end", async () => {
    let isAnswered = false;
    let outside: Promise<unknown> = Promise.resolve();
    await db.transaction().execute(async (transaction) => {
      outside = db
        .selectFrom("comments")
        .selectAll()
        .execute()
        .finally(() => (isAnswered = true));
      await insert(transaction, 1);
      expect(isAnswered).toBe(false);
    });
    expect(await outside).toHaveLength(1);
  });

  test("so the adapter refuses to work outside, where it would wait for itself", async () => {
    const adapter = kysely(db, contractModels);
    const refused = {
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringContaining("by its handle"),
    };
    await adapter.transaction(db, async (transaction) => {
      await expect(adapter.load("qa.Comment", [1])).rejects.toMatchObject(refused);
      await expect(adapter.save("qa.Comment", { id: 1, body: "x" })).rejects.toMatchObject(refused);
      await expect(adapter.sql?.query("select 1", [])).rejects.toMatchObject(refused);
      await expect(adapter.transaction(db, async () => undefined)).rejects.toMatchObject(refused);
      await expect(kysely(db, contractModels).load("qa.Comment", [1])).rejects.toMatchObject(refused);
      await adapter.transaction(transaction, async () => {
        await expect(adapter.load("qa.Comment", [1])).rejects.toMatchObject(refused);
      });
      await adapter.save("qa.Comment", { id: 1, body: "x" }, { transaction: transaction as object });
    });
    expect(await adapter.load("qa.Comment", [1])).toHaveLength(1);
  });

  test("and what began inside may work once the transaction is over", async () => {
    const adapter = kysely(db, contractModels);
    const isOver = Promise.withResolvers<void>();
    let later: Promise<readonly object[]> | undefined;
    await adapter.transaction(db, async () => {
      later = isOver.promise.then(() => adapter.load("qa.Comment", [1]));
    });
    isOver.resolve();
    expect(await later).toEqual([]);
  });
});

/** An observer that numbers transactions as they begin, and what it was told. */
function recorder(failure?: Error): { readonly observer: OrmObserver; readonly log: string[] } {
  const log: string[] = [];
  const begun: object[] = [];
  const numberOf = (transaction: object): number => begun.indexOf(transaction) + 1;
  const observer: OrmObserver = {
    begun({ transaction, parent }) {
      log.push(`begun ${begun.push(transaction)}${parent === undefined ? "" : ` in ${numberOf(parent)}`}`);
    },
    inside: (_, run) => run(),
    async committed(transaction) {
      log.push(`committed ${numberOf(transaction)}`);
      if (failure !== undefined) throw failure;
    },
    rolledBack: (transaction) => void log.push(`rolled back ${numberOf(transaction)}`),
    saved: async () => undefined,
  };
  return { observer, log };
}

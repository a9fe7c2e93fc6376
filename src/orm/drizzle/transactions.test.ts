import { sql } from "drizzle-orm";
import { drizzle as betterSqlite } from "drizzle-orm/better-sqlite3";
import { withReplicas } from "drizzle-orm/sqlite-core";
import { describe, expect, test } from "vitest";
import { describeDatabases } from "../../../test/orm/drizzle-databases.ts";
import { sqliteTables } from "../../../test/orm/contract-tables.ts";
import { sqliteModels } from "../../../test/orm/drizzle.ts";
import type { OrmAdapter } from "../../model/adapter.ts";
import type { OrmObserver } from "../../model/observer.ts";
import { drizzle } from "../drizzle.ts";

describeDatabases("transactions that others begin", ({ dialect, models, run, query }) => {
  const comments = models["qa.Comment"];

  test(
    "are told, with their savepoints",
    run(async (db) => {
      const adapter = drizzle(db, models);
      const told = record(adapter);
      const result = await db.transaction(async (outer) => {
        const outside = adapter.transactionOf(outer);
        expect(told.log).toEqual(["begun 1 in none", "inside 1"]);
        expect(told.handles).toEqual([outer]);
        await outer.insert(comments).values({ id: 1, body: "outer" });
        const failed = outer.transaction(async (inner) => {
          expect(adapter.transactionOf(inner)).not.toBe(outside);
          await inner.insert(comments).values({ id: 2, body: "inner" });
          inner.rollback();
        });
        await expect(failed).rejects.toThrow("Rollback");
        await outer.transaction(async (inner) => {
          await inner.insert(comments).values({ id: 3, body: "inner" });
        });
        expect(adapter.transactionOf(outer)).toBe(outside);
        return 42;
      });
      expect(result).toBe(42);
      expect(told.log.join(", ")).toBe(
        "begun 1 in none, inside 1, begun 2 in 1, inside 2, rolledBack 2, " +
          "begun 3 in 1, inside 3, committed 3, committed 1",
      );
      expect(adapter.transactionOf(db)).toBeUndefined();
      expect(await db.select({ id: comments.id }).from(comments)).toEqual([{ id: 1 }, { id: 3 }]);
    }),
  );

  test(
    "are told once, however many adapters there are and whoever begins",
    run(async (db) => {
      const adapters = [drizzle(db, models), drizzle(db, models)] as const;
      const told = adapters.map((adapter) => record(adapter));
      await adapters[0].transaction(db, async (outer) => {
        for (const adapter of adapters) expect(adapter.transactionOf(outer as object)).toBeDefined();
        await adapters[1].transaction(outer, async () => undefined);
      });
      const expected = [
        "begun 1 in none",
        "inside 1",
        "begun 2 in 1",
        "inside 2",
        "committed 2",
        "committed 1",
      ];
      for (const { log } of told) expect(log).toEqual(expected);
    }),
  );

  test(
    "are told after the commit, to others as well",
    run(async (db) => {
      const adapter = drizzle(db, models);
      const seen: unknown[] = [];
      record(adapter, { committed: async () => void seen.push(...(await db.select().from(comments))) });
      await db.transaction(async (tx) => {
        await tx.insert(comments).values({ id: 1, body: "first" });
      });
      expect(seen).toEqual([{ id: 1, body: "first" }]);
    }),
  );

  test(
    "reject with what an observer of the commit rejects with",
    run(async (db) => {
      const failure = new Error("not sent");
      record(drizzle(db, models), { committed: () => Promise.reject(failure) });
      const outcome = db.transaction(async (tx) => {
        await tx.insert(comments).values({ id: 1, body: "first" });
      });
      await expect(outcome).rejects.toBe(failure);
      expect(await db.select().from(comments)).toHaveLength(1);
    }),
  );

  test(
    "are rolled back when the commit fails",
    run(async (db) => {
      const references =
        dialect === "sqlite"
          ? "authors (id) deferrable initially deferred"
          : "authors (id) initially deferred";
      await query(db, `create table books (author integer references ${references})`);
      const told = record(drizzle(db, models));
      const outcome = db.transaction(async (tx) => {
        await query(tx, "insert into books values (99)");
      });
      await expect(outcome).rejects.toThrow();
      expect(told.log).toEqual(["begun 1 in none", "inside 1", "rolledBack 1"]);
    }),
  );

  test(
    "that began before anybody observed are not known, nor are their savepoints told",
    run(async (db) => {
      const adapter = drizzle(db, models);
      await db.transaction(async (tx) => {
        const told = record(adapter);
        await tx.transaction(async () => undefined);
        await adapter.transaction(tx, async (inner) => {
          expect(adapter.transactionOf(inner as object)).toBeUndefined();
          expect(adapter.isTransaction(inner as object)).toBe(true);
        });
        expect(adapter.transactionOf(tx)).toBeUndefined();
        expect(told.log).toEqual([]);
      });
    }),
  );

  test(
    "are known without observers where the adapter began them",
    run(async (db) => {
      const adapter = drizzle(db, models);
      await adapter.transaction(db, async (outer) => {
        const known = adapter.transactionOf(outer as object);
        expect(known).toBeDefined();
        await (outer as typeof db).transaction(async (inner) => {
          expect(adapter.transactionOf(inner)).toBeDefined();
          expect(adapter.transactionOf(inner)).not.toBe(known);
        });
      });
      expect(Object.hasOwn(db, "transaction")).toBe(false);
    }),
  );

  test(
    "are Drizzle's own again once nobody observes",
    run(async (db) => {
      const adapter = drizzle(db, models);
      const before = db.transaction;
      const [first, second] = [record(adapter), record(adapter)];
      first.end();
      await db.transaction(async () => undefined);
      second.end();
      expect(db.transaction).toBe(before);
      expect(Object.hasOwn(db, "transaction")).toBe(false);
      expect(first.log).toEqual([]);
      expect(second.log).toHaveLength(3);

      const third = record(adapter);
      // Somebody else's, around ours: it stays, and works.
      const wrapped = db.transaction;
      db.transaction = ((...parameters: Parameters<typeof wrapped>) =>
        wrapped.apply(db, parameters)) as typeof wrapped;
      third.end();
      expect(await db.transaction(async () => "done")).toBe("done");
      expect(third.log).toEqual([]);
      const fourth = record(adapter);
      await db.transaction(async () => undefined);
      expect(fourth.log).toEqual(["begun 1 in none", "inside 1", "committed 1"]);
    }),
  );

  test(
    "trap: what is written through the db, and not through the transaction, is not part of it",
    run(async (db) => {
      const failure = new Error("rolled back");
      const adapter = drizzle(db, models);
      const told = record(adapter);
      const outcome = db.transaction(async (tx) => {
        await tx.insert(comments).values({ id: 1, body: "through tx" });
        const beside = db.insert(comments).values({ id: 2, body: "through db" });
        // Of a SQLite file there is one writer, so that the mistake shows at once.
        if (dialect === "sqlite")
          await expect(beside).rejects.toMatchObject({ cause: { code: "SQLITE_BUSY" } });
        else await beside;
        await expect(adapter.load("qa.Comment", [1, 2])).resolves.toHaveLength(dialect === "sqlite" ? 0 : 1);
        throw failure;
      });
      await expect(outcome).rejects.toBe(failure);
      expect(told.log.at(-1)).toBe("rolledBack 1");
      const survived = dialect === "sqlite" ? [] : [{ id: 2, body: "through db" }];
      expect(await db.select().from(comments)).toEqual(survived);
    }),
  );

  if (dialect === "postgres") {
    test(
      "keep their settings",
      run(async (db) => {
        record(drizzle(db, models));
        const settings = { isolationLevel: "serializable", accessMode: "read only" };
        const level = await db.transaction(
          (tx) => query(tx, "select current_setting('transaction_isolation') as level"),
          settings as object,
        );
        expect(level).toEqual([{ level: "serializable" }]);
      }),
    );
  }

  test(
    "of a db with replicas are told, through it and through its primary",
    run(async (db) => {
      const replicated = withReplicas(db as never, [db as never]) as unknown as typeof db;
      const adapter = drizzle(replicated, models);
      const told = record(adapter);
      await replicated.transaction(async (tx) => expect(adapter.transactionOf(tx)).toBeDefined());
      await db.transaction(async (tx) => expect(adapter.transactionOf(tx)).toBeDefined());
      await adapter.transaction(replicated, async (tx) => expect(adapter.owns(tx)).toBe(true));
      expect(told.log.filter((line) => line.startsWith("committed"))).toHaveLength(3);
      expect(adapter.isTransaction(replicated)).toBe(false);
    }),
  );

  test(
    "end with the error of their function, when rolling back fails as well",
    run(async (db, opened) => {
      const failure = new Error("the cause");
      const adapter = drizzle(db, models);
      const told = record(adapter);
      const loseConnection = async (tx: object): Promise<never> => {
        await (
          dialect === "sqlite" ? opened.end() : query(tx, "select pg_terminate_backend(pg_backend_pid())")
        ).catch(() => undefined);
        throw failure;
      };
      await expect(db.transaction(loseConnection)).rejects.toBe(failure);
      expect(told.log).toEqual(["begun 1 in none", "inside 1", "rolledBack 1"]);
    }),
  );
});

describe("synchronous drivers", () => {
  test("trap: better-sqlite3 refuses an async function, and the adapter leaves its transactions alone", async () => {
    const db = betterSqlite(":memory:");
    const client = db.$client as { exec(text: string): void; close(): void };
    client.exec(sqliteTables);
    const adapter = drizzle(db, sqliteModels);
    const told = record(adapter);
    expect(() => db.transaction(async () => undefined)).toThrow("cannot return a promise");
    expect(db.transaction((tx) => tx.get<{ one: number }>(sql`select 1 as one`))).toEqual({ one: 1 });
    expect(told.log).toEqual([]);
    await expect(adapter.transaction(db, async () => undefined)).rejects.toMatchObject({
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringContaining("BetterSQLiteSession is synchronous"),
    });

    await adapter.save("qa.Comment", { id: 1, body: "first" });
    await adapter.save("qa.Comment", { id: 1, body: "second" });
    expect(await adapter.load("qa.Comment", [1])).toEqual([{ id: 1, body: "second" }]);
    told.end();
    client.close();
  });
});

/** Writes down what an adapter tells, with a number for each transaction. */
function record(adapter: OrmAdapter, overrides: Partial<OrmObserver> = {}) {
  const log: string[] = [];
  const handles: object[] = [];
  const numbers = new Map<object, number>();
  const numberOf = (transaction: object): number => numbers.get(transaction) ?? Number.NaN;
  const end = adapter.observe({
    begun({ transaction, parent, handle }) {
      numbers.set(transaction, numbers.size + 1);
      handles.push(handle);
      log.push(`begun ${numberOf(transaction)} in ${parent ? numberOf(parent) : "none"}`);
      expect(adapter.transactionOf(handle)).toBe(transaction);
    },
    inside(transaction, run) {
      log.push(`inside ${numberOf(transaction)}`);
      return run();
    },
    async committed(transaction) {
      log.push(`committed ${numberOf(transaction)}`);
    },
    rolledBack: (transaction) => void log.push(`rolledBack ${numberOf(transaction)}`),
    saved: () => Promise.reject(new Error("Drizzle tells of no saves")),
    ...overrides,
  });
  return { log, handles, end };
}

import { AsyncResource } from "node:async_hooks";
import { type EntityManager, RequestContext, TransactionPropagation } from "@mikro-orm/core";
import { afterAll, describe, expect, test } from "vitest";
import {
  Author,
  Comment,
  type TestDatabase,
  type TestOrm,
  Told,
  openPostgres,
  openSqlite,
  targets,
} from "../../../test/orm/mikro-orm.ts";
import { type Postgres, noPostgres, startPostgres } from "../../../test/services/postgres.ts";
import type { OrmAdapter } from "../../model/adapter.ts";
import { mikroOrm } from "../mikro-orm.ts";

let postgres: Promise<Postgres> | undefined;
// It removes the files of as many databases as there were cases.
afterAll(async () => (await postgres)?.stop(), 120_000);

const databases: readonly [string, boolean, (sql?: string) => Promise<TestDatabase>][] = [
  ["SQLite", false, (sql) => openSqlite({}, sql)],
  [
    "PostgreSQL",
    noPostgres !== undefined,
    async (sql) => openPostgres(await (await (postgres ??= startPostgres())).createDatabase(), {}, sql),
  ],
];

describe.for(databases)("transactions that the adapter sees, on %s", ([name, isSkipped, open]) => {
  const on = (title: string, run: (watched: Watched) => Promise<void>, sql?: string) =>
    test.skipIf(isSkipped)(isSkipped ? `${title} (skipped: ${noPostgres})` : title, async () => {
      const database = await open(sql);
      const adapter = mikroOrm(database.orm, targets);
      const told = new Told();
      const stop = adapter.observe(told);
      try {
        await run({ orm: database.orm, adapter, told, stop });
      } finally {
        await database.close();
      }
    });

  on("em.transactional: begun before, inside, and committed after", async ({ orm, adapter, told }) => {
    const result = await orm.em.transactional(async (em) => {
      expect(told.log).toEqual(["begun 1"]);
      await Promise.resolve();
      expect(told.inner).toBe(1);
      expect(adapter.transactionOf(em)).toBe(told.begins[0]?.transaction);
      em.create(Comment, { id: 1, body: "first" });
      return "done";
    });
    expect(result).toBe("done");
    expect(told.inner).toBe(0);
    expect(told.log).toEqual(["begun 1", "insert qa.Comment 1 in 1", "committed 1"]);
  });

  on("em.transactional that throws is rolled back", async ({ orm, told }) => {
    const failure = new Error("no");
    await expect(orm.em.transactional(async () => Promise.reject(failure))).rejects.toBe(failure);
    expect(told.log).toEqual(["begun 1", "rolled back 1"]);
  });

  // On SQLite there is one connection, which the transaction has.
  if (name !== "SQLite")
    on("what suspends a transaction is not seen: it is inside all the same", async ({ orm, told }) => {
      await orm.em.transactional(async (outer) => {
        const propagation = TransactionPropagation.NOT_SUPPORTED;
        await outer.transactional(async () => expect(told.inner).toBe(1), { propagation });
      });
      expect(told.log).toEqual(["begun 1", "committed 1"]);
    });

  on("a savepoint is in its transaction, and ends alone", async ({ orm, told, adapter }) => {
    await orm.em.transactional(async (outer) => {
      await outer.transactional(async (inner) => {
        expect(told.inner).toBe(2);
        expect(adapter.transactionOf(inner)).toBe(told.begins[1]?.transaction);
        inner.create(Comment, { id: 1, body: "kept" });
      });
      expect(told.inner).toBe(1);
      await outer.transactional(async () => Promise.reject(new Error("undone"))).catch(() => undefined);
    });
    expect(told.log).toEqual([
      "begun 1",
      "begun 2 in 1",
      "insert qa.Comment 1 in 2",
      "committed 2",
      "begun 3 in 1",
      "rolled back 3",
      "committed 1",
    ]);
  });

  on("em.begin, em.commit and em.rollback", async ({ orm, adapter, told }) => {
    const em = orm.em.fork();
    await em.begin();
    expect(adapter.isTransaction(em)).toBe(true);
    expect(adapter.transactionOf(em)).toBe(told.begins[0]?.transaction);
    em.create(Comment, { id: 1, body: "first" });
    await em.commit();
    expect(adapter.isTransaction(em)).toBe(false);
    expect(adapter.transactionOf(em)).toBeUndefined();
    await em.begin();
    const nested = em.fork({ keepTransactionContext: true });
    await nested.begin({ ctx: em.getTransactionContext() });
    await nested.commit();
    await em.rollback();
    expect(told.log).toEqual([
      "begun 1",
      "insert qa.Comment 1 in 1",
      "committed 1",
      "begun 2",
      "begun 3 in 2",
      "committed 3",
      "rolled back 2",
    ]);
  });

  on("em.flush has a transaction of its own", async ({ orm, told }) => {
    const em = orm.em.fork();
    const comment = em.create(Comment, { id: 1, body: "first" });
    await em.flush();
    comment.body = "second";
    await em.flush();
    await em.flush();
    expect(told.log).toEqual([
      "begun 1",
      "insert qa.Comment 1 in 1",
      "committed 1",
      "begun 2",
      "update qa.Comment 1 in 2",
      "committed 2",
    ]);
  });

  on("the handle that is told loads, saves and asks in the transaction", async ({ orm, adapter, told }) => {
    const failure = new Error("undo all of it");
    const outcome = orm.em.transactional(async (em) => {
      const transaction = told.begins[0]?.handle;
      expect(adapter.owns(transaction)).toBe(true);
      expect(adapter.isTransaction(transaction ?? {})).toBe(true);
      expect(adapter.transactionOf(transaction ?? {})).toBe(told.begins[0]?.transaction);
      await adapter.save("qa.Comment", { id: 1, body: "saved" }, { transaction });
      expect(await adapter.load("qa.Comment", [1], { transaction })).toHaveLength(1);
      expect(await adapter.load("qa.Comment", [1], { transaction: em })).toHaveLength(1);
      const rows = await adapter.sql?.query("select comment_body from comments", [], { transaction });
      expect(rows).toEqual([{ comment_body: "saved" }]);
      await adapter.transaction(transaction, async (nested) => {
        expect(adapter.transactionOf(nested as object)).toBe(told.begins[1]?.transaction);
      });
      throw failure;
    });
    await expect(outcome).rejects.toBe(failure);
    expect(await adapter.load("qa.Comment", [1])).toEqual([]);
    expect(told.log).toEqual([
      "begun 1",
      "insert qa.Comment 1 in 1",
      "begun 2 in 1",
      "committed 2",
      "rolled back 1",
    ]);
  });

  on("the ORM's own context is found: orm.em inside is the transaction", async ({ orm, adapter, told }) => {
    await orm.em.transactional(async () => {
      expect(adapter.transactionOf(orm)).toBe(told.begins[0]?.transaction);
      expect(adapter.isTransaction(orm.em)).toBe(true);
      await adapter.transaction(orm, async () => expect(told.inner).toBe(2));
    });
    expect(told.log).toEqual(["begun 1", "begun 2 in 1", "committed 2", "committed 1"]);
    expect(adapter.isTransaction(orm)).toBe(false);
  });

  on("what goes on after the transaction that it began in is in none", async ({ orm, adapter, told }) => {
    let later: (() => Promise<unknown>) | undefined;
    await orm.em.transactional(async () => {
      later = AsyncResource.bind(async () => {
        expect(adapter.isTransaction(orm)).toBe(false);
        expect(adapter.transactionOf(orm)).toBeUndefined();
        await adapter.transaction(orm, async (em) => {
          (em as EntityManager).create(Comment, { id: 1, body: "later" });
          expect(adapter.isTransaction(orm)).toBe(true);
        });
        return adapter.load("qa.Comment", [1]);
      });
    });
    expect(await later?.()).toHaveLength(1);
    expect(told.log).toEqual([
      "begun 1",
      "committed 1",
      "begun 2",
      "insert qa.Comment 1 in 2",
      "committed 2",
    ]);
  });

  on("a request's entity manager is the one that flushes", async ({ orm, adapter, told }) => {
    await RequestContext.create(orm.em, async () => {
      orm.em.create(Comment, { id: 1, body: "pending" });
      await adapter.transaction(orm, async () => undefined);
    });
    expect(told.log).toEqual(["begun 1", "insert qa.Comment 1 in 1", "committed 1"]);
  });

  on("the connection's own transactions", async ({ orm, told }) => {
    const connection = orm.em.getConnection();
    await connection.transactional(async (ctx) => {
      expect(told.inner).toBe(1);
      await connection.execute("insert into comments values (1, 'x')", [], "run", ctx);
    });
    expect(told.log).toEqual(["begun 1", "committed 1"]);
  });

  on(
    "what waited for the commit and fails reaches the caller; the rows are there",
    async ({ orm, adapter, told }) => {
      const failure = new Error("the engine is gone");
      told.onCommit = async () => Promise.reject(failure);
      await expect(
        orm.em.transactional(async (em) => void em.create(Comment, { id: 1, body: "by transactional" })),
      ).rejects.toBe(failure);
      const em = orm.em.fork();
      em.create(Comment, { id: 2, body: "by flush" });
      await expect(em.flush()).rejects.toBe(failure);
      const byHand = orm.em.fork();
      await byHand.begin();
      byHand.create(Comment, { id: 3, body: "by hand" });
      await expect(byHand.commit()).rejects.toBe(failure);
      await byHand.rollback();
      expect(byHand.isInTransaction()).toBe(false);
      expect(await adapter.load("qa.Comment", [1, 2, 3])).toHaveLength(3);
      expect(told.log.filter((entry) => entry.startsWith("rolled back"))).toEqual([]);
    },
  );

  on(
    "a commit that fails is a rollback, told once",
    async ({ orm, adapter, told }) => {
      const insertOrphan = "insert into children (id, parent) values (1, 7)";
      await expect(orm.em.transactional(async (em) => em.execute(insertOrphan))).rejects.toThrow(
        /foreign key/i,
      );
      expect(told.log).toEqual(["begun 1", "rolled back 1"]);
      const em = orm.em.fork();
      await em.begin();
      await em.execute(insertOrphan);
      await expect(em.commit()).rejects.toThrow(/foreign key/i);
      await em.rollback();
      expect(told.log.slice(2)).toEqual(["begun 2", "rolled back 2"]);
      expect(await adapter.sql?.query("select * from children", [])).toEqual([]);
    },
    `create table parents (id integer primary key);
     create table children (id integer primary key, parent integer references parents (id) deferrable initially deferred);`,
  );

  on("a subscriber that throws after the commit does not make it a rollback", async ({ orm, told }) => {
    const failure = new Error("the subscriber's own");
    orm.em.getEventManager().registerSubscriber({
      afterTransactionCommit: async () => Promise.reject(failure),
    });
    await expect(orm.em.transactional(async () => "done")).rejects.toBe(failure);
    expect(told.log).toEqual(["begun 1", "committed 1"]);
  });

  on("an observer that refuses to begin leaves no transaction open", async ({ orm, told, stop }) => {
    stop();
    const failure = new Error("refused");
    const adapter = mikroOrm(orm, targets);
    const end = adapter.observe(
      Object.assign(new Told(), {
        begun: () => {
          throw failure;
        },
      }),
    );
    await expect(orm.em.transactional(async () => expect.unreachable())).rejects.toBe(failure);
    end();
    await orm.em.transactional(async (em) => void em.create(Comment, { id: 1, body: "usable" }));
    expect(told.log).toEqual([]);
  });

  on("two adapters of one connection tell of the same transaction, each once", async ({ orm, told }) => {
    const other = mikroOrm(orm, { "crm.Author": Author });
    const alsoTold = new Told();
    other.observe(alsoTold);
    await orm.em.transactional(async (em) => {
      em.create(Comment, { id: 1, body: "first" });
      em.create(Author, { id: 1, name: "Ada" });
    });
    expect(told.begins[0]?.transaction).toBe(alsoTold.begins[0]?.transaction);
    expect(told.log.toSorted()).toEqual([
      "begun 1",
      "committed 1",
      "insert qa.Author 1 in 1",
      "insert qa.Comment 1 in 1",
    ]);
    expect(alsoTold.log).toEqual(["begun 1", "insert crm.Author 1 in 1", "committed 1"]);
  });

  on("nothing is told before, nor after the end", async ({ orm, adapter, told, stop }) => {
    stop();
    await orm.em.transactional(async (em) => {
      em.create(Comment, { id: 1, body: "first" });
      expect(adapter.transactionOf(em)).toBeUndefined();
      expect(adapter.isTransaction(em)).toBe(true);
      expect(await adapter.transaction(em, async () => "nested")).toBe("nested");
    });
    expect(told.log).toEqual([]);
  });

  if (name === "PostgreSQL") {
    on("transactions at the same time do not mix", async ({ orm, told }) => {
      const numbers = await Promise.all(
        [1, 2, 3].map((id) =>
          orm.em.transactional(async (em) => {
            const before = told.inner;
            em.create(Comment, { id, body: `${before}` });
            await em.flush();
            return [before, told.inner];
          }),
        ),
      );
      for (const [before, after] of numbers) expect(before).toBe(after);
      expect(new Set(numbers.map(([before]) => before)).size).toBe(3);
    });

    on("REQUIRES_NEW is a transaction of its own", async ({ orm, told }) => {
      await orm.em.transactional(async (em) => {
        await em.transactional(async () => expect(told.inner).toBe(2), {
          propagation: TransactionPropagation.REQUIRES_NEW,
        });
        expect(told.inner).toBe(1);
      });
      expect(told.log).toEqual(["begun 1", "begun 2", "committed 2", "committed 1"]);
    });

    on(
      "trap: the global handle inside a transaction, for what goes around MikroORM's context",
      async (watched) => {
        const { orm, adapter } = watched;
        const failure = new Error("rolled back");
        const outcome = orm.em.transactional(async () => {
          await orm.em.fork().insert(Comment, { id: 1, body: "another connection" });
          await orm.em.insert(Comment, { id: 2, body: "found by context" });
          throw failure;
        });
        await expect(outcome).rejects.toBe(failure);
        expect(await adapter.load("qa.Comment", [1, 2])).toMatchObject([{ id: 1 }]);
      },
    );
  }
});

interface Watched {
  readonly orm: TestOrm;
  readonly adapter: OrmAdapter;
  readonly told: Told;
  stop(): void;
}

import { DataSource, type EntityManager } from "typeorm";
import { describe, expect, test } from "vitest";
import {
  Comment,
  type TestDatabase,
  type TestSettings,
  entitiesFor,
  describeOnPg,
  openSqlite,
} from "../../../test/orm/typeorm-database.ts";
import type { OrmAdapter } from "../../model/adapter.ts";
import type { OrmObserver, TransactionBegun } from "../../model/observer.ts";
import { typeorm } from "../typeorm.ts";

const models = { "qa.Comment": Comment };

describe("on better-sqlite3", () => {
  test("a save without a transaction is told with the one that TypeORM opens for it", async () => {
    await withSqlite(async ({ dataSource }) => {
      const { log } = observed(typeorm(dataSource, models));
      await dataSource.manager.save(comment(dataSource.manager, 1));
      expect(log).toEqual(["begun 1", "saved insert 1 in 1", "committed 1"]);
    });
  });

  test("observing may begin before the DataSource is initialised, and goes on when it is again", async () => {
    await withSqlite(async ({ dataSource: first }) => {
      const dataSource = new DataSource(first.options);
      const adapter = typeorm(dataSource, models);
      const { log } = observed(adapter);
      for (const id of [1, 2]) {
        await dataSource.initialize();
        await dataSource.transaction((manager) => manager.save(comment(manager, id)));
        await dataSource.destroy();
      }
      expect(log).toEqual([
        "begun 1",
        "saved insert 1 in 1",
        "committed 1",
        "begun 2",
        "saved insert 2 in 2",
        "committed 2",
      ]);
    });
  });

  test("trap: a class that is given as a subscriber and not decorated is ignored, an object is not", async () => {
    const called: string[] = [];
    class Ignored {
      afterInsert(): void {
        called.push("class");
      }
    }
    await withSqlite(
      async ({ dataSource }) => {
        dataSource.subscribers.push({ afterInsert: () => void called.push("object") });
        await dataSource.manager.save(comment(dataSource.manager, 1));
        expect(called).toEqual(["object"]);
      },
      { options: { subscribers: [Ignored] } },
    );
  });

  test("another subscriber that throws after the commit hides nothing", async () => {
    await withSqlite(async ({ dataSource }) => {
      const failure = new Error("the other's");
      dataSource.subscribers.push({
        afterTransactionCommit: () => {
          throw failure;
        },
      });
      const { log } = observed(typeorm(dataSource, models));
      const outcome = dataSource.transaction((manager) => manager.query("select 1"));
      await expect(outcome).rejects.toBe(failure);
      expect(log).toEqual(["begun 1", "committed 1"]);
    });
  });

  test("an observer that rejects a savepoint's commit is heard, and what it is in is not rolled back", async () => {
    await withSqlite(async ({ dataSource }) => {
      const adapter = typeorm(dataSource, models);
      const failure = new Error("could not be sent");
      const { log } = observed(adapter, { rejectCommitOf: 2, failure });
      await dataSource.transaction(async (outer) => {
        await outer.save(comment(outer, 1));
        await expect(outer.transaction((inner) => inner.save(comment(inner, 2)))).rejects.toBe(failure);
        expect(log).not.toContain("rolled back 1");
      });
      expect(log.slice(-2)).toEqual(["committed 2", "committed 1"]);
      expect(await adapter.load("qa.Comment", [1, 2])).toHaveLength(2);
    });
  });

  test("a transaction that is begun by hand is rejected by an observer at its commit", async () => {
    await withSqlite(async ({ dataSource }) => {
      const failure = new Error("could not be sent");
      const { log } = observed(typeorm(dataSource, models), { rejectCommitOf: 1, failure });
      const runner = dataSource.createQueryRunner();
      await runner.startTransaction();
      await expect(runner.commitTransaction()).rejects.toBe(failure);
      expect(runner.isTransactionActive).toBe(false);
      expect(log).toEqual(["begun 1", "committed 1"]);
    });
  });

  test("the isolation level is handed on", async () => {
    await withSqlite(async ({ dataSource }) => {
      const { log } = observed(typeorm(dataSource, models));
      const result = await dataSource.transaction("SERIALIZABLE", async () => {
        log.push("ran");
        return 7;
      });
      expect(result).toBe(7);
      // @ts-expect-error without what to run
      await expect(dataSource.transaction("SERIALIZABLE")).rejects.toThrow(/callback/);
      // @ts-expect-error no isolation level
      await expect(dataSource.transaction("NO SUCH LEVEL", async () => 7)).rejects.toThrow();
      expect(log).toEqual(["begun 1", "ran", "committed 1"]);
    });
  });

  test("a runner that is disposed of commits, savepoints and all", async () => {
    await withSqlite(async ({ dataSource }) => {
      const { log } = observed(typeorm(dataSource, models));
      {
        await using runner = dataSource.createQueryRunner();
        await runner.startTransaction();
        await runner.startTransaction();
        await runner.manager.save(comment(runner.manager, 1));
      }
      expect(log).toEqual(["begun 1", "begun 2 in 1", "saved insert 1 in 2", "committed 2", "committed 1"]);
    });
  });

  test("trap: of two transactions at once on one DataSource, one rolls back the other", async () => {
    await withSqlite(async ({ dataSource }) => {
      const adapter = typeorm(dataSource, models);
      expect(adapter.capabilities.serialTransactions).toBe(true);
      const { log } = observed(adapter);
      const both = [1, 2].map((id) =>
        dataSource.transaction((manager) => manager.save(comment(manager, id))),
      );
      const reasons = (await Promise.allSettled(both)).map((outcome) => outcome.status);
      // What is told is what the database did.
      expect(reasons).toEqual(["rejected", "rejected"]);
      expect(log.slice(0, 2)).toEqual(["begun 1", "rolled back 1"]);
    });
  });

  test("of the handles of a DataSource, those with a query runner lead to its transaction", async () => {
    await withSqlite(async ({ dataSource }) => {
      const adapter = typeorm(dataSource, models);
      const { begins } = observed(adapter);
      const unseen = dataSource.createQueryRunner();
      expect(adapter.isTransaction(unseen)).toBe(false);
      await dataSource.transaction(async (manager) => {
        for (const handle of [manager, manager.queryRunner ?? {}]) {
          expect(adapter.owns(handle)).toBe(true);
          expect(adapter.isTransaction(handle)).toBe(true);
          expect(adapter.transactionOf(handle)).toBe(begins[0]?.transaction);
        }
        for (const handle of [dataSource, dataSource.manager]) {
          expect(adapter.owns(handle)).toBe(true);
          expect(adapter.isTransaction(handle)).toBe(false);
          expect(adapter.transactionOf(handle)).toBeUndefined();
        }
      });
      expect(adapter.owns(dataSource.getRepository(Comment))).toBe(false);
      await withSqlite(async ({ dataSource: other }) => {
        expect([other, other.manager, other.createQueryRunner()].map(adapter.owns)).toEqual([
          false,
          false,
          false,
        ]);
      });
    });
  });
});

describeOnPg((openPostgres) => {
  test("trap: a write through the DataSource, inside of a transaction, survives its rollback", async () => {
    await withDatabase(await openPostgres(), async ({ dataSource }) => {
      const adapter = typeorm(dataSource, models);
      const { log } = observed(adapter);
      const outcome = dataSource.transaction(async (manager) => {
        await manager.save(comment(manager, 1));
        await dataSource.manager.save(comment(dataSource.manager, 2));
        throw new TypeError("changed my mind");
      });
      await expect(outcome).rejects.toThrow(TypeError);
      const rows = await adapter.load("qa.Comment", [1, 2]);
      expect(rows.map((row) => adapter.keyOf("qa.Comment", row))).toEqual([2]);
      expect(log).toEqual([
        "begun 1",
        "saved insert 1 in 1",
        "begun 2",
        "saved insert 2 in 2",
        "committed 2",
        "rolled back 1",
      ]);
    });
  });

  test("a commit that fails is told as a rollback", async () => {
    const deferred =
      "create table t (id integer primary key, other integer references t (id) initially deferred)";
    await withDatabase(await openPostgres({ tables: deferred }), async ({ dataSource }) => {
      const { log } = observed(typeorm(dataSource, models));
      const outcome = dataSource.transaction((manager) => manager.query("insert into t values (1, 99)"));
      await expect(outcome).rejects.toMatchObject({ code: "23503" });
      expect(log).toEqual(["begun 1", "rolled back 1"]);
    });
  });

  test("a lost connection is told as a rollback, once, and the error of the function arrives itself", async () => {
    await withDatabase(await openPostgres(), async ({ dataSource }) => {
      const { log } = observed(typeorm(dataSource, models));
      const failure = new Error("the cause");
      const outcome = dataSource.transaction(async (manager) => {
        const [{ pid }] = await manager.query("select pg_backend_pid() as pid");
        await manager.transaction(async (inner) => {
          await dataSource.query("select pg_terminate_backend($1)", [pid]);
          await inner.query("select 1").catch(() => undefined);
          throw failure;
        });
      });
      await expect(outcome).rejects.toBe(failure);
      expect(log).toEqual(["begun 1", "begun 2 in 1", "rolled back 2", "rolled back 1"]);
    });
  });

  test("a connection that was lost at the commit is told as a rollback", async () => {
    await withDatabase(await openPostgres(), async ({ dataSource }) => {
      const { log } = observed(typeorm(dataSource, models));
      const outcome = dataSource.transaction(async (manager) => {
        const [{ pid }] = await manager.query("select pg_backend_pid() as pid");
        await dataSource.query("select pg_terminate_backend($1)", [pid]);
      });
      await expect(outcome).rejects.toThrow();
      expect(log).toEqual(["begun 1", "rolled back 1"]);
    });
  });
});

interface Observed {
  readonly log: string[];
  readonly begins: readonly TransactionBegun[];
}

/** Observes, and keeps what is told; transactions are numbered as they begin. */
function observed(
  adapter: OrmAdapter,
  reject: { readonly rejectCommitOf?: number; readonly failure?: Error } = {},
): Observed {
  const log: string[] = [];
  const begins: TransactionBegun[] = [];
  const numberOf = (transaction: object | undefined): number =>
    begins.findIndex((begun) => begun.transaction === transaction) + 1;
  const observer: OrmObserver = {
    begun(begun) {
      begins.push(begun);
      log.push(`begun ${begins.length}${begun.parent === undefined ? "" : ` in ${numberOf(begun.parent)}`}`);
    },
    inside: (_transaction, run) => run(),
    async committed(transaction) {
      log.push(`committed ${numberOf(transaction)}`);
      if (numberOf(transaction) === reject.rejectCommitOf) throw reject.failure;
    },
    rolledBack: (transaction) => void log.push(`rolled back ${numberOf(transaction)}`),
    async saved({ operation, key, transaction }) {
      log.push(`saved ${operation} ${String(key)} in ${numberOf(transaction)}`);
    },
  };
  adapter.observe(observer);
  return { log, begins };
}

function comment(manager: EntityManager, id: number): Comment {
  return manager.create(Comment, { id, body: `comment ${id}` });
}

async function withSqlite(
  run: (database: TestDatabase) => Promise<void>,
  settings: TestSettings = {},
): Promise<void> {
  await withDatabase(await openSqlite({ entities: entitiesFor("sqlite"), ...settings }), run);
}

async function withDatabase(
  database: TestDatabase,
  run: (database: TestDatabase) => Promise<void>,
): Promise<void> {
  try {
    await run(database);
  } finally {
    await database.close();
  }
}

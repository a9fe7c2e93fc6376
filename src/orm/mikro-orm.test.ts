import { describe, test } from "vitest";
import {
  type TestDatabase,
  Comment,
  managerOf,
  openPostgres,
  openSqlite,
  targets,
} from "../../test/orm/mikro-orm.ts";
import { describePostgres } from "../../test/services/describe-postgres.ts";
import type { Key } from "../model/ref.ts";
import { type OrmContractHarness, ormContract } from "../testing/orm-contract.ts";
import type { ContractRow } from "../testing/orm-contract/harness.ts";
import { mikroOrm } from "./mikro-orm.ts";

ormContract({
  describe,
  test,
  name: "mikroOrm on SQLite",
  create: () => createHarness((options) => openSqlite(options)),
  skip: [
    "a row is visible to others after the commit and not before",
    "does not see the rows of a transaction beside it",
  ].map((test) => ({ test, reason: "there is one connection, which a transaction keeps to itself" })),
});

describePostgres("on PostgreSQL", (createDatabase) => {
  ormContract({
    describe,
    test,
    name: "mikroOrm on PostgreSQL",
    create: () => createHarness(async (options) => openPostgres(await createDatabase(), options)),
  });
});

async function createHarness(
  open: (options: { onQuery: (sql: string) => string }) => Promise<TestDatabase>,
): Promise<OrmContractHarness> {
  let queries = 0;
  const {
    orm,
    break: breakDatabase,
    close,
  } = await open({
    onQuery(sql) {
      queries += 1;
      return sql;
    },
  });
  return {
    adapter: mikroOrm(orm, targets),
    handle: orm,
    targets,
    async insert(handle, model, rows) {
      const em = fresh(handle);
      const created = rows.map((row) => em.create(targets[model] as typeof Comment, dataOf(row) as never));
      await em.flush();
      return created;
    },
    async update(handle, model, key, changes) {
      const em = fresh(handle);
      const row = await em.findOneOrFail(targets[model] as typeof Comment, whereOf(key), { filters: false });
      em.assign(row, dataOf(changes));
      await em.flush();
    },
    async delete(handle, model, key) {
      const em = fresh(handle);
      await em.nativeDelete(targets[model] as typeof Comment, whereOf(key), { filters: false });
    },
    async hide(key) {
      await fresh(orm).nativeUpdate(targets["qa.Post"], { id: Number(key) }, { deletedAt: new Date() });
    },
    unsavedComment: () => fresh(orm).create(Comment, { body: "a draft" } as Comment),
    ownTransaction: (handle, run) => managerOf(handle).transactional(run),
    async begin() {
      const em = fresh(orm);
      await em.begin();
      return { handle: em, commit: () => em.commit(), rollback: () => em.rollback() };
    },
    hooked: {
      async insert(handle, model, row) {
        const em = fresh(handle);
        const created = em.create(targets[model] as typeof Comment, dataOf(row) as never);
        await em.flush();
        return created;
      },
      async update(handle, _model, row, changes) {
        const em = fresh(handle);
        const entity = em.merge(row as Comment);
        em.assign(entity, dataOf(changes));
        await em.flush();
      },
      async delete(handle, _model, row) {
        const em = fresh(handle);
        em.remove(em.merge(row as Comment));
        await em.flush();
      },
    },
    another: (models) => mikroOrm(orm, Object.fromEntries(models.map((model) => [model, targets[model]]))),
    countQueries: () => queries,
    breakDatabase,
    close,
  };
}

/** An entity manager that has seen nothing, in the handle's transaction. */
function fresh(handle: unknown) {
  return managerOf(handle).fork({ keepTransactionContext: true });
}

function whereOf(key: Key) {
  return (typeof key === "object" ? key : [key]) as never;
}

/** The relation has the foreign key. */
function dataOf({ authorId, ...row }: ContractRow) {
  return authorId === undefined ? row : { ...row, author: authorId };
}

import { describe, test } from "vitest";
import type { EntityTarget, ObjectLiteral } from "typeorm";
import {
  type TestDatabase,
  managerFor,
  describeOnPg,
  openSqlite,
  targets,
} from "../../test/orm/typeorm-database.ts";
import type { ContractModelName, ContractRow, OrmContractHarness } from "../testing/orm-contract/harness.ts";
import { ormContract } from "../testing/orm-contract.ts";
import { typeorm } from "./typeorm.ts";

const oneConnection =
  "TypeORM has one connection to a SQLite database: what is asked while a transaction is open is asked in it";

ormContract({
  describe,
  test,
  name: "typeorm on better-sqlite3",
  create: async () => harnessOf(await openSqlite()),
  skip: [
    { test: "a row is visible to others after the commit and not before", reason: oneConnection },
    { test: "does not see the rows of a transaction beside it", reason: oneConnection },
  ],
});

describeOnPg((openPostgres) => {
  ormContract({
    describe,
    test,
    name: "typeorm on pg",
    create: async () => harnessOf(await openPostgres()),
  });
});

function harnessOf({ dataSource, countQueries, close }: TestDatabase): OrmContractHarness {
  const entity = (model: ContractModelName): EntityTarget<ObjectLiteral> => targets[model];
  const insert = (
    handle: unknown,
    model: ContractModelName,
    rows: readonly ContractRow[],
  ): Promise<object[]> => {
    const manager = managerFor(handle);
    return manager.save(rows.map((row) => manager.create(entity(model), row)));
  };
  return {
    adapter: typeorm(dataSource, targets),
    handle: dataSource,
    targets,
    another: (models) =>
      typeorm(dataSource, Object.fromEntries(models.map((model) => [model, targets[model]]))),
    insert,
    update: async (handle, model, key, changes) => {
      await managerFor(handle).update(entity(model), key as object, changes);
    },
    delete: async (handle, model, key) => {
      await managerFor(handle).delete(entity(model), key as object);
    },
    hide: async (key) => {
      await dataSource.manager.softDelete(targets["qa.Post"], key as number);
    },
    unsavedComment: () => dataSource.manager.create(targets["qa.Comment"], { body: "a draft" }),
    ownTransaction: (handle, run) => managerFor(handle).transaction(run),
    begin: async () => {
      const runner = dataSource.createQueryRunner();
      await runner.startTransaction();
      return {
        handle: runner,
        commit: async () => {
          await runner.commitTransaction();
          await runner.release();
        },
        rollback: async () => {
          await runner.rollbackTransaction();
          await runner.release();
        },
      };
    },
    hooked: {
      insert: async (handle, model, row) => (await insert(handle, model, [row]))[0] ?? {},
      update: async (handle, _model, row, changes) => {
        await managerFor(handle).save(Object.assign(row, changes));
      },
      delete: async (handle, _model, row) => {
        await managerFor(handle).remove(row);
      },
      updateAll: async (handle, model, changes) => {
        await managerFor(handle).createQueryBuilder().update(entity(model)).set(changes).execute();
      },
    },
    countQueries,
    breakDatabase: () => dataSource.destroy(),
    close,
  };
}

/** What `ormContract` asks of Prisma, on either database. */
import type { OrmAdapter } from "../../../src/model/adapter.ts";
import type { Key } from "../../../src/model/ref.ts";
import { prisma, rows } from "../../../src/orm/prisma.ts";
import type {
  ContractModelName,
  ContractRow,
  OrmContractHarness,
} from "../../../src/testing/orm-contract/harness.ts";
import {
  type PostgresClient,
  type PostgresDatabases,
  type SqliteClient,
  type TestDatabase,
  openSqlite,
} from "./database.ts";

/** The contract's models, as the app names them. */
export const contractModels = {
  "qa.Comment": "comment",
  "qa.Tag": "tag",
  "qa.Membership": "membership",
  "qa.Author": "author",
  "qa.Post": { model: "post", version: "revision" },
  "qa.Sample": "sample",
} as const;

/** A model's property of the client, as far as the contract needs it: both clients have it. */
interface DelegateLike {
  create(args: { data: object }): Promise<object>;
  createManyAndReturn(args: { data: object[] }): Promise<object[]>;
  update(args: { where: object; data: object }): Promise<object>;
  updateMany(args: { data: object }): Promise<object>;
  delete(args: { where: object }): Promise<object>;
}

export async function sqliteHarness(): Promise<OrmContractHarness> {
  const database = await openSqlite();
  const db = database.client.$extends(rows());
  const another = (models: object): OrmAdapter => prisma(db, models as typeof contractModels);
  return harnessOf(database, db, prisma(db, contractModels), another);
}

export async function postgresHarness(databases: PostgresDatabases): Promise<OrmContractHarness> {
  const database = await databases.open();
  const db = database.client.$extends(rows());
  const another = (models: object): OrmAdapter => prisma(db, models as typeof contractModels);
  return harnessOf(database, db, prisma(db, contractModels, { replica: database.connect() }), another);
}

function harnessOf(
  database: TestDatabase<SqliteClient> | TestDatabase<PostgresClient>,
  db: object,
  adapter: OrmAdapter,
  another: (models: object) => OrmAdapter,
): OrmContractHarness {
  const delegateOf = (handle: unknown, model: ContractModelName): DelegateLike => {
    const stated = contractModels[model];
    return Reflect.get(handle as object, typeof stated === "string" ? stated : stated.model) as DelegateLike;
  };
  const update = async (handle: unknown, model: ContractModelName, key: Key, changes: ContractRow) => {
    const data = { ...changes, ...(model === "qa.Post" ? { revision: { increment: 1 } } : {}) };
    await delegateOf(handle, model).update({ where: whereOf(adapter, model, key), data });
  };
  return {
    adapter,
    handle: db,
    targets: Object.fromEntries(
      adapter.models.map(({ name, target }) => [name, target]),
    ) as OrmContractHarness["targets"],
    insert: (handle, model, rows) =>
      delegateOf(handle, model).createManyAndReturn({ data: rows.map(writable) }),
    update,
    async delete(handle, model, key) {
      await delegateOf(handle, model).delete({ where: whereOf(adapter, model, key) });
    },
    ownTransaction: (handle, run) =>
      (handle as { $transaction<T>(run: (tx: unknown) => Promise<T>): Promise<T> }).$transaction(run),
    hooked: {
      insert: (handle, model, row) => delegateOf(handle, model).create({ data: writable(row) }),
      update: (handle, model, row, changes) => update(handle, model, keyOf(adapter, model, row), changes),
      async delete(handle, model, row) {
        await delegateOf(handle, model).delete({
          where: whereOf(adapter, model, keyOf(adapter, model, row)),
        });
      },
      async updateAll(handle, model, changes) {
        await delegateOf(handle, model).updateMany({ data: changes });
      },
    },
    another: (names) => another(Object.fromEntries(names.map((name) => [name, contractModels[name]]))),
    countQueries: () => database.statements.length,
    breakDatabase: () => database.break(),
    close: () => database.close(),
  };
}

function keyOf(adapter: OrmAdapter, model: string, row: object): Key {
  const key = adapter.keyOf(model, row);
  if (key === undefined) throw new Error(`a row of ${model} without its key`);
  return key;
}

function whereOf(adapter: OrmAdapter, model: string, key: Key): object {
  const attributes = adapter.models.find(({ name }) => name === model)?.key ?? [];
  return attributes.length === 1 ? { [attributes[0]!]: key } : { [attributes.join("_")]: key };
}

/** Prisma takes no null for a JSON column: left out, it is null. */
function writable(row: ContractRow): object {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

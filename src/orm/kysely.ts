/**
 * Kysely: rows of your tables as references.
 *
 * Written for Kysely 0.29 on SQLite, PostgreSQL and MySQL. Nothing of Kysely is imported, its types included.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import {
  checkOptions,
  checkLoadOptions,
  lacking,
  modelNamed,
  refuseLacking,
} from "../model/adapter-errors.ts";
import type { OrmAdapter, OrmCapabilities } from "../model/adapter.ts";
import { keyIn, keyOfRow } from "../model/key.ts";
import { registerModel } from "../model/registry.ts";
import { selectKeys } from "./kysely/condition.ts";
import {
  type Database,
  checkDatabase,
  dialectOf,
  isOfDatabase,
  runSql,
  withPluginsOf,
} from "./kysely/database.ts";
import { type KyselyTarget, Model } from "./kysely/model.ts";
import { OnlyConnection } from "./kysely/only-connection.ts";
import { saveRow } from "./kysely/save.ts";
import { Transactions } from "./kysely/transactions.ts";
import type { KyselyDatabaseLike, KyselyStatedModel, KyselyModels, KyselyRows } from "./kysely/types.ts";

export { KyselyTarget } from "./kysely/model.ts";
export type {
  KyselyDatabaseLike,
  KyselyStatedModel,
  KyselyModels,
  KyselyRow,
  KyselyRows,
} from "./kysely/types.ts";

/** The settings of {@link kysely}. */
export interface KyselyOptions {
  /** The connection's name, where an app has several with the same models. Default: none. */
  readonly connection?: string;
  /** Another Kysely instance, of a replica of the same database. Default: there is none. */
  readonly replica?: KyselyDatabaseLike;
}

/** An adapter whose models have targets to refer to: Kysely's own tables are only names. */
export interface KyselyAdapter<Rows extends object = object> extends OrmAdapter<Rows, never> {
  /** The instance that it was made with. */
  readonly database: object;
  /**
   * What `ref`, `snapshot`, `lazy` and `app.saved` take for a model.
   *
   * @throws PetioleError `ERR_MODEL_UNKNOWN`
   *
   * @example
   * export const Comment = models.target("qa.Comment");
   * await index.enqueue({ post: ref(Comment, row) });
   */
  target<Name extends keyof Rows & string>(name: Name): KyselyTarget<Extract<Rows[Name], object>>;
}

/**
 * An adapter for a Kysely instance and the tables whose rows may be referred to.
 *
 * Rows are what `db.selectFrom(table).selectAll()` gives, by the names that the instance's plugins make of columns.
 *
 * Inside a transaction write through it, never through `db`: that is another connection, whose writes survive a
 * rollback (PostgreSQL), or waits for the transaction to end, which waits for it (SQLite).
 *
 * @param db The instance: what `new Kysely<Database>({ dialect })` made.
 * @param models Name to `{ table, key }`. The name travels: choose it for good.
 * @throws PetioleError `ERR_MODEL_DEFINITION` for what is no Kysely instance or no such model, `ERR_MODEL_UNSUPPORTED`
 * for a dialect of another database
 *
 * @example
 * const models = kysely(db, {
 *   "qa.Comment": { table: "comments", key: ["id"] },
 *   "qa.Membership": { table: "memberships", key: ["user_id", "group_name"], version: "updated_at" },
 * });
 * const app = new Petiole({ engine, models: [models] });
 */
export function kysely<Handle extends KyselyDatabaseLike, const Models extends KyselyModels<Handle>>(
  db: Handle,
  models: Models,
  options: KyselyOptions = {},
): KyselyAdapter<KyselyRows<Handle, Models>> {
  const primary = checkDatabase(db, "what it is given");
  checkOptions("kysely", options, ["replica"]);
  const replica = options.replica === undefined ? undefined : checkDatabase(options.replica, "the replica");
  const dialect = dialectOf(primary);
  const capabilities = capabilitiesOf(primary, dialect === "sqlite", replica !== undefined);
  const transactions = new Transactions(primary, dialect);
  const byName = new Map(
    Object.entries<KyselyStatedModel>(models).map(([name, model]) => [
      name,
      new Model(primary, dialect, name, model),
    ]),
  );
  const named = (name: string): Model => modelNamed("kysely", byName, name);

  /** Where something is done. */
  const handleOf = (transaction: object | undefined): Database => {
    if (transaction !== undefined) return withPluginsOf(primary, checkHandle(primary, transaction));
    transactions.refuseWaiting();
    return primary;
  };
  const replicaOf = (): Database => {
    if (replica === undefined) throw lacking("kysely", capabilities, "replica");
    return withPluginsOf(primary, replica);
  };

  const adapter: KyselyAdapter<KyselyRows<Handle, Models>> = {
    name: "kysely",
    ...(options.connection === undefined ? {} : { connection: options.connection }),
    capabilities,
    database: db,
    models: [...byName.values()].map(({ description }) => description),

    target(name) {
      return named(name).description.target as KyselyTarget<never>;
    },

    async load(name, keys, asked = {}) {
      const model = named(name);
      checkLoadOptions("kysely", asked);
      const { with: relations = [], from, transaction } = asked;
      if (relations.length > 0) refuseLacking("kysely", capabilities, "relations");
      const isReplica = transaction === undefined && from === "replica";
      const handle = isReplica ? replicaOf() : handleOf(transaction);
      const bound = await model.bind(keys, handle);
      const all = handle.selectFrom(model.table).selectAll();
      const [query, ...others] = selectKeys(all, dialect, model.description.key, bound);
      const first = query === undefined ? [] : await query.execute();
      if (others.length === 0) return first;
      const rows = [...first];
      for (const other of others) rows.push(...(await other.execute()));
      return rows;
    },

    keyOf: (name, row) => keyIn(row, named(name).description.key),

    fieldsOf(name, row) {
      const { fields } = named(name).description;
      const own = Object.entries(row);
      // Without a list of them, what cannot be in a column is none.
      const isColumn = (attribute: string, value: unknown): boolean =>
        fields?.includes(attribute) ?? (typeof value !== "function" && typeof value !== "symbol");
      return Object.fromEntries(own.filter(([name, value]) => value !== undefined && isColumn(name, value)));
    },

    modelOf: () => undefined,

    entityOf(name, fields) {
      named(name);
      return { ...fields };
    },

    async save(name, fields, { transaction } = {}) {
      const model = named(name);
      keyOfRow(model.description, adapter, fields);
      await saveRow(handleOf(transaction), dialect, model, fields);
    },

    owns: (handle) => isOfDatabase(primary, handle),
    isTransaction: (handle) => isOfDatabase(primary, handle) && handle.isTransaction,
    transactionOf: (handle) => transactions.of(handle),
    transaction: async (handle, run) => transactions.run(checkHandle(primary, handle), run),
    observe: (observer) => transactions.observe(observer),

    sql: {
      dialect,
      query: async (text, parameters, { transaction } = {}) =>
        runSql(handleOf(transaction), text, parameters),
    },
  };
  for (const model of adapter.models) registerModel(model, adapter);
  return adapter;
}

function capabilitiesOf(db: Database, isSqlite: boolean, hasReplica: boolean): OrmCapabilities {
  return {
    recognisesRows: false,
    lacks: {
      relations: "Kysely has no relations. Load what a row is related to in the handler, with a join",
      saveEvents: "Kysely has no hooks. Say what was saved: app.saved(models.target(name), row)",
      ...(hasReplica ? {} : { replica: "no replica was given. Give one: kysely(db, models, { replica })" }),
    },
    serialTransactions: isSqlite || OnlyConnection.of(db) !== undefined,
  };
}

function checkHandle(db: Database, handle: unknown): Database {
  if (isOfDatabase(db, handle)) return handle;
  throw new PetioleError(
    "ERR_TRANSACTION_UNSUPPORTED",
    `kysely: expected this adapter's Kysely instance or a transaction of it; received ${describe(handle)}`,
  );
}

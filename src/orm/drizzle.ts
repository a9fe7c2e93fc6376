/**
 * Drizzle: rows of your tables as references.
 *
 * Written for drizzle-orm 0.45 with its asynchronous drivers: libsql for SQLite, and those for PostgreSQL and
 * MySQL. Nothing of Drizzle is imported before the first load; see `docs/decisions/0002-drizzle-operators.md`.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { checkLoadOptions, modelNamed, refuseLacking } from "../model/adapter-errors.ts";
import type { LoadOptions, OrmAdapter, OrmFeature, OrmSql, Within } from "../model/adapter.ts";
import { keyIn } from "../model/key.ts";
import type { RowOf } from "../model/ref.ts";
import { registerModel } from "../model/registry.ts";
import { capabilitiesOf, dialectOf, isOfConnection, isTransaction } from "./drizzle/connection.ts";
import { type HandleLike, primaryOf } from "./drizzle/handle.ts";
import { loadRows } from "./drizzle/load.ts";
import { type DrizzleModel, describeModel, fieldsIn } from "./drizzle/model.ts";
import { type DrizzleOperators, importOperators } from "./drizzle/operators.ts";
import { refuseWrong, databaseOf } from "./drizzle/options.ts";
import { relationsToLoad } from "./drizzle/relations.ts";
import { saveRow } from "./drizzle/save.ts";
import { runSql } from "./drizzle/sql.ts";
import { DrizzleTransactions } from "./drizzle/transactions.ts";

export type { DrizzleOperators } from "./drizzle/operators.ts";

/** What is used of a Drizzle database, or of one of its transactions. */
export interface DrizzleDatabaseLike {
  select(): { from(table: never): unknown };
  transaction(run: never): unknown;
}

/** What is used of a Drizzle table. */
export interface DrizzleTableLike {
  readonly $inferSelect: object;
}

/** A table with what it does not say itself. */
export interface DrizzleStatedModel<Table extends DrizzleTableLike = DrizzleTableLike> {
  readonly table: Table;
  /**
   * Names of properties of the table, of a unique key: what identifies its rows where that is not the primary key.
   */
  readonly key?: readonly (keyof Table["$inferSelect"] & string)[];
  /**
   * The property of the column that changes with every update of the row, `updatedAt` or a counter; or `"xmin"`,
   * which every row of PostgreSQL has. Default: none, and what the row holds tells whether it has changed.
   */
  readonly version?: (keyof Table["$inferSelect"] & string) | "xmin";
}

/** Name to table, or to a table with what is stated about it. */
export interface DrizzleModels {
  readonly [name: string]:
    | DrizzleTableLike
    | { readonly table: DrizzleTableLike; readonly key?: readonly string[]; readonly version?: string };
}

/** The row type of each model, by its name. */
export type DrizzleRows<Models extends DrizzleModels> = {
  -readonly [Name in keyof Models]: RowOf<TableOf<Models[Name]>>;
};

// A table comes first: it may have columns called `table` and `key`.
type TableOf<Model> = Model extends DrizzleTableLike
  ? Model
  : Model extends { readonly table: infer Table extends DrizzleTableLike }
    ? Table
    : never;

/** The same models, with what is stated checked against the table. */
type CheckedModels<Models extends DrizzleModels> = {
  readonly [Name in keyof Models]: CheckedModel<Models[Name]>;
};
type CheckedModel<Model> = Model extends DrizzleTableLike ? Model : DrizzleStatedModel<TableOf<Model>>;

/** The settings of {@link drizzle}. */
export interface DrizzleOptions {
  /** The connection's name, where the app has several with the same models. Default: none. */
  readonly connection?: string;
  /**
   * A database that is asked by `from: "replica"`. Default: the replicas of a `db` that Drizzle's `withReplicas` made,
   * otherwise none.
   */
  readonly replica?: DrizzleDatabaseLike;
  /**
   * Operators to build conditions with. Default: those of the `drizzle-orm` that is installed beside this
   * package. Give your own where that is another copy than yours, or where imports cannot be resolved at run
   * time.
   */
  readonly operators?: DrizzleOperators;
}

/**
 * An adapter for a Drizzle database and the tables whose rows may be referred to.
 *
 * A reference holds the table's primary key, by the names of the properties in TypeScript. Rows are what
 * `db.select().from(table)` gives: every column, and relations where the reference asks for them.
 *
 * Inside `db.transaction` write through the transaction, never through `db`: that is another connection, whose
 * writes survive a rollback (PostgreSQL) or meet a locked database (SQLite).
 *
 * Of SQLite's in-memory databases there is one connection: while a transaction is open nothing else can be asked,
 * and loading rejects. And of a SQLite file there is one writer: `examples/qa/patient-client.ts` shows a libsql
 * client whose writes wait for each other instead of failing with SQLITE_BUSY.
 *
 * @param db The database: what `drizzle(…)` of `drizzle-orm/…` returned.
 * @param models Name to table. The name travels: choose it for good.
 * @throws PetioleError `ERR_MODEL_DEFINITION` when a table has no primary key and none is stated, or one that is
 * not of strings, integers and bigints; when a stated version is no column; when `db` is not Drizzle's.
 *
 * @example
 * const models = [drizzle(db, { "qa.Question": questions, "qa.Answer": answers })];
 * drizzle(db, { "shop.Price": { table: prices, key: ["productId", "currency"], version: "updatedAt" } });
 */
export function drizzle<const Models extends DrizzleModels>(
  db: DrizzleDatabaseLike,
  models: Models & CheckedModels<Models>,
  options: DrizzleOptions = {},
): OrmAdapter<DrizzleRows<Models>, never> {
  const primary = databaseOf(db);
  const replica = (options.replica ?? (primary === db ? undefined : db)) as HandleLike | undefined;
  const byName = new Map(
    Object.entries<DrizzleModels[string]>(models).map(([name, model]) => [
      name,
      describeModel(primary, name, model),
    ]),
  );
  refuseWrong(primary, options);
  const capabilities = capabilitiesOf(primary, replica);
  const transactions = new DrizzleTransactions();
  const operators = async (): Promise<DrizzleOperators> => options.operators ?? importOperators();

  const named = (name: string): DrizzleModel => modelNamed("drizzle", byName, name);
  const refuse = (feature: OrmFeature): void => refuseLacking("drizzle", capabilities, feature);
  const handleOf = (handle: unknown): HandleLike => {
    if (isOfConnection(primary, handle)) return primaryOf(handle);
    throw new PetioleError(
      "ERR_TRANSACTION_UNSUPPORTED",
      `drizzle: the handle is not this adapter's db or a transaction of it; received ${describe(handle)}`,
    );
  };
  const within = ({ transaction }: Within = {}): HandleLike => handleOf(transaction ?? primary);
  const sourceOf = (asked: LoadOptions): HandleLike => {
    if (asked.from !== "replica") return within(asked);
    refuse("replica");
    // What a transaction has written is nowhere else.
    return asked.transaction === undefined && replica ? replica : within(asked);
  };

  const dialect = dialectOf(primary);
  const sql: OrmSql | undefined =
    dialect && capabilities.lacks.sql === undefined
      ? {
          dialect,
          query: async (text, parameters, where) => runSql(within(where), dialect, text, parameters),
        }
      : undefined;

  const adapter: OrmAdapter<DrizzleRows<Models>, never> = {
    name: "drizzle",
    ...(options.connection === undefined ? {} : { connection: options.connection }),
    capabilities,
    database: db,
    models: [...byName.values()].map(({ description }) => description),

    async load(name, keys, asked = {}) {
      const model = named(name);
      checkLoadOptions("drizzle", asked);
      const paths = asked.with ?? [];
      if (paths.length > 0) refuse("relations");
      const relations = paths.length > 0 ? relationsToLoad(primary, model.description, paths) : undefined;
      return loadRows(sourceOf(asked), await operators(), model, keys, relations);
    },

    keyOf: (name, row) => keyIn(row, named(name).description.key),
    fieldsOf: (name, row) => fieldsIn(named(name), row),
    modelOf: () => undefined,
    entityOf: (name, fields) => fieldsIn(named(name), fields),

    async save(name, fields, where) {
      await saveRow(within(where), await operators(), named(name), fields);
    },

    owns: (handle) => isOfConnection(primary, handle),
    transactionOf: (handle) => transactions.of(handle),
    isTransaction: (handle) => isOfConnection(primary, handle) && isTransaction(handle),

    async transaction(handle, run) {
      refuse("transaction");
      return transactions.run(handleOf(handle), run);
    },

    // Where there are no transactions that can be awaited there is nothing to tell.
    observe: (observer) =>
      capabilities.lacks.ownTransaction === undefined
        ? transactions.observe(primary, observer)
        : () => undefined,

    ...(sql ? { sql } : {}),
  };
  for (const model of adapter.models) registerModel(model, adapter);
  return adapter;
}

/**
 * Drizzle: rows of your tables as references.
 *
 * Written for drizzle-orm 0.45 with its asynchronous drivers: libsql for SQLite, and those for PostgreSQL and
 * MySQL. Nothing of Drizzle is imported before the first load; see `docs/decisions/0002-drizzle-operators.md`.
 *
 * @module
 */
import { PetioleError } from "../errors.ts";
import type { ModelDescription, OrmAdapter } from "../model/adapter.ts";
import { type Key, type KeyPart, type RowOf, identityOf } from "../model/ref.ts";
import { registerModel } from "../model/registry.ts";
import { type DrizzleOperators, conditionsFor, importOperators } from "./drizzle/condition.ts";
import { capabilitiesOf, isOfConnection } from "./drizzle/connection.ts";
import { type KeyColumn, columnsOf, keyColumnsOf, property } from "./drizzle/table.ts";

export type { DrizzleOperators } from "./drizzle/condition.ts";

/** What is used of a Drizzle database, or of one of its transactions. */
export interface DrizzleDatabaseLike {
  select(): { from(table: never): unknown };
  transaction(run: never): unknown;
}

/** What is used of a Drizzle table. */
export interface DrizzleTableLike {
  readonly $inferSelect: object;
}

/** A table with the columns that identify its rows, where that is not its primary key. */
export interface DrizzleKeyedTable<Table extends DrizzleTableLike = DrizzleTableLike> {
  readonly table: Table;
  /** Names of properties of the table, of a unique key. */
  readonly key: readonly (keyof Table["$inferSelect"] & string)[];
}

/** Name to table, or to a table with its key. */
export interface DrizzleModels {
  readonly [name: string]:
    | DrizzleTableLike
    | { readonly table: DrizzleTableLike; readonly key: readonly string[] };
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

/** The same models, with every stated key checked against its table. */
type CheckedKeys<Models extends DrizzleModels> = {
  readonly [Name in keyof Models]: CheckedKey<Models[Name]>;
};
type CheckedKey<Model> = Model extends DrizzleTableLike ? Model : DrizzleKeyedTable<TableOf<Model>>;

/** The settings of {@link drizzle}. */
export interface DrizzleOptions {
  /**
   * Operators to build conditions with. Default: those of the `drizzle-orm` that is installed beside this
   * package. Give your own where that is another copy than yours, or where imports cannot be resolved at run
   * time.
   */
  readonly operators?: DrizzleOperators;
}

/** A model, ready to be loaded. */
interface DrizzleModel extends ModelDescription {
  readonly columns: readonly [KeyColumn, ...KeyColumn[]];
}

/** A select, as far as a load needs it. */
interface SelectLike extends PromiseLike<unknown> {
  where(condition: unknown): SelectLike;
  $withCache?(config: false): SelectLike;
}

/**
 * An adapter for a Drizzle database and the tables whose rows may be referred to.
 *
 * A reference holds the table's primary key, by the names of the properties in TypeScript. Rows are what
 * `db.select().from(table)` gives: every column, no relations.
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
 * not of strings, integers and bigints.
 *
 * @example
 * const models = [drizzle(db, { "qa.Question": questions, "qa.Answer": answers })];
 * drizzle(db, { "shop.Price": { table: prices, key: ["productId", "currency"] } });
 */
export function drizzle<const Models extends DrizzleModels>(
  db: DrizzleDatabaseLike,
  models: Models & CheckedKeys<Models>,
  options: DrizzleOptions = {},
): OrmAdapter<DrizzleRows<Models>> {
  const byName = new Map(
    Object.entries<DrizzleModels[string]>(models).map(([name, model]) => [name, describeModel(name, model)]),
  );
  const capabilities = capabilitiesOf(db);
  const modelNamed = (name: string): DrizzleModel => {
    const model = byName.get(name);
    if (model === undefined)
      throw new PetioleError("ERR_MODEL_UNKNOWN", `drizzle: no model is named ${JSON.stringify(name)}`);
    return model;
  };

  const adapter: OrmAdapter<DrizzleRows<Models>> = {
    name: "drizzle",
    capabilities,
    models: [...byName.values()].map(({ name, target, key }) => ({ name, target, key })),

    async load(name, keys) {
      const { target, columns } = modelNamed(name);
      const distinct = new Map(keys.map((key) => [identityOf(name, key), key]));
      const operators = options.operators ?? (await importOperators());
      const rows: object[] = [];
      for (const condition of conditionsFor(operators, columns, [...distinct.values()])) {
        const query = db.select().from(target as never) as SelectLike;
        // A row arrives as it is now: never from Drizzle's query cache, which may be on for all queries.
        const fresh = query.where(condition);
        rows.push(...((await (fresh.$withCache?.(false) ?? fresh)) as object[]));
      }
      return rows;
    },

    keyOf(name, row) {
      return keyIn(row, modelNamed(name).key);
    },

    fieldsOf(name, row) {
      const columns = Object.keys(columnsOf(modelNamed(name).target) ?? {});
      return Object.fromEntries(
        columns
          .filter((column) => column in row)
          .map((column) => [column, (row as Record<string, unknown>)[column]]),
      );
    },

    modelOf: () => undefined,

    owns: (handle) => isOfConnection(db, handle),
    isTransaction: (handle) => isOfConnection(db, handle) && "rollback" in handle,

    async transaction(handle, run) {
      if (capabilities.transactionRefused !== undefined) {
        throw new PetioleError("ERR_TRANSACTION_UNSUPPORTED", `drizzle: ${capabilities.transactionRefused}`);
      }
      if (!isOfConnection(db, handle)) {
        throw new PetioleError(
          "ERR_TRANSACTION_UNSUPPORTED",
          "drizzle: the handle is not this adapter's db or a transaction of it",
        );
      }
      return runTransaction(handle as TransactionalLike, run);
    },
  };
  for (const model of adapter.models) registerModel(model, adapter);
  return adapter;
}

/** A handle, as far as a transaction needs it. */
interface TransactionalLike {
  transaction<Result>(run: (transaction: unknown) => Promise<Result>): Promise<Result>;
}

async function runTransaction<Result>(
  handle: TransactionalLike,
  run: (transaction: unknown) => Promise<Result>,
): Promise<Result> {
  let failure: { readonly error: unknown } | undefined;
  try {
    return await handle.transaction(async (transaction) => {
      try {
        return await run(transaction);
      } catch (error) {
        failure = { error };
        throw error;
      }
    });
  } catch (error) {
    // When the connection is lost, rolling back fails as well, and Drizzle would throw that instead of the cause.
    throw failure === undefined ? error : failure.error;
  }
}

function describeModel(name: string, model: DrizzleModels[string]): DrizzleModel {
  const isKeyed = columnsOf(model) === undefined && "table" in model;
  const target = isKeyed ? model.table : model;
  const columns = keyColumnsOf(name, target, isKeyed ? model.key : undefined);
  return { name, target, columns, key: columns.map(({ attribute }) => attribute) };
}

function keyIn(row: object, attributes: readonly string[]): Key | undefined {
  const parts = attributes.map((attribute) => [attribute, property<KeyPart | null>(row, attribute)] as const);
  const given = parts.filter((part): part is [string, KeyPart] => part[1] !== undefined && part[1] !== null);
  if (given.length < parts.length) return undefined;
  return given.length === 1 ? given[0]?.[1] : Object.fromEntries(given);
}

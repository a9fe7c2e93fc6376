/**
 * A Kysely instance as it is used here, and what it says about its connection. Nothing of Kysely is imported.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import type { SqlDialect } from "../../model/adapter.ts";
import type { KyselyDatabaseLike } from "./types.ts";

/** An expression of Kysely's; only Kysely looks into it. */
export type Expression = object;

/** Kysely's expression builder. */
export interface ExpressionBuilder {
  (column: string, operator: "=", value: unknown): Expression;
  and(conditions: readonly Expression[]): Expression;
  or(conditions: readonly Expression[]): Expression;
  /** A value as one parameter, a list too. */
  val(value: unknown): Expression;
  fn(name: string, parameters: readonly Expression[]): Expression;
}

/** What can be filtered. */
interface Filtered<Query> {
  where(column: string, operator: "=" | "in", value: unknown): Query;
  where(condition: (builder: ExpressionBuilder) => Expression): Query;
}

export interface Select extends Filtered<Select> {
  selectAll(): Select;
  select(columns: readonly string[]): Select;
  compile(): CompiledQuery;
  execute(): Promise<readonly object[]>;
}

export interface Update extends Filtered<Update> {
  set(values: Readonly<Record<string, unknown>>): Update;
  compile(): CompiledQuery;
}

export interface Insert {
  values(values: Readonly<Record<string, unknown>>): Insert;
  onConflict(conflict: (builder: ConflictBuilder) => unknown): Insert;
  onDuplicateKeyUpdate(values: Readonly<Record<string, unknown>>): Insert;
  compile(): CompiledQuery;
}

interface ConflictBuilder {
  columns(columns: readonly string[]): { doUpdateSet(values: Readonly<Record<string, unknown>>): unknown };
}

/** Kysely, or one of its transactions, with the types that are used here: tables are known at run time only. */
export interface Database {
  selectFrom(table: string): Select;
  updateTable(table: string): Update;
  insertInto(table: string): Insert;
  withoutPlugins(): Database;
  withPlugin(plugin: object): Database;
  executeQuery(query: CompiledQuery): Promise<QueryResult>;
  getExecutor(): { readonly adapter: DialectAdapter; readonly plugins: readonly object[] };
  readonly isTransaction: boolean;
}

/** One per instance; those that are derived from it, and its transactions, have the same. */
interface DialectAdapter {
  readonly supportsMultipleConnections?: boolean;
}

interface QueryResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Of an update. */
  readonly numAffectedRows?: bigint;
}

/** What Kysely runs. */
export interface CompiledQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** Kysely's tree of it. */
  readonly query: { readonly kind: string };
  readonly queryId: { readonly queryId: string };
}

let queries = 0;

/** SQL as a query of Kysely's: what its `CompiledQuery.raw` makes. */
export function rawQuery(sql: string, parameters: readonly unknown[] = []): CompiledQuery {
  queries += 1;
  const query = { kind: "RawNode", sqlFragments: [sql], parameters: [] } as const;
  return { sql, parameters, query, queryId: { queryId: `petiole-${queries}` } };
}

/** Runs SQL; its rows are by the columns' own names, whatever the instance's plugins make of names. */
export async function runSql(
  db: Database,
  sql: string,
  parameters: readonly unknown[] = [],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { rows } = await db.withoutPlugins().executeQuery(rawQuery(sql, parameters));
  return rows;
}

/** @throws PetioleError `ERR_MODEL_DEFINITION` for what is no Kysely instance, or one of its transactions */
export function checkDatabase(db: KyselyDatabaseLike, what: string): Database {
  const given: unknown = db;
  const isDatabase =
    typeof given === "object" &&
    given !== null &&
    ["selectFrom", "getExecutor", "executeQuery"].every(
      (name) => typeof Reflect.get(given, name) === "function",
    );
  if (!isDatabase || db.isTransaction) {
    const received = isDatabase ? "one of its transactions" : describe(given);
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      `kysely: ${what} must be a Kysely instance: new Kysely({ dialect }); received ${received}`,
    );
  }
  return db as unknown as Database;
}

/**
 * The dialect, from how the instance writes names and placeholders: names of classes do not survive a bundler.
 *
 * @throws PetioleError `ERR_MODEL_UNSUPPORTED` for another one than the three
 */
export function dialectOf(db: Database): SqlDialect {
  const { sql } = db.withoutPlugins().selectFrom("t").select(["c"]).where("c", "=", 1).compile();
  if (sql.includes('"c" = ?')) return "sqlite";
  if (sql.includes('"c" = $1')) return "postgres";
  if (sql.includes("`c` = ?")) return "mysql";
  throw new PetioleError(
    "ERR_MODEL_UNSUPPORTED",
    `kysely: expected a dialect of SQLite, PostgreSQL or MySQL; this one writes ${sql}`,
  );
}

/** Whether a handle is this instance, one derived from it, or a transaction of it, begun by anyone. */
export function isOfDatabase(db: Database, handle: unknown): handle is Database {
  if (handle === db) return true;
  if (typeof handle !== "object" || handle === null) return false;
  const getExecutor: unknown = Reflect.get(handle, "getExecutor");
  if (typeof getExecutor !== "function") return false;
  return (handle as Database).getExecutor()?.adapter === db.getExecutor().adapter;
}

/**
 * A handle with the plugins of the instance that the app gave, and no others: a transaction may have been begun with
 * those of another schema, or of other names.
 */
export function withPluginsOf(db: Database, handle: Database): Database {
  if (handle === db) return db;
  return db
    .getExecutor()
    .plugins.reduce<Database>((bare, plugin) => bare.withPlugin(plugin), handle.withoutPlugins());
}

/**
 * Drizzle's databases, transactions and queries, as far as they are used here.
 *
 * @module
 */
import { property } from "./table.ts";

/** A database, or a transaction of one. */
export interface HandleLike {
  select(fields?: object): { from(table: object): SelectLike };
  insert(table: object): InsertBuilderLike;
  update(table: object): { set(changes: object): UpdateLike };
  transaction: TransactionFunction;
  /** Drizzle's relational queries, by the name that a table has in the schema. */
  readonly query?: Readonly<Record<string, RelationalQueryLike>>;
  /** SQLite's way to run SQL. */
  all?(statement: object): PromiseLike<readonly object[]>;
  /** The others' way; what it resolves to is the driver's own. */
  execute?(statement: object): PromiseLike<unknown>;
}

/** `db.transaction`. What follows `run`, such as the isolation level, differs between databases. */
export type TransactionFunction = <Result>(
  run: (transaction: object) => Promise<Result>,
  ...settings: unknown[]
) => Promise<Result>;

/** A select. */
export interface SelectLike extends PromiseLike<readonly object[]> {
  where(condition: unknown): SelectLike;
  $withCache?(config: false): SelectLike;
}

/** The beginning of an insert. */
export interface InsertBuilderLike {
  values(row: object): InsertLike;
  /** PostgreSQL's. */
  overridingSystemValue?(): InsertBuilderLike;
}

/** An insert, with the dialect's way to update instead. */
export interface InsertLike extends PromiseLike<unknown> {
  onConflictDoNothing?(): PromiseLike<unknown>;
  onConflictDoUpdate?(conflict: { target: readonly object[]; set: object }): PromiseLike<unknown>;
  onDuplicateKeyUpdate?(conflict: { set: object }): PromiseLike<unknown>;
}

/** An update. */
export interface UpdateLike {
  where(condition: unknown): UpdatedLike;
}

/** An update that says what it met: by the rows, or by the driver's own result. */
export interface UpdatedLike extends PromiseLike<unknown> {
  returning?(columns: object): PromiseLike<readonly object[]>;
}

/** `db.query.comments`. */
export interface RelationalQueryLike {
  findMany(config: { where: unknown; with: object }): PromiseLike<readonly object[]>;
}

/** The database that is written to: of one that Drizzle's `withReplicas` made, its primary. */
export function primaryOf(handle: object): HandleLike {
  return (property<object>(handle, "$primary") ?? handle) as HandleLike;
}

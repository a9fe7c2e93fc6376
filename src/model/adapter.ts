/**
 * The OrmAdapter interface: what `model/` and `task/` ask of an ORM. One adapter stands for one
 * connection and the models that the app gave names to.
 *
 * To add an ORM, copy a neighbour in `orm/` and make `ormContract` pass.
 *
 * @module
 */
import type { Key } from "../wire/reference.ts";

/** What the app named, and what identifies its rows. */
export interface ModelDescription {
  /** The name that travels, `qa.Comment`: chosen by the app, for good. */
  readonly name: string;
  /** What the user's code calls the model: a table object, a class. */
  readonly target: object;
  /** The attributes of the primary key, in the model's order. */
  readonly key: readonly string[];
}

/** Differences between ORMs, as data. */
export interface OrmCapabilities {
  /** Rows know their model, so that they travel as references by themselves. */
  readonly recognisesRows: boolean;
  /** Why `transaction` cannot work on this connection, and what to do instead; undefined when it can. */
  readonly transactionRefused?: string;
  /** Transactions of one handle must not overlap (SQLite): the app runs them one after another. */
  readonly serialTransactions: boolean;
}

/**
 * An ORM's connection with named models.
 *
 * `Rows` maps each name to its row type; it exists for the compiler alone.
 */
export interface OrmAdapter<Rows extends object = object> {
  /** The ORM's name, for messages. */
  readonly name: string;
  readonly capabilities: OrmCapabilities;
  readonly models: readonly ModelDescription[];
  /** For the compiler alone; never there. */
  readonly rows?: Rows;

  /**
   * The rows with these keys, each at most once, in any order; those that are not there are left out.
   * One query, or a few where the database limits its length. Rejects when the database cannot be asked:
   * that is never the same as a missing row.
   */
  load(model: string, keys: readonly Key[]): Promise<readonly object[]>;

  /** A row's key; undefined when the row has none yet. */
  keyOf(model: string, row: object): Key | undefined;

  /** The columns that a row has, by attribute, as they are in memory: never through a `toJSON`. */
  fieldsOf(model: string, row: object): Record<string, unknown>;

  /** The model of a row that knows its own; always undefined where rows are plain objects. */
  modelOf(row: object): string | undefined;

  /** Whether this is the handle, or a transaction, of this adapter's connection. */
  owns(handle: unknown): boolean;

  /** Whether a handle that {@link owns} is true of is a transaction, not the database. */
  isTransaction(handle: object): boolean;

  /**
   * Runs `run` in a transaction of `handle`, commits when it resolves and rolls back when it rejects. A
   * `handle` that is a transaction gets a savepoint.
   */
  transaction<Result>(handle: unknown, run: (transaction: unknown) => Promise<Result>): Promise<Result>;
}

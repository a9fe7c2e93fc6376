/**
 * The OrmAdapter interface: what `model/` and `task/` ask of an ORM. One adapter stands for one
 * connection and the models that the app gave names to.
 *
 * To add an ORM, copy a neighbour in `orm/` and make `ormContract` pass.
 *
 * @module
 */
import type { Key } from "../wire/reference.ts";
import type { OrmObserver } from "./observer.ts";

/** What the app named, and what identifies its rows. */
export interface ModelDescription {
  /** The name that travels, `qa.Comment`: chosen by the app, for good. */
  readonly name: string;
  /** What the user's code calls the model: a table object, a class, a name. */
  readonly target: object;
  /** The attributes of the primary key, in the model's order. */
  readonly key: readonly string[];
  /** The attributes of all of its columns; undefined where neither the ORM nor the app says. */
  readonly fields?: readonly string[];
  /**
   * The attribute whose value changes with every update of the row: a version counter, a time of the last change.
   * `"xmin"`, where the model has no such attribute, is PostgreSQL's own. Undefined where there is none: then what
   * the row holds tells.
   */
  readonly version?: string;
  /** Where its rows are, for what must be asked in SQL. Undefined where that is not known, or not SQL. */
  readonly table?: TableDescription;
}

/** A table, by the names that the database knows. */
export interface TableDescription {
  /** As the database calls it, without its schema. */
  readonly name: string;
  /** Undefined: the connection's default. */
  readonly schema?: string;
  /** The column of an attribute. */
  readonly columns: Readonly<Record<string, string>>;
}

/** What some ORMs, or some connections, cannot do. */
export type OrmFeature =
  /** `app.transaction`, and with it savepoints. */
  | "transaction"
  /** A transaction in a transaction, which is undone alone. */
  | "savepoints"
  /** What is enqueued inside the ORM's own transaction function waits for its commit. */
  | "ownTransaction"
  /** `with`: rows with what they are related to. */
  | "relations"
  /** `from: "replica"`. */
  | "replica"
  /** It tells when rows are saved, so that `app.onSave` needs no `app.saved`. */
  | "saveEvents"
  /** SQL in a transaction, which the outbox and PostgreSQL's `xmin` need. */
  | "sql";

/** Differences between ORMs, as data. */
export interface OrmCapabilities {
  /**
   * Which rows know their model, so that they travel as references by themselves: none, instances of the model's
   * class, or plain objects that the ORM's client handed out.
   */
  readonly recognisesRows: false | "instances" | "plain";
  /** What it cannot do: why, and what to write instead. */
  readonly lacks: Readonly<Partial<Record<OrmFeature, string>>>;
  /** Transactions of one handle must not overlap (SQLite): the app runs them one after another. */
  readonly serialTransactions: boolean;
}

/** How rows are to be loaded. */
export interface LoadOptions {
  /** Relations to load with each row, by attribute: `author`, `author.company`. */
  readonly with?: readonly string[];
  /** `all`: also those rows that the model hides unless told, such as soft-deleted ones. */
  readonly scope?: "default" | "all";
  /** Which of the database's copies is asked. `primary` unless told. */
  readonly from?: "primary" | "replica";
  /** A handle of an open transaction, whose uncommitted rows are seen. */
  readonly transaction?: object | undefined;
}

/** Where something is done: in an open transaction, or, unless told, by itself. */
export interface Within {
  /** A handle of it. */
  readonly transaction?: object | undefined;
}

/** The dialects of SQL that are written here. */
export type SqlDialect = "sqlite" | "postgres" | "mysql";

/** SQL through the user's own connection. */
export interface OrmSql {
  /** Which SQL the database understands. */
  readonly dialect: SqlDialect;
  /**
   * Runs one statement with `?` (PostgreSQL: `$1`) in the places of the parameters, which are texts, numbers and
   * null.
   *
   * @returns the rows that it gives, by column
   */
  query(
    text: string,
    parameters: readonly (string | number | null)[],
    within?: Within,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/**
 * An ORM's connection with named models.
 *
 * `Rows` maps each name to its row type, `Recognised` are those of them that travel as references by themselves; they
 * exist for the compiler alone.
 */
export interface OrmAdapter<Rows extends object = object, Recognised = unknown> {
  /** The ORM's name, for messages. */
  readonly name: string;
  /**
   * The connection's name, where an app has several with the same models: it travels in references. Undefined for
   * the one that is meant unless told.
   */
  readonly connection?: string;
  /** What it can do, and what not. */
  readonly capabilities: OrmCapabilities;
  /** What it was made with: the handle of the database itself. */
  readonly database: object;
  /** The models that it knows, in no order. */
  readonly models: readonly ModelDescription[];
  /** For the compiler alone; never there. */
  readonly rows?: Rows;
  /** For the compiler alone; never there. */
  readonly recognised?: Recognised;

  /**
   * The rows with these keys, each at most once, in any order; those that are not there are left out.
   * One query (with relations: as many as the ORM needs), or a few where the database limits its length. Rejects
   * when the database cannot be asked: that is never the same as a missing row.
   *
   * @throws PetioleError `ERR_MODEL_DEFINITION` when `with` names what is no relation
   */
  load(model: string, keys: readonly Key[], options?: LoadOptions): Promise<readonly object[]>;

  /** A row's key; undefined when the row has none yet. */
  keyOf(model: string, row: object): Key | undefined;

  /**
   * The columns that a row has, by attribute, its key's among them, as they are in memory: never through a `toJSON`.
   * What was not loaded is left out; so are virtual columns and relations, but the foreign key of a relation is
   * there, loaded or not, by the attribute under which `entityOf` and `save` take it. Columns that the model hides
   * from its JSON are left out.
   */
  fieldsOf(model: string, row: object): Record<string, unknown>;

  /** The model of a row that knows its own; always undefined where rows are plain objects. */
  modelOf(row: object): string | undefined;

  /**
   * A row in memory with these fields, its key's among them: an instance where the ORM has classes, which the ORM
   * does not track, and whose columns have the values that were given.
   */
  entityOf(model: string, fields: Readonly<Record<string, unknown>>): object;

  /**
   * Writes a row with these fields, its key's among them: inserts it, or, where there is one with its key, updates
   * it. What is not among the fields is left as it is. Versions are not compared.
   */
  save(model: string, fields: Readonly<Record<string, unknown>>, within?: Within): Promise<void>;

  /** Whether this is the handle, or a transaction, of this adapter's connection. */
  owns(handle: unknown): boolean;

  /**
   * What stands for the transaction that a handle is of: an object of the adapter's own for each transaction and each
   * savepoint. Undefined for the database itself, and for transactions that the adapter did not see begin.
   */
  transactionOf(handle: object): object | undefined;

  /** Whether a handle that {@link owns} is true of is of a transaction, seen or not, and not the database. */
  isTransaction(handle: object): boolean;

  /**
   * Runs `run` in a transaction of `handle`, commits when it resolves and rolls back when it rejects. A
   * `handle` that is a transaction gets a savepoint. The observers are told, and `run` is called inside.
   */
  transaction<Result>(handle: unknown, run: (transaction: unknown) => Promise<Result>): Promise<Result>;

  /**
   * Tells of transactions and of saved rows from now on. An ORM that cannot is told by what its capabilities lack.
   *
   * @returns the function that ends it
   */
  observe(observer: OrmObserver): () => void;

  /** Undefined where `lacks.sql` says why. */
  readonly sql?: OrmSql;
}

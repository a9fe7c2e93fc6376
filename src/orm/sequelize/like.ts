/**
 * What is used of Sequelize beyond what its users need to give: the parts that its types show differently or not at
 * all, as its version 6 has them.
 *
 * @module
 */

/** A Sequelize instance. */
export interface Connection {
  readonly options: {
    readonly minifyAliases?: boolean;
    readonly replication?: object | false;
    readonly pool?: { readonly max?: number };
  };
  getDialect(): string;
  getQueryInterface(): QueryInterface;
  query(text: string, options: object): Promise<unknown>;
  transaction: TransactionFunction;
  addHook(event: string, hook: Hook): unknown;
  removeHook(event: string, hook: Hook): unknown;
}

/** `sequelize.transaction`, with all its overloads. */
export type TransactionFunction = (...parameters: unknown[]) => Promise<unknown>;

/** A hook is called on the model class. */
export type Hook = (this: Model, ...parameters: never[]) => Promise<void>;

/** What the models' own writes go through. */
export interface QueryInterface {
  upsert(
    table: unknown,
    insertValues: object,
    updateValues: object,
    where: object,
    options: object,
  ): Promise<unknown>;
  bulkUpdate(
    table: unknown,
    values: object,
    where: object,
    options: object,
    attributes: object,
  ): Promise<unknown>;
}

/** A transaction, or a savepoint in its parent. */
export interface Transaction {
  readonly sequelize: object;
  readonly parent?: Transaction;
  /** The savepoints in it: a new one is named by how many there are. */
  savepoints?: object[];
  /** A savepoint's name in the database, until one in it begins or ends: then that one's. */
  name?: string;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Called after a commit that succeeded, and after a rollback: gives the connection back. */
  cleanup(): void;
  /** Called after one that failed: closes the connection. */
  forceCleanup(): Promise<void>;
  /** On SQLite, what the package `sqlite3` gave. */
  readonly connection?: { run?(sql: string, done: () => void): unknown };
}

/** A model class. */
export interface Model {
  readonly name: string;
  readonly sequelize?: Connection;
  readonly tableName: string;
  readonly primaryKeyAttributes: readonly string[];
  readonly autoIncrementAttribute?: string | null;
  /** All attributes, those that are no columns too. */
  readonly rawAttributes: Readonly<Record<string, Attribute>>;
  /** Those that are columns. */
  readonly tableAttributes: Readonly<Record<string, Attribute>>;
  readonly associations: Readonly<Record<string, Association>>;
  readonly _schema?: string | null;
  readonly _schemaDelimiter?: string;
  /** The default scope, on the class itself. */
  readonly _scope?: { readonly where?: unknown };
  readonly _versionAttribute?: string;
  readonly _timestampAttributes: { readonly createdAt?: string; readonly updatedAt?: string };
  getTableName(): unknown;
  unscoped(): Model;
  findAll(options: object): Promise<readonly Instance[]>;
  build(values: object, options: object): Instance;
}

/** An instance of a model class. */
export interface Instance {
  /** What the columns hold, without getters. */
  readonly dataValues: Record<string, unknown>;
  /** Whether it was built, and is not saved yet. */
  readonly isNewRecord?: boolean;
}

/** An attribute of a model. */
export interface Attribute {
  readonly type: AttributeType;
  /** The column. */
  readonly field?: string;
  readonly values?: readonly string[];
}

/** A data type. */
export interface AttributeType {
  /** `INTEGER`, `STRING`, … */
  readonly key?: string;
  readonly values?: readonly string[];
  /** Of a `DATE`, how many digits its seconds have after the point. */
  readonly _length?: number | string;
  readonly _binary?: boolean;
}

/** A relation. */
export interface Association {
  readonly associationType: string;
  readonly target: Model;
}

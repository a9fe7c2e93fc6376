/**
 * What the compiler reads from a Kysely instance: its tables, and the rows of each.
 *
 * A `Kysely<Database>` shows its `Database` nowhere by itself. Its `selectFrom`, asked for every table at once, gives
 * one query builder for each: what a builder may lock is its table's name, and what it selects is the table's row.
 *
 * @module
 */

/** What is used of a Kysely instance, or of one of its transactions. */
export interface KyselyDatabaseLike {
  selectFrom(table: never): unknown;
  updateTable(table: never): unknown;
  insertInto(table: never): unknown;
  withoutPlugins(): unknown;
  executeQuery(query: never): Promise<{ readonly rows: readonly unknown[] }>;
  getExecutor(): { readonly adapter: object };
  readonly isTransaction: boolean;
}

/** A table, and what identifies its rows. Kysely's types know the columns; at run time it knows none of them. */
export interface KyselyStatedModel<Table extends string = string, Column extends string = string> {
  readonly table: Table;
  /** The columns of its primary key, or of another unique one. */
  readonly key: readonly Column[];
  /** All columns of a row. Unless told, everything that a row has in memory is taken to be one. */
  readonly columns?: readonly Column[];
  /** The column whose value changes with every update; on PostgreSQL, `"xmin"` is there without being a column. */
  readonly version?: Column | "xmin";
}

/** Name to table: of those that the database has. */
export interface KyselyModels<Database> {
  readonly [name: string]: ModelIn<Database>;
}

/** The row type of each model, by its name. */
export type KyselyRows<Database, Models extends KyselyModels<Database>> = {
  -readonly [Name in keyof Models]: KyselyRow<Database, Models[Name]["table"]>;
};

/** What a select of all columns of a table gives: Kysely's `Selectable<Database[Table]>`. */
export type KyselyRow<Database, Table> =
  string extends TableIn<Database> ? Record<string, unknown> : Shown<BuilderOf<BuilderIn<Database>, Table>>;

/** One kind of model for each table, so that the compiler checks a model's columns against its own table. */
type ModelIn<Database> =
  string extends TableIn<Database>
    ? KyselyStatedModel
    : {
        [Table in TableIn<Database>]: KyselyStatedModel<Table, keyof KyselyRow<Database, Table> & string>;
      }[TableIn<Database>];

type TableIn<Database> = Database extends { insertInto(table: infer Table): unknown }
  ? Table & string
  : string;

/** The builders of all tables, as a union. */
type BuilderIn<Database> = Database extends { selectFrom(table: never): infer Builder } ? Builder : never;

/** Those of one table. */
type BuilderOf<Builder, Table> = Builder extends unknown
  ? [Table] extends [NameOf<Builder>]
    ? Builder
    : never
  : never;

/** Asked for each builder once. `selectFrom("comments as c")` is among them, and has any name: it is no table's. */
type NameOf<Builder> = Builder extends { forUpdate(of?: infer Of): unknown }
  ? string extends Of & string
    ? never
    : Of & string
  : never;

type Shown<Builder> = Builder extends { selectAll(): { execute(): Promise<readonly (infer Row)[]> } }
  ? { [Column in keyof Row as [Row[Column]] extends [never] ? never : Column]: Row[Column] }
  : object;

/**
 * What a Drizzle table says about itself, its primary key above all, read without importing Drizzle.
 *
 * @module
 */
import type { PetioleError } from "../../errors.ts";
import { invalidModel } from "../../model/adapter-errors.ts";

// Drizzle registers these globally, so that several copies of it understand each other's tables.
const columnsSymbol = Symbol.for("drizzle:Columns");
const extraConfigColumnsSymbol = Symbol.for("drizzle:ExtraConfigColumns");
const extraConfigBuilderSymbol = Symbol.for("drizzle:ExtraConfigBuilder");
const entityKindSymbol = Symbol.for("drizzle:entityKind");
const nameSymbol = Symbol.for("drizzle:Name");
const schemaSymbol = Symbol.for("drizzle:Schema");

/** A Drizzle column, as far as a key needs it. */
export interface ColumnLike {
  /** The column's name in the database. */
  readonly name: string;
  readonly primary: boolean;
  /** `number`, `string`, `bigint`, `date`, …; from Drizzle 1.0 with a detail after it: `number int53`. */
  readonly dataType: string;
  /** `PgInteger`, `SQLiteText`, … */
  readonly columnType: string;
  readonly enumValues?: readonly string[] | undefined;
  /** Set where the database computes the value. */
  readonly generated?: object | undefined;
  readonly generatedIdentity?: { readonly type?: string } | undefined;
  /** Whether `name` is only the property's, which the database's casing is yet to be applied to. */
  readonly keyAsName?: boolean;
}

/** One column of a model's key. */
export interface KeyColumn {
  /** The property's name in TypeScript, which may not be the column's in the database. */
  readonly attribute: string;
  readonly column: ColumnLike;
}

/** The columns of a table by attribute; undefined when it is no table. */
export function columnsOf(table: object): Readonly<Record<string, ColumnLike>> | undefined {
  return property<Record<string, ColumnLike>>(table, columnsSymbol);
}

/** The name of a table in the database, and its schema where it states one. */
export function nameOf(table: object): { readonly name: string; readonly schema?: string } {
  const schema = property<string>(table, schemaSymbol);
  return { name: property<string>(table, nameSymbol) ?? "", ...(schema === undefined ? {} : { schema }) };
}

/**
 * The primary key of a table, or the key that the app stated.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when there is none, or one that a reference cannot carry.
 */
export function keyColumnsOf(
  name: string,
  table: object,
  columns: Readonly<Record<string, ColumnLike>>,
  stated: readonly string[] | undefined,
): readonly [KeyColumn, ...KeyColumn[]] {
  const attributes = stated ?? primaryKeyOf(table, columns);
  const [first, ...others] = attributes.map((attribute) => {
    const column = Object.hasOwn(columns, attribute) ? columns[attribute] : undefined;
    if (column === undefined)
      throw invalid(name, `its key names ${JSON.stringify(attribute)}, and the table has no such column`);
    refuseType(name, attribute, column);
    return { attribute, column };
  });
  if (first === undefined) {
    throw invalid(
      name,
      'the table has no primary key. Give it one, or state which columns identify a row: { table, key: ["a", "b"] }',
    );
  }
  return [first, ...others];
}

/** The kind of value that a column holds: `number`, `string`, `bigint`, `custom`, … */
export function kindOf(column: ColumnLike): string {
  return column.dataType.split(" ", 1)[0] ?? "";
}

/** The kind that Drizzle marks an object's class with, `PgDialect`; it survives minifying, class names do not. */
export function entityKindOf(entity: unknown): string {
  const kind =
    typeof entity === "object" && entity !== null
      ? property<unknown>(entity.constructor, entityKindSymbol)
      : undefined;
  return typeof kind === "string" ? kind : "";
}

/** A property that Drizzle's types do not show. */
export function property<Value>(owner: object, name: string | symbol): Value | undefined {
  return Reflect.get(owner, name) as Value | undefined;
}

function primaryKeyOf(table: object, columns: Readonly<Record<string, ColumnLike>>): readonly string[] {
  const single = Object.keys(columns).filter((attribute) => columns[attribute]?.primary === true);
  if (single.length > 0) return single;

  // A key of several columns stands in the table's third argument, and only running that tells. This is what
  // Drizzle's getTableConfig does, which would have to be imported from the right dialect.
  const build = property<(self: unknown) => unknown>(table, extraConfigBuilderSymbol);
  if (build === undefined) return [];
  const extra = build(property(table, extraConfigColumnsSymbol) ?? columns);
  const entries: unknown[] = Array.isArray(extra) ? extra.flat() : Object.values(extra ?? {});
  const primaryKey = entries.find((entry) => entityKindOf(entry).endsWith("PrimaryKeyBuilder"));
  const members =
    typeof primaryKey === "object" && primaryKey !== null
      ? property<ColumnLike[]>(primaryKey, "columns")
      : [];
  // By the database's name: in that argument PostgreSQL tables show other column objects than their own.
  return (members ?? []).map(
    (member) =>
      Object.keys(columns).find((attribute) => columns[attribute]?.name === member.name) ?? member.name,
  );
}

function refuseType(name: string, attribute: string, column: ColumnLike): void {
  // Drizzle reads MySQL's bytes as a text, in which those of a UUID cannot be told any more.
  const isBytes = /^MySqlVarBinary$|^MySqlBinary$/.test(column.columnType);
  if (!isBytes && ["string", "number", "bigint", "custom"].includes(kindOf(column))) return;
  throw invalid(
    name,
    `its key ${JSON.stringify(attribute)} is a ${column.columnType} (${isBytes ? "bytes" : kindOf(column)}). A ` +
      "reference's key is made of strings, integers and bigints: choose such a mode for the column (for bytes, a " +
      "customType that makes a text of them), or state another unique key: { table, key: […] }",
  );
}

/** What is wrong with a model. */
export function invalid(name: string, reason: string): PetioleError {
  return invalidModel("drizzle", name, reason);
}

/**
 * Selecting the rows of many keys.
 *
 * @module
 */
import type { SqlDialect } from "../../model/adapter.ts";
import { anyOf, chunked, keysInStatement, partOf } from "../../model/key-chunks.ts";
import { impossible, integerIn, isIntegerOf, isPostgresText, isUuid } from "../../model/key-part.ts";
import type { Key, KeyPart } from "../../model/ref.ts";
import type { ColumnType } from "./column.ts";
import type { Select } from "./database.ts";

/** One column of a model's key. */
export interface KeyColumn {
  readonly attribute: string;
  /** Undefined where the database did not say. */
  readonly type?: ColumnType | undefined;
}

/** A key in the values that the driver takes: of one column its value, of several a list of theirs. Never undefined. */
export type BoundKey = unknown;

/** Keys as the driver takes them for their columns; undefined for one that the columns cannot hold. */
export function bindKeys(
  dialect: SqlDialect,
  columns: readonly KeyColumn[],
  keys: readonly Key[],
): readonly (BoundKey | undefined)[] {
  const parts = columns.map(({ attribute, type }) => ({ attribute, bind: binders[dialect](type) }));
  const bindPart = (key: Key, { attribute, bind }: (typeof parts)[number]): unknown => {
    const part = partOf(key, attribute);
    return part === undefined ? undefined : bind(part);
  };
  const [only, ...others] = parts;
  if (only && others.length === 0) return keys.map((key) => bindPart(key, only));
  return keys.map((key) => {
    const bound: unknown[] = [];
    for (const each of parts) {
      const value = bindPart(key, each);
      if (value === undefined) return undefined;
      bound.push(value);
    }
    return bound;
  });
}

/** The same query once for each so many keys as fit into one statement. */
export function selectKeys(
  query: Select,
  dialect: SqlDialect,
  attributes: readonly string[],
  keys: readonly BoundKey[],
): readonly Select[] {
  const [first, ...others] = attributes;
  if (first === undefined) return [];
  const size = keysInStatement(attributes.length);
  if (others.length === 0 && dialect === "postgres") {
    // One parameter, whatever their number: neither Kysely nor PostgreSQL has a list to write and to read.
    return chunked(keys, size).map((chunk) =>
      query.where((builder) => builder(first, "=", builder.fn("any", [builder.val(chunk)]))),
    );
  }
  if (others.length === 0) return chunked(keys, size).map((chunk) => query.where(first, "in", chunk));
  return chunked(keys as readonly (readonly unknown[])[], size).map((chunk) =>
    query.where((builder) => {
      const each = chunk.map((key) =>
        builder.and(attributes.map((attribute, index) => builder(attribute, "=", key[index]))),
      );
      return anyOf(each, (some) => builder.or(some));
    }),
  );
}

/** What makes a part of a key what the driver takes for its column, or undefined. */
type Binder = (part: KeyPart) => unknown;

const binders: Readonly<Record<SqlDialect, (type: ColumnType | undefined) => Binder>> = {
  postgres: postgresBinder,
  sqlite: sqliteBinder,
  mysql: () => (part) => part,
};

const integerBits: Readonly<Record<string, number>> = { int2: 16, int4: 32, int8: 64 };

/** PostgreSQL reads a text as a value of the column's type, and fails the statement when it cannot. */
function postgresBinder(type: ColumnType | undefined): Binder {
  const bits = integerBits[type?.type ?? ""];
  if (bits !== undefined) return (part) => (isInteger(part, bits) ? part : undefined);
  return (part) => {
    const text = String(part);
    if (!isPostgresText(text)) return undefined;
    return type === undefined || canBe(type, text) ? text : undefined;
  };
}

function canBe({ type, labels }: ColumnType, text: string): boolean {
  if (["numeric", "float4", "float8"].includes(type)) return /^-?\d{1,38}(\.\d{1,38})?$/.test(text);
  if (type === "uuid") return isUuid(text);
  return labels?.includes(text) ?? true;
}

/** SQLite fails for no value. But drivers send a number as a real, and no text equals `1.0`. */
function sqliteBinder(type: ColumnType | undefined): Binder {
  const declared = type?.type ?? "";
  if (/char|clob|text/.test(declared) && !declared.includes("int")) return String;
  // What a column without a type holds is compared as what it is.
  const isUntyped = ["", "any", "blob"].includes(declared);
  return (part) => {
    if (!isInteger(part, 64)) return String(part);
    if (isUntyped || typeof part === "number") return part;
    return Number.isSafeInteger(Number(part)) ? Number(part) : BigInt(part);
  };
}

function isInteger(part: KeyPart, bits: number): boolean {
  return isIntegerOf(bits, part) || integerIn(bits, part) !== impossible;
}

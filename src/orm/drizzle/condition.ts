/**
 * `where` conditions for many keys, with the operators of the user's own Drizzle.
 *
 * @module
 */
import type { Key, KeyPart } from "../../model/ref.ts";
import type { DrizzleOperators } from "./operators.ts";
import { type ColumnLike, type KeyColumn, kindOf } from "./table.ts";

/** The operators as they are called here: the columns that they are for are known at run time only. */
interface Operators {
  inArray(column: unknown, values: readonly unknown[]): unknown;
  eq(column: unknown, value: unknown): unknown;
  and(...conditions: readonly unknown[]): unknown;
  or(...conditions: readonly unknown[]): unknown;
}

/** SQLite takes 32,766 variables in a statement and PostgreSQL 65,535. */
const maxVariables = 10_000;
/** Measured on SQLite: 25,000 pairs take twice as long in statements of 5,000 pairs as in those of 1,000. */
const maxCompositeKeys = 1_000;

/** Conditions that together select the rows with these keys; each fits into one statement. */
export function conditionsFor(
  operators: DrizzleOperators,
  key: readonly [KeyColumn, ...KeyColumn[]],
  keys: readonly Key[],
): readonly unknown[] {
  const { inArray, eq, and, or } = operators as unknown as Operators;
  const [first, ...others] = key;
  if (others.length === 0) {
    const values = keys.map((each) => bindable(first.column, partOf(each, first))).filter(isPossible);
    return chunked(values, maxVariables).map((chunk) => inArray(first.column, chunk));
  }
  const rows = keys
    .map((each) =>
      key.map((part) => ({ column: part.column, value: bindable(part.column, partOf(each, part)) })),
    )
    .filter((row) => row.every(({ value }) => isPossible(value)));
  const size = Math.min(maxCompositeKeys, Math.floor(maxVariables / key.length));
  return chunked(rows, size).map((chunk) =>
    anyOf(
      or,
      chunk.map((row) => and(...row.map(({ column, value }) => eq(column, value)))),
    ),
  );
}

/** `or` as a balanced tree: SQLite refuses expressions that are more than 1,000 levels deep. */
function anyOf(or: Operators["or"], conditions: readonly unknown[]): unknown {
  if (conditions.length <= 2) return or(...conditions);
  const middle = conditions.length >> 1;
  return or(anyOf(or, conditions.slice(0, middle)), anyOf(or, conditions.slice(middle)));
}

/** Stands for a key that no row of the table can have. */
const impossible = Symbol("impossible");

function isPossible(value: unknown): boolean {
  return value !== impossible;
}

function partOf(key: Key, { attribute }: KeyColumn): KeyPart | undefined {
  return typeof key === "object" ? key[attribute] : key;
}

/** The width of the columns where a value out of range is an error instead of a row that is not there. */
const integerBits: Readonly<Record<string, number>> = {
  SQLiteInteger: 64,
  PgSmallInt: 16,
  PgSmallSerial: 16,
  PgInteger: 32,
  PgSerial: 32,
  PgBigInt53: 64,
  PgBigInt64: 64,
  PgBigSerial53: 64,
  PgBigSerial64: 64,
};

/**
 * A part of a key in the type that the column's driver wants; {@link impossible} when the column cannot hold it.
 *
 * One key of a wrong kind (`"abc"` for an integer, from a sender in another language) would otherwise fail the
 * statement and with it every other row of the load, again at each attempt.
 */
function bindable(column: ColumnLike, part: KeyPart | undefined): unknown {
  if (part === undefined) return impossible;
  const kind = kindOf(column);
  const bits = integerBits[column.columnType];
  if (bits !== undefined || kind === "bigint") {
    const text = String(part);
    if (!/^-?\d{1,40}$/.test(text)) return impossible;
    const integer = BigInt(text);
    if (bits !== undefined && BigInt.asIntN(bits, integer) !== integer) return impossible;
    // A number where it is exact: that is what a column of kind `number` maps, and bigint where it is not.
    return kind === "number" && Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
  }
  if (kind === "number") return typeof part === "string" && !isNumeric(part) ? impossible : Number(part);
  if (kind !== "string") return part;
  const text = String(part);
  if (column.columnType === "PgUUID") return /^\{?(?:[0-9a-f]{4}-?){8}\}?$/i.test(text) ? text : impossible;
  if (column.columnType === "PgEnumColumn" && column.enumValues?.includes(text) === false) return impossible;
  // PostgreSQL cannot hold this character at all, and says so with an error.
  return column.columnType.startsWith("Pg") && text.includes("\0") ? impossible : text;
}

function isNumeric(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}

function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const chunks: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}

/**
 * The values of keys in the types that the columns' drivers want.
 *
 * @module
 */
import { impossible, integerIn, isNumeric, isPostgresText, isUuid, numberIn } from "../../model/key-part.ts";
import type { KeyPart } from "../../model/ref.ts";
import { type ColumnLike, kindOf } from "./table.ts";

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

/** Of bigints in columns that are no integers of the database's: more digits than are read. */
const anyWidth = 140;

const date = String.raw`\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])`;
const time = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?`;
const offset = String.raw`(?:Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)?`;

/** How a text must look for PostgreSQL to read it as one of its types: at another it fails the statement. */
const readable: Readonly<Record<string, RegExp>> = {
  PgNumeric: /^[+-]?(?:\d+\.?\d*|\.\d+)$/,
  PgDateString: new RegExp(`^${date}$`),
  PgTime: new RegExp(`^${time}${offset}$`),
  PgTimestampString: new RegExp(`^${date}[T ]${time}${offset}$`),
};

/**
 * A part of a key in the type that the column's driver wants; {@link impossible} when the column cannot hold it.
 */
export function bindable(column: ColumnLike, part: KeyPart | undefined): unknown {
  if (part === undefined) return impossible;
  const kind = kindOf(column);
  const bits = integerBits[column.columnType];
  if (bits !== undefined || kind === "bigint") {
    // A column of kind `number` maps numbers.
    return kind === "number" ? numberIn(bits ?? anyWidth, part) : integerIn(bits ?? anyWidth, part);
  }
  if (kind === "number") return typeof part === "string" && !isNumeric(part) ? impossible : Number(part);
  if (kind !== "string") return part;
  const text = String(part);
  // Drivers would write another character in the place of half a pair.
  if (!text.isWellFormed()) return impossible;
  if (!column.columnType.startsWith("Pg")) return text;
  return isReadable(column, text) ? text : impossible;
}

function isReadable({ columnType, enumValues }: ColumnLike, text: string): boolean {
  if (!isPostgresText(text)) return false;
  if (columnType === "PgUUID") return isUuid(text);
  if (columnType.startsWith("PgEnum")) return enumValues?.includes(text) !== false;
  if (readable[columnType]?.test(text) === false) return false;
  const day = /^Pg(?:Date|Timestamp)String$/.test(columnType) ? text.slice(0, 10) : undefined;
  // The 31st of February reads as a day of March.
  return day === undefined || new Date(`${day}T00:00:00Z`).getUTCDate() === Number(day.slice(8));
}

/**
 * The parts of keys in the types that the database's columns want, and which of them no row can have.
 *
 * @module
 */
import { impossible, isPostgresText, isUuid, numberIn } from "../../model/key-part.ts";
import type { KeyPart } from "../../model/ref.ts";
import type { ColumnMetadataLike, DriverLike } from "./like.ts";

/** What a column of a key holds. */
export interface KeyKind {
  readonly column: ColumnMetadataLike;
  readonly holds: "integer" | "number" | "uuid" | "text";
  /** The width of an integer, where one that is out of range is an error instead of a row that is not there. */
  readonly bits: number;
}

const integerBits: Readonly<Record<string, number>> = {
  smallint: 16,
  int2: 16,
  smallserial: 16,
  serial2: 16,
  integer: 32,
  int: 32,
  int4: 32,
  serial: 32,
  serial4: 32,
  bigint: 64,
  int8: 64,
  bigserial: 64,
  serial8: 64,
  tinyint: 64,
  mediumint: 64,
  "unsigned big int": 64,
};
const numbers: ReadonlySet<string> = new Set([
  "numeric",
  "decimal",
  "dec",
  "fixed",
  "number",
  "real",
  "double",
  "double precision",
  "float",
  "float4",
  "float8",
]);
/** What JavaScript has no string, integer or bigint for. */
const refused =
  /^(?:bool|date|time|year|interval|blob|bytea|binary|varbinary|bit|json|hstore|simple-array|simple-json)/;

/** What a column of a key holds; undefined when a reference cannot hold that. */
export function keyKindOf(column: ColumnMetadataLike, driver: DriverLike): KeyKind | undefined {
  const type = driver.normalizeType(column as never).toLowerCase();
  // In memory such a column may be anything: the key's own check tells.
  if (refused.test(type) && column.transformer === undefined) return undefined;
  const bits = integerBits[type] ?? 0;
  if (bits > 0) return { column, holds: "integer", bits: isPostgres(driver) ? bits : 64 };
  if (numbers.has(type)) return { column, holds: "number", bits: 0 };
  return { column, holds: type === "uuid" && isPostgres(driver) ? "uuid" : "text", bits: 0 };
}

/** A part of a key as the driver wants it; {@link impossible} when no row can have it. */
export function bindable(kind: KeyKind, driver: DriverLike, part: KeyPart | undefined): unknown {
  if (part === undefined) return impossible;
  if (kind.column.transformer === undefined) return checked(kind, driver, part);
  try {
    const stored = driver.preparePersistentValue(part, kind.column as never);
    const isPart = typeof stored === "string" || typeof stored === "number" || typeof stored === "bigint";
    return isPart ? checked(kind, driver, stored) : (stored ?? impossible);
  } catch {
    // The user's own function, which has never seen such a value in a row.
    return impossible;
  }
}

function checked({ holds, bits, column }: KeyKind, driver: DriverLike, part: KeyPart): unknown {
  if (holds === "integer") return numberIn(bits, part);
  const text = String(part);
  if (holds === "number") return /^[+-]?\d*\.?\d+(?:e[+-]?\d{1,3})?$/i.test(text) ? text : impossible;
  if (holds === "uuid") return isUuid(text) ? text : impossible;
  // Half of a character: drivers write another one in its place.
  if (!text.isWellFormed()) return impossible;
  if (!isPostgres(driver)) return text;
  if (column.enum?.some((value) => String(value) === text) === false) return impossible;
  return isPostgresText(text) ? text : impossible;
}

/** Whether a driver speaks to PostgreSQL, or to what is like it. */
export function isPostgres(driver: DriverLike): boolean {
  return ["postgres", "cockroachdb", "aurora-postgres"].includes(driver.options.type);
}

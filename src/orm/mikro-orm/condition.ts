/**
 * `where` conditions for many keys.
 *
 * MikroORM writes the values of a condition into the statement's text, so it is the length of that text which limits
 * how many fit.
 *
 * @module
 */
import type { SqlDialect } from "../../model/adapter.ts";
import { partOf } from "../../model/key-chunks.ts";
import { impossible, integerIn, isNumeric, isPostgresText, isUuid, numberIn } from "../../model/key-part.ts";
import type { Key, KeyPart } from "../../model/ref.ts";
import type { KeyProperty } from "./model.ts";
import type { PropertyLike } from "./types.ts";

/** Measured on SQLite and PostgreSQL: longer lists are not faster. */
const maxKeys = 5_000;
/** SQLite refuses a list of 1,000 `or`s: it takes them for an expression as deep. */
const maxCompositeKeys = 500;
/** SQLite refuses statements of more than 1,000,000 bytes; a character takes up to three. */
const maxCharacters = 250_000;

/** Conditions that together select the rows with these keys; each fits into one statement. */
export function conditionsFor(
  dialect: SqlDialect | undefined,
  key: readonly KeyProperty[],
  keys: readonly Key[],
): readonly object[] {
  const columns = key.map((each) => ({ ...each, bits: integerBits(dialect, each.property) }));
  const rows = keys
    .map((each) =>
      columns.map(({ attribute, property, bits }) => [
        attribute,
        bindable(dialect, property, bits, partOf(each, attribute)),
      ]),
    )
    .filter((row) => row.every(([, value]) => value !== impossible));
  const [only, ...others] = key;
  if (only !== undefined && others.length === 0) {
    const values = rows.map(([part]) => part?.[1]);
    return chunked(values, maxKeys).map((chunk) => ({ [only.attribute]: { $in: chunk } }));
  }
  const conditions = rows.map((row) => Object.fromEntries(row) as object);
  return chunked(conditions, maxCompositeKeys).map((chunk) => ({ $or: chunk }));
}

/** A part of a key in the type that the property wants; {@link impossible} when the column cannot hold it. */
function bindable(
  dialect: SqlDialect | undefined,
  property: PropertyLike,
  bits: number | undefined,
  part: KeyPart | undefined,
): unknown {
  if (part === undefined) return impossible;
  if (bits !== undefined) {
    return property.runtimeType === "number" ? numberIn(bits, part) : integerIn(bits, part);
  }
  const column = columnOf(property);
  if (property.runtimeType === "number" || /^(?:numeric|decimal|real|double|float)/.test(column)) {
    if (typeof part === "string" && !isNumeric(part)) return impossible;
    return property.runtimeType === "number" ? Number(part) : String(part);
  }
  if (property.runtimeType !== "string") return part;
  const text = String(part);
  // On SQLite as well: it ends up in the statement's own text, which the character 0 would end.
  if (!isPostgresText(text)) return impossible;
  if (dialect !== "postgres") return text;
  if (column === "uuid") return isUuid(text) ? text : impossible;
  const isOther = property.nativeEnumName !== undefined && property.items?.includes(text) === false;
  return isOther ? impossible : text;
}

/** The width of an integer column; undefined for another one. */
function integerBits(dialect: SqlDialect | undefined, property: PropertyLike): number | undefined {
  const column = columnOf(property);
  if (!/^(?:tiny|small|medium|big)?(?:int|integer|serial)\d?\b/.test(column))
    return property.runtimeType === "bigint" ? 64 : undefined;
  if (dialect === "sqlite" || /^(?:big|int8|serial8)/.test(column)) return 64;
  return /^(?:small|int2|serial2)/.test(column) ? 16 : 32;
}

function columnOf({ columnTypes }: PropertyLike): string {
  return (columnTypes?.[0] ?? "").toLowerCase();
}

function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const chunks: Item[][] = [];
  let [current, length]: [Item[], number] = [[], 0];
  for (const item of items) {
    const characters = charactersIn(item);
    if (current.length === size || length + characters > maxCharacters) [current, length] = [[], 0];
    if (current.length === 0) chunks.push(current);
    current.push(item);
    length += characters;
  }
  return chunks;
}

/** How long it is in a statement, with what stands around it; doubled quotes are reckoned with. */
function charactersIn(item: unknown): number {
  if (typeof item !== "object" || item === null) return 2 * String(item).length + 4;
  return Object.entries(item).reduce((sum, [name, value]) => sum + charactersIn(value) + name.length + 20, 4);
}

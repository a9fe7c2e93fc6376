/**
 * Values of columns: from a row to what travels, and back into a write.
 *
 * @module
 */
import type { PrismaModelInfo } from "./model.ts";
import { property } from "./client.ts";

/** The class of Prisma's decimals: `Prisma.Decimal`. */
export interface DecimalClassLike {
  new (text: string): object;
}

/** A decimal, as far as its digits are read. */
interface DecimalLike {
  toFixed(): string;
}

/**
 * What Prisma takes for a null in a JSON column, `Prisma.DbNull` and `Prisma.JsonNull`. It knows them by this symbol,
 * which it registers so that copies of its client understand each other.
 */
const [databaseNull, jsonNull] = ["DbNull", "JsonNull"].map((name) => ({
  [Symbol.for("prisma.objectEnumValue")]: true,
  _getName: () => name,
}));

/** The columns that a row has: decimals as their text, everything else as it is in memory. */
export function fieldsIn(model: PrismaModelInfo, row: object): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, { type }] of model.columns) {
    const value = property<unknown>(row, name);
    if (value === undefined) continue;
    fields[name] = type === "Decimal" ? mapped(value, textOfDecimal) : value;
  }
  return fields;
}

/** A row with these fields; decimals are made with the class, or stay texts where there is none. */
export function rowWith(
  model: PrismaModelInfo,
  fields: Readonly<Record<string, unknown>>,
  Decimal: DecimalClassLike | undefined,
): object {
  const row = { ...fields };
  if (Decimal === undefined) return row;
  for (const [name, { type }] of model.columns) {
    if (type === "Decimal" && Object.hasOwn(row, name)) {
      row[name] = mapped(row[name], (value) => (typeof value === "string" ? new Decimal(value) : value));
    }
  }
  return row;
}

/** The fields as a write takes them. What is no column of the model is left out. */
export function dataOf(
  model: PrismaModelInfo,
  fields: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const [name, { type, isOptional }] of model.columns) {
    const value = fields[name];
    if (value === undefined) continue;
    data[name] = type === "Json" && value === null ? (isOptional ? databaseNull : jsonNull) : value;
  }
  return data;
}

/** Lists of decimals are there as well. */
function mapped(value: unknown, map: (value: unknown) => unknown): unknown {
  return Array.isArray(value) ? value.map(map) : map(value);
}

function textOfDecimal(value: unknown): unknown {
  const isDecimal = typeof value === "object" && value !== null && "toFixed" in value;
  return isDecimal ? (value as DecimalLike).toFixed() : value;
}

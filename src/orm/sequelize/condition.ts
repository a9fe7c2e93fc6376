/**
 * `where` conditions for many keys.
 *
 * @module
 */
import { isIntegerOf } from "../../model/key.ts";
import type { Key, KeyPart } from "../../model/ref.ts";
import type { Attribute } from "./like.ts";
import { type SequelizeModel, isInteger } from "./model.ts";

// Sequelize's operators are registered globally, so that none of it has to be imported.
const or = Symbol.for("or");
const and = Symbol.for("and");
const isIn = Symbol.for("in");

/** Keys are written into the statement, which no database lets grow for ever. */
const maxKeys = 10_000;
const maxCompositeKeys = 1_000;

/** Conditions that together select the rows with these keys; each fits into one statement. */
export function conditionsFor(
  { target, key }: SequelizeModel,
  dialect: string,
  keys: Iterable<Key>,
): readonly object[] {
  const [first, ...others] = key;
  const columns = key.map((attribute) => [attribute, target.rawAttributes[attribute]] as const);
  const rows = [...keys]
    .map((each) =>
      columns.map(([attribute, column]) => {
        const part = typeof each === "object" ? each[attribute] : each;
        return [attribute, comparable(column, part, dialect)] as const;
      }),
    )
    .filter((row) => row.every(([, value]) => value !== impossible));
  if (others.length === 0) {
    return chunked(rows, maxKeys).map((chunk) => ({ [first]: { [isIn]: chunk.map((row) => row[0]?.[1]) } }));
  }
  return chunked(rows, maxCompositeKeys).map((chunk) => anyOf(chunk.map((row) => Object.fromEntries(row))));
}

/** The condition, and that of the model's default scope, which Sequelize would replace where both name an attribute. */
export function withDefaultScope({ target }: SequelizeModel, condition: object): object {
  const scope = target._scope?.where;
  return { [and]: scope === undefined ? [condition] : [condition, scope] };
}

/** `or` as a balanced tree: SQLite refuses expressions that are more than 1,000 levels deep. */
function anyOf(conditions: readonly object[]): object {
  if (conditions.length <= 2) return { [or]: conditions };
  const middle = conditions.length >> 1;
  return { [or]: [anyOf(conditions.slice(0, middle)), anyOf(conditions.slice(middle))] };
}

/** Stands for a key that no row of the table can have. */
const impossible = Symbol("impossible");

/**
 * A part of a key in the type that the column wants; {@link impossible} when the column cannot hold it.
 *
 * One key of a wrong kind (`"abc"` for an integer, from a sender in another language) would otherwise fail the
 * statement and with it every other row of the load, again at each attempt.
 */
function comparable(column: Attribute | undefined, part: KeyPart | undefined, dialect: string): unknown {
  if (part === undefined) return impossible;
  const text = String(part);
  const type = column?.type.key;
  if (isInteger(type)) return isIntegerOf(64, part) ? part : integer(text);
  if (type === "DECIMAL") return /^-?\d{1,1000}(?:\.\d{1,1000})?$/.test(text) ? text : impossible;
  if (type === "DATEONLY") return isDay(text) ? text : impossible;
  if (!isText(text, dialect)) return impossible;
  if (dialect !== "postgres") return text;
  if (type === "UUID") return /^\{?(?:[0-9a-f]{4}-?){8}\}?$/i.test(text) ? text : impossible;
  if (type === "ENUM")
    return (column?.values ?? column?.type.values)?.includes(text) === false ? impossible : text;
  return text;
}

function integer(text: string): unknown {
  if (!/^-?\d{1,20}$/.test(text)) return impossible;
  const value = BigInt(text);
  if (value < -(2n ** 63n) || value >= 2n ** 64n) return impossible;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** MySQL alone has a way to write the character 0; half a surrogate pair would be sent as another character. */
function isText(text: string, dialect: string): boolean {
  return text.isWellFormed() && (!text.includes("\0") || dialect === "mysql" || dialect === "mariadb");
}

function isDay(text: string): boolean {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(Number.NaN);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const chunks: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}

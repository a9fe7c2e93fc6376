/**
 * `where` conditions for many keys.
 *
 * @module
 */
import { anyOf, chunked, maxCompositeKeys, maxVariables, partOf } from "../../model/key-chunks.ts";
import { asNumber, impossible, isUuid, isIntegerOf } from "../../model/key-part.ts";
import type { Key, KeyPart } from "../../model/ref.ts";
import type { Attribute } from "./like.ts";
import { type SequelizeModel, isInteger } from "./model.ts";

// Sequelize's operators are registered globally, so that none of it has to be imported.
const or = Symbol.for("or");
const and = Symbol.for("and");
const isIn = Symbol.for("in");

/** Conditions that together select the rows with these keys; each fits into one statement. */
export function conditionsFor(
  { target, key }: SequelizeModel,
  dialect: string,
  keys: readonly Key[],
): readonly object[] {
  const columns = key.map((attribute) => [attribute, target.rawAttributes[attribute]] as const);
  const [only, ...others] = columns;
  if (only && others.length === 0) {
    const [attribute, column] = only;
    const values = keys
      .map((each) => comparable(column, partOf(each, attribute), dialect))
      .filter((value) => value !== impossible);
    return chunked(values, maxVariables).map((chunk) => ({ [attribute]: { [isIn]: chunk } }));
  }
  const rows = keys
    .map((each) =>
      columns.map(([attribute, column]) => {
        return [attribute, comparable(column, partOf(each, attribute), dialect)] as const;
      }),
    )
    .filter((row) => row.every(([, value]) => value !== impossible));
  return chunked(rows, maxCompositeKeys).map((chunk) =>
    anyOf<object>(
      chunk.map((row) => Object.fromEntries(row)),
      (some) => ({ [or]: some }),
    ),
  );
}

/** The condition, and that of the model's default scope, which Sequelize would replace where both name an attribute. */
export function withDefaultScope({ target }: SequelizeModel, condition: object): object {
  const scope = target._scope?.where;
  return scope === undefined ? condition : { [and]: [condition, scope] };
}

/** A part of a key in the type that the column wants; {@link impossible} when the column cannot hold it. */
function comparable(column: Attribute | undefined, part: KeyPart | undefined, dialect: string): unknown {
  if (part === undefined) return impossible;
  const text = String(part);
  const type = column?.type.key;
  if (isInteger(type)) return isIntegerOf(64, part) ? part : integer(text);
  if (type === "DECIMAL") return /^-?\d{1,1000}(?:\.\d{1,1000})?$/.test(text) ? text : impossible;
  if (type === "DATEONLY") return isDay(text) ? text : impossible;
  if (!isText(text, dialect)) return impossible;
  if (dialect !== "postgres") return text;
  if (type === "UUID") return isUuid(text) ? text : impossible;
  if (type === "ENUM")
    return (column?.values ?? column?.type.values)?.includes(text) === false ? impossible : text;
  return text;
}

function integer(text: string): unknown {
  if (!/^-?\d{1,20}$/.test(text)) return impossible;
  const value = BigInt(text);
  if (value < -(2n ** 63n) || value >= 2n ** 64n) return impossible;
  return asNumber(value);
}

/** MySQL alone has a way to write the character 0; half a surrogate pair would be sent as another character. */
function isText(text: string, dialect: string): boolean {
  return text.isWellFormed() && (!text.includes("\0") || dialect === "mysql" || dialect === "mariadb");
}

function isDay(text: string): boolean {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(Number.NaN);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

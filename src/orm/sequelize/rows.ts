/**
 * Reads and makes rows: instances, and the plain objects of `raw: true`, always without getters and setters.
 *
 * @module
 */
import { keyIn } from "../../model/key.ts";
import type { Key } from "../../model/ref.ts";
import type { Instance, Model } from "./like.ts";
import { hasWholeSeconds, type SequelizeModel } from "./model.ts";

/** The columns that a row has, by attribute. */
export function fieldsOf({ target }: SequelizeModel, row: object): Record<string, unknown> {
  const values = valuesOf(row);
  return Object.fromEntries(
    Object.keys(target.tableAttributes)
      .filter((attribute) => Object.hasOwn(values, attribute) && values[attribute] !== undefined)
      .map((attribute) => [attribute, stored(target, attribute, values[attribute])]),
  );
}

/** As the column holds it: an instance straight from `create` has the milliseconds that were not written. */
function stored(target: Model, attribute: string, value: unknown): unknown {
  if (!(value instanceof Date) || !hasWholeSeconds(target, attribute)) return value;
  return new Date(Math.floor(value.getTime() / 1000) * 1000);
}

/** A row's key; undefined when it has none yet. */
export function keyOf({ key }: SequelizeModel, row: object): Key | undefined {
  // Attributes may have defaults: an instance has such a key before it is in the database.
  const isUnsaved = isInstance(row) && row.isNewRecord === true;
  return isUnsaved ? undefined : keyIn(valuesOf(row), key);
}

/** An instance with exactly these values, which Sequelize takes for a stored row. */
export function entityOf({ target }: SequelizeModel, fields: Readonly<Record<string, unknown>>): Instance {
  return target.build(columnsOf(target, fields), { isNewRecord: false, raw: true });
}

/** Those of the fields that the model has columns for. */
export function columnsOf(target: Model, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([attribute, value]) => Object.hasOwn(target.tableAttributes, attribute) && value !== undefined,
    ),
  );
}

/** Whether a row has all of its model's columns. */
export function isWhole({ target }: SequelizeModel, row: object): boolean {
  const values = valuesOf(row);
  return Object.keys(target.tableAttributes).every((attribute) => values[attribute] !== undefined);
}

/** The model that a class stands for, itself or as one of its scopes. */
export function modelOfClass<Found>(byClass: ReadonlyMap<object, Found>, model: unknown): Found | undefined {
  // `Model.scope(…)` and `Model.unscoped()` make a class each, and rows that they find are instances of that. So does
  // `Model.schema(…)`, whose rows are in another table.
  for (let candidate: unknown = model; typeof candidate === "function";) {
    const found = byClass.get(candidate);
    if (found !== undefined || !Object.hasOwn(candidate, "scoped")) return found;
    candidate = Object.getPrototypeOf(candidate);
  }
  return undefined;
}

/** The class of a row; undefined for a plain object. */
export function classOf(row: object): unknown {
  return (Object.getPrototypeOf(row) as object | null)?.constructor;
}

function valuesOf(row: object): Readonly<Record<string, unknown>> {
  return isInstance(row) ? row.dataValues : (row as Record<string, unknown>);
}

function isInstance(row: object): row is Instance {
  const { dataValues } = row as Partial<Instance>;
  return typeof dataValues === "object" && dataValues !== null;
}

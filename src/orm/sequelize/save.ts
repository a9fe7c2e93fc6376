/**
 * Writes a row by its key, whether it is there or not.
 *
 * @module
 */
import type { Connection, Model } from "./like.ts";
import type { SequelizeModel } from "./model.ts";
import { columnsOf } from "./rows.ts";

/**
 * Inserts a row with these fields or updates the one with its key. `Model.upsert` would call setters, leave out what
 * equals a default, and set `updatedAt` anew.
 */
export async function upsert(
  sequelize: Connection,
  { target, key }: SequelizeModel,
  fields: Readonly<Record<string, unknown>>,
  transaction: object | null,
): Promise<void> {
  const given = columnsOf(target, fields);
  // What is not given, a new row gets from the model.
  const built = target.build({ ...given }, { isNewRecord: true, raw: true }).dataValues;
  const inserted = { ...timestamps(target), ...columnsOf(target, built), ...given };
  for (const attribute of target.primaryKeyAttributes) {
    if (inserted[attribute] === null) delete inserted[attribute];
  }
  const updated = Object.fromEntries(Object.entries(given).filter(([attribute]) => !key.includes(attribute)));
  const identity = Object.fromEntries(key.map((attribute) => [attribute, given[attribute]]));
  await sequelize
    .getQueryInterface()
    .upsert(target.getTableName(), byColumn(target, inserted), byColumn(target, updated), byColumn(target, identity), {
      model: target,
      transaction,
      conflictFields: Object.keys(byColumn(target, identity)),
    });
}

function timestamps(target: Model): Record<string, unknown> {
  const now = new Date();
  const { createdAt, updatedAt } = target._timestampAttributes;
  return Object.fromEntries([createdAt, updatedAt].filter(Boolean).map((attribute) => [attribute, now]));
}

/** By the column's name, in the kind that its type takes. */
function byColumn(target: Model, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([attribute, value]) => {
      const column = target.tableAttributes[attribute];
      // Sequelize takes bytes for a text unless they are a Buffer.
      const taken = value instanceof Uint8Array ? Buffer.from(value) : value;
      return [column?.field ?? attribute, taken];
    }),
  );
}

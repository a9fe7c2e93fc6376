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
  const identity = Object.fromEntries(key.map((attribute) => [attribute, given[attribute]]));
  const others = Object.fromEntries(Object.entries(given).filter(([attribute]) => !key.includes(attribute)));
  const table = target.getTableName();
  const updated = byColumn(target, others);
  const where = byColumn(target, identity);
  const isPartial = Object.keys(target.tableAttributes).some((attribute) => given[attribute] === undefined);
  // A database refuses an insert without a column that must be there before it looks whether the row is.
  if (isPartial && (await isThere(target, identity, transaction))) {
    if (Object.keys(updated).length === 0) return;
    const options = { model: target, transaction };
    await sequelize.getQueryInterface().bulkUpdate(table, updated, where, options, target.tableAttributes);
    return;
  }
  const inserted = byColumn(target, { ...defaultsOf(target, given), ...given });
  const options = { model: target, transaction, conflictFields: Object.keys(where) };
  await sequelize.getQueryInterface().upsert(table, inserted, updated, where, options);
}

async function isThere(target: Model, identity: object, transaction: object | null): Promise<boolean> {
  const found = await target.unscoped().findAll({
    where: identity,
    attributes: Object.keys(identity),
    paranoid: false,
    raw: true,
    rejectOnEmpty: false,
    useMaster: true,
    transaction,
  });
  return found.length > 0;
}

/** What a new row gets from the model where it is not given. */
function defaultsOf(target: Model, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { dataValues } = target.build({ ...given }, { isNewRecord: true, raw: true });
  const defaults = { ...timestamps(target), ...columnsOf(target, dataValues) };
  for (const attribute of target.primaryKeyAttributes) {
    if (defaults[attribute] === null) delete defaults[attribute];
  }
  return defaults;
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

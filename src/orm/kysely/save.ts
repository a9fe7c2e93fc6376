/**
 * Writing a row from its fields.
 *
 * @module
 */
import type { SqlDialect } from "../../model/adapter.ts";
import type { KeyPart } from "../../model/ref.ts";
import type { ColumnType } from "./column.ts";
import type { Database } from "./database.ts";
import type { Model } from "./model.ts";

type Values = Readonly<Record<string, unknown>>;

/**
 * Updates the row with the fields' key, or inserts one.
 *
 * Not in one statement: an insert of some of the columns fails where another must not be null, before the database
 * looks whether there is such a row.
 */
export async function saveRow(
  db: Database,
  dialect: SqlDialect,
  model: Model,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { table } = model;
  const { key } = model.description;
  const given = Object.keys(fields).filter((attribute) => fields[attribute] !== undefined);
  const known = await model.types(db);
  const types = model.typesOf(given, known);
  const written = given
    .filter((attribute) => types.get(attribute)?.isGenerated !== true)
    .map((attribute) => [attribute, columnValue(dialect, fields[attribute], types.get(attribute))] as const);
  const own = Object.fromEntries(key.map((attribute) => [attribute, fields[attribute] as KeyPart]));
  const all: Values = { ...Object.fromEntries(written), ...model.bindOwn(own, known) };
  const others: Values = Object.fromEntries(written.filter(([attribute]) => !key.includes(attribute)));
  const hasOthers = Object.keys(others).length > 0;

  if (hasOthers) {
    const update = key.reduce(
      (query, attribute) => query.where(attribute, "=", all[attribute]),
      db.updateTable(table),
    );
    const { numUpdatedRows } = await update.set(others).executeTakeFirst();
    if (numUpdatedRows > 0n) return;
  } else {
    const select = key.reduce(
      (query, attribute) => query.where(attribute, "=", all[attribute]),
      db.selectFrom(table),
    );
    if ((await select.select(key).execute()).length > 0) return;
  }
  // Another may have inserted it since. Setting a key to itself changes nothing.
  const again = hasOthers ? others : Object.fromEntries(key.map((attribute) => [attribute, all[attribute]]));
  const insert = db.insertInto(table).values(all);
  await (
    dialect === "mysql"
      ? insert.onDuplicateKeyUpdate(again)
      : insert.onConflict((conflict) => conflict.columns(key).doUpdateSet(again))
  ).execute();
}

/** A value of a row as the driver takes it, where that is another: JSON arrives as values, and is sent as text. */
function columnValue(dialect: SqlDialect, value: unknown, type: ColumnType | undefined): unknown {
  if (dialect !== "postgres") return isPlain(value) ? JSON.stringify(value) : value;
  switch (type?.type) {
    case "json":
    case "jsonb":
      // JSON's null and the database's are one and the same in memory.
      return value === null && !type.isRequired ? null : JSON.stringify(value);
    case "_json":
    case "_jsonb":
      return Array.isArray(value)
        ? value.map((item) => (item === null ? null : JSON.stringify(item)))
        : value;
    default:
      return value;
  }
}

/** What drivers take for no column of its own. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Array.prototype || prototype === Object.prototype || prototype === null;
}

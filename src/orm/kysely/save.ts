/**
 * Writing a row from its fields.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { SqlDialect } from "../../model/adapter.ts";
import type { KeyPart } from "../../model/ref.ts";
import type { ColumnType } from "./column.ts";
import type { CompiledQuery, Database } from "./database.ts";
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
    .map((attribute) => {
      const type = types.get(attribute);
      refuseOtherDay(dialect, `${model.description.name}.${attribute}`, fields[attribute], type);
      return [attribute, columnValue(dialect, fields[attribute], type)] as const;
    });
  const own = Object.fromEntries(key.map((attribute) => [attribute, fields[attribute] as KeyPart]));
  const all: Values = { ...Object.fromEntries(written), ...model.bindOwn(own, known) };
  const others: Values = Object.fromEntries(written.filter(([attribute]) => !key.includes(attribute)));
  const hasOthers = Object.keys(others).length > 0;

  if (hasOthers) {
    const update = key.reduce(
      (query, attribute) => query.where(attribute, "=", all[attribute]),
      db.updateTable(table),
    );
    const { numAffectedRows = 0n } = await db.executeQuery(bindable(dialect, update.set(others).compile()));
    if (numAffectedRows > 0n) return;
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
  const upsert =
    dialect === "mysql"
      ? insert.onDuplicateKeyUpdate(again)
      : insert.onConflict((conflict) => conflict.columns(key).doUpdateSet(again));
  await db.executeQuery(bindable(dialect, upsert.compile()));
}

/**
 * SQLite and MySQL hold JSON as text, and their drivers take nothing else: what a plugin of the app has not made a
 * text of is made one here.
 */
function bindable(dialect: SqlDialect, query: CompiledQuery): CompiledQuery {
  if (dialect === "postgres") return query;
  return {
    ...query,
    parameters: query.parameters.map((value) => (isPlain(value) ? JSON.stringify(value) : value)),
  };
}

/**
 * PostgreSQL's driver reads a day as its first moment in the process's time zone, and writes the day that a moment has
 * there: in another zone, as a worker's may be, it would be the day before.
 *
 * @throws PetioleError `ERR_SNAPSHOT_FIELDS` for a Date that is no day's beginning here
 */
function refuseOtherDay(
  dialect: SqlDialect,
  field: string,
  value: unknown,
  column: ColumnType | undefined,
): void {
  const type = column?.type;
  if (dialect !== "postgres" || (type !== "date" && type !== "_date")) return;
  const other = [value].flat(Infinity).find((day) => day instanceof Date && !isDayHere(day));
  if (other === undefined) return;
  throw new PetioleError(
    "ERR_SNAPSHOT_FIELDS",
    `${field} cannot be ${(other as Date).toJSON()}: that is no day's beginning here, but perhaps in the time zone where ` +
      `it was read. Have days read as texts: types.setTypeParser(${type === "date" ? "1082, String" : "1182, String"}) of pg`,
  );
}

function isDayHere(day: Date): boolean {
  const start = new Date(day);
  start.setHours(0, 0, 0, 0);
  return start.getTime() === day.getTime();
}

/** PostgreSQL's driver reads JSON as values, and takes text: a list would be taken for one of PostgreSQL's own. */
function columnValue(dialect: SqlDialect, value: unknown, type: ColumnType | undefined): unknown {
  if (dialect !== "postgres") return value;
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

/** Whether it is an object or a list of no class. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Array.prototype || prototype === Object.prototype || prototype === null;
}

/**
 * A model: a table that the app has named, with what it states about it.
 *
 * @module
 */
import { type PetioleError, describe } from "../../errors.ts";
import type { ModelDescription, TableDescription } from "../../model/adapter.ts";
import { dialectOf } from "./connection.ts";
import {
  type ColumnLike,
  type KeyColumn,
  columnsOf,
  invalid,
  keyColumnsOf,
  nameOf,
  property,
} from "./table.ts";

/** A model, ready to be loaded and saved. */
export interface DrizzleModel {
  readonly description: ModelDescription;
  readonly target: object;
  readonly columns: Readonly<Record<string, ColumnLike>>;
  readonly keyColumns: readonly [KeyColumn, ...KeyColumn[]];
}

/** What the app states about a table. */
interface Stated {
  readonly key?: readonly string[];
  readonly version?: string;
}

/**
 * Reads a model from what the app gave: a table, or an object with one and what is stated about it.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when that is no table, or states what the table has not.
 */
export function describeModel(db: object, name: string, given: unknown): DrizzleModel {
  if (!isObject(given)) throw noTable(name, given);
  const isTable = columnsOf(given) !== undefined || !("table" in given);
  const target = isTable ? given : given.table;
  const columns = isObject(target) ? columnsOf(target) : undefined;
  if (!isObject(target) || columns === undefined) throw noTable(name, target);
  const stated: Stated = isTable ? {} : (given as Stated);
  if (!isTable) refuseUnknown(name, given);
  if (stated.key !== undefined && !Array.isArray(stated.key)) {
    throw invalid(name, `its \`key\` must be an array of properties; received ${describe(stated.key)}`);
  }

  const keyColumns = keyColumnsOf(name, target, columns, stated.key);
  const { version } = stated;
  if (version !== undefined) refuseVersion(db, name, columns, version);
  const description: ModelDescription = {
    name,
    target,
    key: keyColumns.map(({ attribute }) => attribute),
    fields: Object.keys(columns),
    table: tableOf(db, target, columns),
    ...(version === undefined ? {} : { version }),
  };
  return { description, target, columns, keyColumns };
}

/** Those of a row's own properties that are columns and have a value. */
export function fieldsIn({ columns }: DrizzleModel, row: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(columns)
      .filter((attribute) => Object.hasOwn(row, attribute))
      .map((attribute) => [attribute, property(row, attribute)] as const)
      .filter(([, value]) => value !== undefined),
  );
}

function tableOf(
  db: object,
  target: object,
  columns: Readonly<Record<string, ColumnLike>>,
): TableDescription {
  const names = Object.entries(columns).map(([attribute, column]) => [attribute, nameOfColumn(db, column)]);
  return { ...nameOf(target), columns: Object.fromEntries(names) as Record<string, string> };
}

/** The database's name of a column: `drizzle(…, { casing })` makes it from the property's where none is stated. */
function nameOfColumn(db: object, column: ColumnLike): string {
  const dialect = property<{ casing?: { getColumnCasing?(column: ColumnLike): string } }>(db, "dialect");
  return dialect?.casing?.getColumnCasing?.(column) ?? column.name;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function noTable(name: string, received: unknown): PetioleError {
  return invalid(name, `expected a Drizzle table; received ${describe(received)}`);
}

function refuseUnknown(name: string, given: object): void {
  const unknown = Object.keys(given).filter((property) => !["table", "key", "version"].includes(property));
  if (unknown.length === 0) return;
  throw invalid(
    name,
    `expected { table, key?, version? }; received ${unknown.map(quoted).join(", ")} as well`,
  );
}

function refuseVersion(
  db: object,
  name: string,
  columns: Readonly<Record<string, ColumnLike>>,
  version: unknown,
): void {
  if (typeof version === "string" && Object.hasOwn(columns, version)) return;
  if (version === "xmin" && dialectOf(db) === "postgres") return;
  throw invalid(
    name,
    version === "xmin"
      ? 'version: "xmin" is PostgreSQL\'s own, and this is another database. Name a column that changes with every update'
      : `its version must be the property of a column, or "xmin" on PostgreSQL; received ${describe(version)}`,
  );
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

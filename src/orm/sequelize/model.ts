/**
 * What a Sequelize model says about its rows: key, columns, version, table.
 *
 * @module
 */
import { type PetioleError, describe } from "../../errors.ts";
import { invalidModel } from "../../model/adapter-errors.ts";
import type { ModelDescription, TableDescription } from "../../model/adapter.ts";
import type { Connection, Model } from "./like.ts";

/** What the app says of a model. */
export interface StatedModel {
  readonly target: unknown;
  readonly key?: unknown;
  readonly version?: unknown;
}

/** A model, ready to be loaded. */
export interface SequelizeModel extends ModelDescription {
  readonly target: Model;
  readonly key: readonly [string, ...string[]];
}

/**
 * Describes a model.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when it is no model of this connection, or has no key that a reference
 * could carry, or not the version that was stated.
 */
export function describeModel(sequelize: Connection, name: string, stated: StatedModel): SequelizeModel {
  const target = checkModel(sequelize, name, stated.target);
  const key = keyOfModel(name, target, stated.key);
  const version = versionOf(sequelize, name, target, stated.version);
  return {
    name,
    target,
    key,
    ...(version === undefined ? {} : { version }),
    // Read when asked for: an association that is declared later adds its foreign key.
    get fields() {
      return Object.keys(target.tableAttributes);
    },
    get table() {
      return tableOf(sequelize, target);
    },
  };
}

function checkModel(sequelize: Connection, name: string, target: unknown): Model {
  if (typeof target !== "function" || !("findAll" in target)) {
    throw invalid(
      name,
      `expected a model class of Sequelize, or { model, key?, version? }; received ${describe(target)}`,
    );
  }
  const model = target as unknown as Model;
  if (model.sequelize === undefined) {
    throw invalid(
      name,
      `${model.name} is not initialised: call ${model.name}.init(attributes, { sequelize }) before`,
    );
  }
  if (model.sequelize !== sequelize) {
    throw invalid(name, `${model.name} belongs to another Sequelize: give each its own adapter`);
  }
  return model;
}

/** Data types whose values are texts and integers, for good: what a reference's key is made of. */
const keyTypes = ["STRING", "CHAR", "TEXT", "CITEXT", "UUID", "ENUM", "DATEONLY", "DECIMAL"];
const integerTypes = ["TINYINT", "SMALLINT", "MEDIUMINT", "INTEGER", "BIGINT"];
/** Those of Sequelize whose values are not. Types that are the app's own are up to the app. */
const otherTypes: ReadonlySet<string> = new Set(
  (
    "BOOLEAN,DATE,TIME,NOW,BLOB,JSON,JSONB,HSTORE,ARRAY,RANGE,VIRTUAL,FLOAT,REAL,DOUBLE PRECISION," +
    "GEOMETRY,GEOGRAPHY,INET,CIDR,MACADDR,TSVECTOR"
  ).split(","),
);

function keyOfModel(name: string, model: Model, stated: unknown): readonly [string, ...string[]] {
  if (stated !== undefined && !(Array.isArray(stated) && stated.every((part) => typeof part === "string"))) {
    throw invalid(name, `\`key\` must be a list of attributes; received ${describe(stated)}`);
  }
  const [first, ...others] = (stated as string[] | undefined) ?? model.primaryKeyAttributes;
  if (first === undefined) {
    throw invalid(
      name,
      `${model.name} has no primary key. Give it one, or state which attributes identify a row: ` +
        '{ model, key: ["a", "b"] }',
    );
  }
  for (const attribute of [first, ...others]) refuseKeyAttribute(name, model, attribute);
  return [first, ...others];
}

function refuseKeyAttribute(name: string, model: Model, attribute: string): void {
  const column = Object.hasOwn(model.rawAttributes, attribute) ? model.rawAttributes[attribute] : undefined;
  if (column === undefined) {
    throw invalid(
      name,
      `its key names ${JSON.stringify(attribute)}, and ${model.name} has no such attribute`,
    );
  }
  const { key: type = "", _binary: isBinary } = column.type;
  if (!otherTypes.has(type) && isBinary !== true) return;
  throw invalid(
    name,
    `its key ${JSON.stringify(attribute)} is a ${type}${isBinary ? ".BINARY" : ""}. A reference's key is made of ` +
      `texts and integers (${[...keyTypes, ...integerTypes].join(", ")}): state another unique key: { model, key: […] }`,
  );
}

function versionOf(sequelize: Connection, name: string, model: Model, stated: unknown): string | undefined {
  if (stated === undefined) {
    const { updatedAt } = model._timestampAttributes;
    // Of two changes in one second the second would look like none.
    const isExact = updatedAt !== undefined && !hasWholeSeconds(model, updatedAt);
    return model._versionAttribute ?? (isExact ? updatedAt : undefined);
  }
  if (typeof stated === "string" && Object.hasOwn(model.tableAttributes, stated)) return stated;
  if (stated !== "xmin") {
    throw invalid(name, `its version is ${describe(stated)}, and ${model.name} has no such column`);
  }
  if (sequelize.getDialect() === "postgres") return stated;
  throw invalid(name, `its version is "xmin", which PostgreSQL has and ${sequelize.getDialect()} has not`);
}

function tableOf(sequelize: Connection, model: Model): TableDescription {
  const columns = Object.fromEntries(
    Object.entries(model.tableAttributes).map(([attribute, { field }]) => [attribute, field ?? attribute]),
  );
  const schema = model._schema;
  if (!schema) return { name: model.tableName, columns };
  // SQLite has no schemas: Sequelize makes them a part of the table's name there.
  return sequelize.getDialect() === "sqlite"
    ? { name: `${schema}${model._schemaDelimiter || "."}${model.tableName}`, columns }
    : { name: model.tableName, schema, columns };
}

/** Whether a column is a time in whole seconds: on MySQL and MariaDB, what Sequelize makes of a `DATE` unless told. */
export function hasWholeSeconds(model: Model, attribute: string): boolean {
  const type = model.tableAttributes[attribute]?.type;
  const isMysql = ["mysql", "mariadb"].includes(model.sequelize?.getDialect() ?? "");
  return isMysql && type?.key === "DATE" && !type._length;
}

/** Whether a data type holds whole numbers only. */
export function isInteger(type: string | undefined): boolean {
  return type !== undefined && integerTypes.includes(type);
}

/** `ERR_MODEL_DEFINITION`, for a model by its name. */
export function invalid(name: string, reason: string): PetioleError {
  return invalidModel("sequelize", name, reason);
}

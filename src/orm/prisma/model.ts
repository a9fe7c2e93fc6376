/**
 * What is known of a model: what the client says of it, what its schema says, and what the app stated.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import { invalidModel } from "../../model/adapter-errors.ts";
import type { ModelDescription, TableDescription } from "../../model/adapter.ts";
import {
  type FieldLike,
  type RuntimeDataModelLike,
  dataModelOf,
  delegateNameOf,
  dialectOf,
  providerOf,
  schemaOf,
} from "./client.ts";
import { type Schema, type SchemaField, parseSchema } from "./schema.ts";

/** What the app says of a model: its delegate's name, or that with what the schema does not tell. */
export type StatedModel =
  | string
  | {
      readonly model: string;
      readonly key?: readonly string[] | undefined;
      readonly version?: string | undefined;
    };

/** A field of a key. */
export interface KeyField {
  readonly name: string;
  /** `Int`, `BigInt`, `String`, or the name of an enum. */
  readonly type: string;
  /** The values of an enum. */
  readonly values: readonly string[] | undefined;
  readonly nativeType: string | undefined;
}

/** A model, ready to be asked for. */
export interface PrismaModelInfo extends ModelDescription {
  readonly fields: readonly string[];
  readonly table: TableDescription;
  /** Prisma's name of it, `Comment`. */
  readonly type: string;
  /** The client's property that asks for its rows, `comment`. */
  readonly delegate: string;
  readonly keyFields: readonly KeyField[];
  /** What `where` calls the key, when it has several fields. */
  readonly compoundName: string;
  /** The columns, by field. */
  readonly columns: ReadonlyMap<string, ColumnInfo>;
  readonly data: RuntimeDataModelLike;
}

/** A column. */
export interface ColumnInfo {
  readonly type: string;
  readonly isOptional: boolean;
}

/**
 * Describes the models that the app named.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when one is not there, or cannot be referred to
 */
export function describeModels(
  client: object,
  models: Readonly<Record<string, StatedModel>>,
): readonly PrismaModelInfo[] {
  const data = dataModelOf(client);
  if (data === undefined) {
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      "prisma: the client does not describe its models. Petiole reads what the clients of Prisma 7 have in " +
        "`_runtimeDataModel`: generate yours with the provider `prisma-client` or `prisma-client-js`",
    );
  }
  const schema = parseSchema(schemaOf(client) ?? "");
  return Object.entries(models).map(([name, stated]) => describeModel(client, data, schema, name, stated));
}

function describeModel(
  client: object,
  data: RuntimeDataModelLike,
  schema: Schema,
  name: string,
  stated: StatedModel,
): PrismaModelInfo {
  const {
    model: delegate,
    key: statedKey,
    version,
  } = typeof stated === "object" && stated !== null ? stated : { model: stated };
  const type = Object.keys(data.models).find((each) => delegateNameOf(each) === delegate);
  const model = type === undefined ? undefined : data.models[type];
  if (type === undefined || model === undefined) {
    const known = Object.keys(data.models).map((each) => JSON.stringify(delegateNameOf(each)));
    throw invalid(
      name,
      `expected the name of a model, as the client has it, or { model, key?, version? }; received ${describe(delegate)}. ` +
        `The client's are ${known.join(", ")}`,
    );
  }
  const columns = model.fields.filter(({ kind }) => kind === "scalar" || kind === "enum");
  const described = schema.models.get(type);
  const key = statedKey ?? described?.key;
  if (key === undefined || key.length === 0) {
    throw invalid(
      name,
      (schema.models.size === 0
        ? "the client does not show its schema, so that its primary key is not known"
        : `the model ${type} has no primary key`) +
        `. State which fields identify a row: { model: ${JSON.stringify(delegate)}, key: [${quoted(columns).join(", ")}] }`,
    );
  }
  const keyFields = key.map((field) =>
    keyFieldOf(name, columns, field, schema, described?.fields.get(field)),
  );
  checkVersion(name, client, columns, version);
  return {
    name,
    target: Object.freeze({ model: name, delegate }),
    key,
    fields: columns.map((column) => column.name),
    ...(version === undefined ? {} : { version }),
    table: {
      name: model.dbName ?? type,
      ...(model.schema ? { schema: model.schema } : {}),
      columns: Object.fromEntries(columns.map((column) => [column.name, column.dbName ?? column.name])),
    },
    type,
    delegate,
    keyFields,
    compoundName: described?.compoundNames.get(key.join()) ?? key.join("_"),
    columns: new Map(
      columns.map((column) => [
        column.name,
        { type: column.type, isOptional: described?.fields.get(column.name)?.isOptional ?? true },
      ]),
    ),
    data,
  };
}

function keyFieldOf(
  name: string,
  columns: readonly FieldLike[],
  field: string,
  schema: Schema,
  described: SchemaField | undefined,
): KeyField {
  const column = columns.find((each) => each.name === field);
  if (column === undefined) {
    throw invalid(
      name,
      `its key names ${describe(field)}, and the model has no such column. It has ${quoted(columns).join(", ")}`,
    );
  }
  if (column.kind !== "enum" && !["Int", "BigInt", "String"].includes(column.type)) {
    throw invalid(
      name,
      `its key ${JSON.stringify(field)} is a ${column.type}. A reference's key is made of strings, integers and ` +
        "bigints: state another unique key, { model, key: […] }",
    );
  }
  return {
    name: field,
    type: column.type,
    values: column.kind === "enum" ? schema.enums.get(column.type) : undefined,
    nativeType: described?.nativeType,
  };
}

function checkVersion(
  name: string,
  client: object,
  columns: readonly FieldLike[],
  version: string | undefined,
): void {
  if (version === undefined || columns.some((column) => column.name === version)) return;
  if (version === "xmin" && dialectOf(client) === "postgres" && providerOf(client) === "postgresql") return;
  throw invalid(
    name,
    `its version is ${describe(version)}, and the model has no such column. It has ${quoted(columns).join(", ")}` +
      (version === "xmin" ? "; `xmin` is PostgreSQL's" : ""),
  );
}

function quoted(columns: readonly FieldLike[]): string[] {
  return columns.map((column) => JSON.stringify(column.name));
}

/** `ERR_MODEL_DEFINITION`, about a model. */
export function invalid(name: string, reason: string): PetioleError {
  return invalidModel("prisma", name, reason);
}

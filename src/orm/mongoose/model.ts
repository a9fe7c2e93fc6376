/**
 * What a Mongoose model says about its key, its attributes and its version.
 *
 * @module
 */
import { type PetioleError, describe } from "../../errors.ts";
import { invalidModel } from "../../model/adapter-errors.ts";
import type { ModelDescription } from "../../model/adapter.ts";
import { type DocumentLike, type ModelLike, type SchemaLike, isModel } from "./like.ts";

/** A model, as the app described it. */
export interface StatedModel {
  readonly model: unknown;
  readonly key?: readonly string[];
  readonly version?: string;
  readonly fields?: readonly string[];
}

/** A model, ready to be used. */
export interface MongooseModel extends ModelDescription {
  readonly target: ModelLike;
  /** What the kind of each attribute of the key is called by Mongoose, in the key's order. */
  readonly kinds: readonly string[];
  /** The attributes that the app stated. */
  readonly stated: readonly string[] | undefined;
}

/** The kinds of path whose values a reference's key can carry, and that are found again by it. */
const keyKinds: ReadonlySet<string> = new Set(["ObjectId", "String", "Number", "BigInt", "Int32", "UUID"]);

/**
 * Reads a model.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when it is none, or its key or version is not in its schema, or its key
 * is one that a reference cannot carry.
 */
export function describeModel(name: string, given: unknown): MongooseModel {
  const { model, key = ["_id"], version, fields } = isModel(given) ? { model: given } : stated(name, given);
  if (!isModel(model)) {
    throw invalid(
      name,
      `expected a model, as connection.model(…) gives it, or { model, key: […] }; received ${describe(model)}`,
    );
  }
  const { schema } = model;
  for (const [option, value] of Object.entries({ key, fields })) {
    if (value !== undefined && !isTexts(value))
      throw invalid(name, `\`${option}\` must be an array of attributes; received ${describe(value)}`);
  }
  for (const attribute of fields ?? []) {
    if (!isFree(schema) && !attributesOf(model).includes(attribute))
      throw invalid(name, `\`fields\` names ${JSON.stringify(attribute)}, which is not in the schema`);
  }
  if (key.length === 0)
    throw invalid(name, "`key` is empty. Name the attributes of a unique key, or leave it out for _id");
  const known = fields === undefined ? undefined : [...new Set([...key, ...fields])];
  const all = known ?? (isFree(schema) ? undefined : attributesOf(model));
  const versionAttribute = versionOf(name, schema, version);
  return {
    name,
    target: model,
    key,
    kinds: key.map((attribute) => kindOf(name, schema, attribute)),
    stated: known,
    ...(all === undefined ? {} : { fields: all }),
    ...(versionAttribute === undefined ? {} : { version: versionAttribute }),
  };
}

/** The attributes at the top of a model's documents, with those of its discriminators. */
export function attributesOf(model: ModelLike): readonly string[] {
  const schemas = [model, ...Object.values(model.discriminators ?? {})].map(({ schema }) => schema);
  return [...new Set(schemas.flatMap((schema) => topOf(schema)))];
}

/** The attributes at the top of a schema's documents: `address` for `address.street`. */
export function topOf(schema: SchemaLike): readonly string[] {
  return [...new Set(Object.keys(schema.paths).map((path) => path.split(".", 1)[0] ?? path))];
}

/** Whether documents may hold what the schema does not name. */
export function isFree(schema: SchemaLike): boolean {
  return schema.options.strict === false;
}

/** The schema of a row: its own class's, or that of the discriminator that a plain row names. */
export function schemaOf(model: ModelLike, row: object): SchemaLike {
  const own: unknown = (row as Partial<DocumentLike> & { readonly $__schema?: SchemaLike }).$__schema;
  if (typeof own === "object" && own !== null) return own as SchemaLike;
  const kind: unknown = Reflect.get(row, model.schema.options.discriminatorKey ?? "__t");
  const child = Object.values(model.discriminators ?? {}).find(
    ({ schema }) => kind !== undefined && schema.discriminatorMapping?.value === kind,
  );
  return child?.schema ?? model.schema;
}

function stated(name: string, given: unknown): StatedModel {
  if (typeof given === "object" && given !== null && "model" in given) return given;
  throw invalid(
    name,
    `expected a model, as connection.model(…) gives it, or { model, key: […] }; received ${describe(given)}`,
  );
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function kindOf(name: string, schema: SchemaLike, attribute: string): string {
  // An attribute with a dot would be inside of another: no reference's key reaches there.
  const type = attribute.includes(".") ? undefined : schema.path(attribute);
  if (type === undefined)
    throw invalid(
      name,
      `its key names ${JSON.stringify(attribute)}, which is no path at the top of the schema`,
    );
  if (keyKinds.has(type.instance)) return type.instance;
  const kind = type.instance === "Embedded" || type.instance === "Mixed" ? "an object" : `a ${type.instance}`;
  throw invalid(
    name,
    `its key ${JSON.stringify(attribute)} is ${kind}. A reference's key is made of strings, integers and ObjectIds: ` +
      "state another unique key, with an index of its own: { model, key: […] }",
  );
}

/** What changes with every update of a document. */
function versionOf(name: string, schema: SchemaLike, given: string | undefined): string | undefined {
  if (given !== undefined) {
    if (typeof given === "string" && schema.path(given) !== undefined) return given;
    throw invalid(
      name,
      `\`version\` must be an attribute of the schema; received ${describe(given)}` +
        (given === "xmin" ? ". xmin is PostgreSQL's: leave `version` out" : ""),
    );
  }
  const { timestamps, versionKey, optimisticConcurrency } = schema.options;
  if (timestamps) {
    const chosen: unknown = typeof timestamps === "object" ? Reflect.get(timestamps, "updatedAt") : true;
    const updatedAt = typeof chosen === "string" ? chosen : chosen === false ? undefined : "updatedAt";
    if (updatedAt !== undefined && schema.path(updatedAt) !== undefined) return updatedAt;
  }
  // Without that option the version is counted up when arrays are written, and not otherwise.
  return optimisticConcurrency === true && typeof versionKey === "string" ? versionKey : undefined;
}

/** `ERR_MODEL_DEFINITION`, about a model. */
export function invalid(name: string, reason: string): PetioleError {
  return invalidModel("mongoose", name, reason);
}

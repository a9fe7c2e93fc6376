/**
 * What MikroORM's metadata says about a model: its key, its columns, its version.
 *
 * @module
 */
import { type PetioleError, describe } from "../../errors.ts";
import { invalidModel } from "../../model/adapter-errors.ts";
import type { ModelDescription, SqlDialect, TableDescription } from "../../model/adapter.ts";
import { type MetadataLike, type MetadataStorageLike, type PropertyLike, isToOne } from "./types.ts";

/** What the app gave for a model, with its settings apart. */
export interface GivenModel {
  readonly entity: object;
  readonly key?: readonly string[] | undefined;
  readonly version?: string | undefined;
}

/** A model, ready to be loaded. */
export interface MikroOrmModel extends ModelDescription {
  readonly meta: MetadataLike;
  readonly fields: readonly string[];
  readonly keyProperties: readonly KeyProperty[];
}

/** An attribute of a model's key. */
export interface KeyProperty {
  readonly attribute: string;
  /** The column's own: where the key is a relation's, the key of what it is related to. */
  readonly property: PropertyLike;
}

/** A class and an EntitySchema stand for themselves; anything else with an `entity` has settings beside it. */
export function givenModel(model: object): GivenModel {
  const hasSettings = typeof model === "object" && model !== null && Object.hasOwn(model, "entity");
  return hasSettings ? (model as GivenModel) : { entity: model };
}

/**
 * Reads a model's metadata.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION`
 */
export function describeModel(
  storage: MetadataStorageLike,
  name: string,
  { entity, key: statedKey, version: statedVersion }: GivenModel,
  dialect: SqlDialect | undefined,
): MikroOrmModel {
  const meta = metadataOf(storage, name, entity);
  if (statedKey !== undefined && !Array.isArray(statedKey))
    throw invalid(name, `\`key\` must be a list of properties' names; received ${describe(statedKey)}`);
  const attributes = statedKey ?? meta.primaryKeys;
  if (attributes.length === 0) {
    throw invalid(
      name,
      `${meta.className} has no primary key. Give it one, or state which properties identify a row: ` +
        '{ entity, key: ["a", "b"] }',
    );
  }
  const keyProperties = attributes.map((attribute) => ({
    attribute,
    property: keyProperty(name, meta, attribute),
  }));
  const columns = columnsOf(meta);
  const version = statedVersion ?? meta.versionProperty;
  const knowsVersion = columns.some((column) => column.name === version);
  if (version !== undefined && !knowsVersion && !(version === "xmin" && dialect === "postgres")) {
    const advice = version === "xmin" ? "; only PostgreSQL has xmin by itself" : "";
    throw invalid(
      name,
      `its version is ${JSON.stringify(version)}, and ${meta.className} has no such column${advice}`,
    );
  }
  return {
    name,
    target: entity,
    key: attributes,
    fields: columns.map((column) => column.name),
    ...(version === undefined ? {} : { version }),
    ...(dialect === undefined ? {} : { table: tableOf(meta, columns) }),
    meta,
    keyProperties,
  };
}

/** The properties that have columns in the entity's table. Of an embeddable the whole, not what it unfolds into. */
export function columnsOf(meta: MetadataLike): readonly PropertyLike[] {
  return meta.props.filter(
    (property) =>
      property.persist !== false &&
      property.formula === undefined &&
      property.embedded === undefined &&
      (property.kind === "scalar" ||
        property.kind === "embedded" ||
        (isToOne(property) && property.owner !== false)),
  );
}

/** A property by its name, also where names are those of `Object.prototype`. */
export function propertyOf(meta: MetadataLike, name: string): PropertyLike | undefined {
  return Object.hasOwn(meta.properties, name) ? meta.properties[name] : undefined;
}

function metadataOf(storage: MetadataStorageLike, name: string, entity: unknown): MetadataLike {
  const isObject = typeof entity === "function" || (typeof entity === "object" && entity !== null);
  const meta = isObject ? storage.find(entity) : undefined;
  // It also looks by the class's name, which another class may have.
  const isSame = meta !== undefined && (typeof entity !== "function" || meta.class === (entity as unknown));
  if (!isSame || meta.properties === undefined || !storage.getAll().has(meta.class)) {
    throw invalid(
      name,
      `expected one of the ORM's entities, a class or an EntitySchema; received ${labelOf(entity)}. ` +
        "Is it among the `entities` that MikroORM was given?",
    );
  }
  if (meta.embeddable === true || meta.virtual === true) {
    throw invalid(
      name,
      `${meta.className} is ${meta.virtual === true ? "a virtual entity" : "an embeddable"}, which has no rows of its own`,
    );
  }
  return meta;
}

function keyProperty(name: string, meta: MetadataLike, attribute: string): PropertyLike {
  const own = propertyOf(meta, attribute);
  if (own === undefined)
    throw invalid(name, `its key names ${JSON.stringify(attribute)}, which ${meta.className} does not have`);
  let property = own;
  while (isToOne(property) && property.targetMeta?.primaryKeys.length === 1) {
    const [target = ""] = property.targetMeta.primaryKeys;
    property = propertyOf(property.targetMeta, target) ?? property;
  }
  const kind = property.kind === "scalar" ? property.runtimeType : property.kind;
  if (property.kind !== "scalar" || ["Date", "boolean", "Buffer", "object"].includes(kind)) {
    throw invalid(
      name,
      `its key ${JSON.stringify(attribute)} is a ${kind}${isToOne(property) ? " to a key of several attributes" : ""}. ` +
        "A reference's key is made of strings, integers and bigints: state another unique key: { entity, key: […] }",
    );
  }
  return property;
}

function tableOf(meta: MetadataLike, columns: readonly PropertyLike[]): TableDescription {
  const names = columns.flatMap(({ name, kind, fieldNames = [] }) =>
    kind !== "embedded" && fieldNames.length === 1 ? [[name, fieldNames[0] ?? name] as const] : [],
  );
  // `*` stands for the schema of the entity manager.
  const schema = meta.schema === undefined || meta.schema === "*" ? {} : { schema: meta.schema };
  return { name: meta.tableName, ...schema, columns: Object.fromEntries(names) };
}

function labelOf(entity: unknown): string {
  return typeof entity === "function" && entity.name !== "" ? `class ${entity.name}` : describe(entity);
}

/** `ERR_MODEL_DEFINITION`, about a model. */
export function invalid(name: string, reason: string): PetioleError {
  return invalidModel("mikroOrm", name, reason);
}

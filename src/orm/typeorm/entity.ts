/**
 * An entity: the attributes, the key and the version of a model, read from TypeORM's metadata.
 *
 * @module
 */
import type { TableDescription } from "../../model/adapter.ts";
import { type KeyKind, isPostgres, keyKindOf } from "./key.ts";
import type { ColumnMetadataLike, DriverLike, EntityMetadataLike, RelationMetadataLike } from "./like.ts";
import { type GivenModel, invalid } from "./target.ts";

/** A property that holds a column or, where a relation has no property for its column, the relation. */
export interface Attribute {
  /** The way to it, from the entity: of one name, unless it is in an embedded object. */
  readonly path: readonly [string, ...string[]];
  /** Those of the database: several for a relation to a key of several. */
  readonly columns: readonly [ColumnMetadataLike, ...ColumnMetadataLike[]];
  /** The relation that it is of, if its value is the related entity. */
  readonly relation: RelationMetadataLike | undefined;
}

/** A part of a model's key. */
export interface KeyAttribute extends Attribute {
  readonly name: string;
  readonly kind: KeyKind;
}

/** A model, as TypeORM knows it. */
export interface Entity {
  readonly name: string;
  readonly metadata: EntityMetadataLike;
  readonly attributes: readonly Attribute[];
  readonly key: readonly [KeyAttribute, ...KeyAttribute[]];
  /** The names of the properties that hold columns. */
  readonly fields: readonly string[];
  readonly version: string | undefined;
  readonly table: TableDescription;
}

/**
 * Reads a model.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when its key is none that a reference can have
 */
export function readEntity(given: GivenModel, metadata: EntityMetadataLike, driver: DriverLike): Entity {
  const { name } = given;
  const attributes = attributesOf(metadata);
  const [first, ...others] = keyOf(given, metadata, attributes, driver);
  if (first === undefined)
    throw invalid(name, "the entity has no primary column. Give it one, or state `key`");
  const fields = [...new Set(attributes.map(({ path }) => path[0]))];
  const version = versionOf(given, metadata, fields, driver);
  const columns = attributes.map(({ path, columns }) => [path.join("."), columns[0].databaseName] as const);
  const { tableName, schema } = metadata;
  const table = {
    name: tableName,
    ...(schema === undefined ? {} : { schema }),
    columns: Object.fromEntries(columns),
  };
  return { name, metadata, attributes, key: [first, ...others], fields, version, table };
}

function versionOf(
  { name, version }: GivenModel,
  metadata: EntityMetadataLike,
  fields: readonly string[],
  driver: DriverLike,
): string | undefined {
  if (version === undefined) {
    const { versionColumn, updateDateColumn } = metadata;
    const tells = updateDateColumn !== undefined && hasMilliseconds(updateDateColumn, driver);
    return versionColumn?.propertyPath ?? (tells ? updateDateColumn.propertyPath : undefined);
  }
  if (fields.includes(version) || (version === "xmin" && isPostgres(driver))) return version;
  const advice = version === "xmin" ? ". Only PostgreSQL has one of its own" : "";
  throw invalid(
    name,
    `\`version\` names ${JSON.stringify(version)}, and the entity has no such column${advice}`,
  );
}

/** Two updates within the second that SQLite's `datetime('now')` is would look like none. */
function hasMilliseconds({ precision }: ColumnMetadataLike, { mappedDataTypes }: DriverLike): boolean {
  return mappedDataTypes.updateDateDefault !== "datetime('now')" && (precision ?? 3) >= 3;
}

function attributesOf(metadata: EntityMetadataLike): readonly Attribute[] {
  const attributes = new Map<string, Attribute>();
  for (const column of metadata.columns) {
    const { relationMetadata: relation, propertyPath } = column;
    if (column.isVirtualProperty) continue;
    const isRelation = relation !== undefined && (column.isVirtual || propertyPath === relation.propertyPath);
    if (isRelation) {
      const columns = relation.joinColumns as [ColumnMetadataLike, ...ColumnMetadataLike[]];
      attributes.set(relation.propertyPath, { path: pathOf(relation.propertyPath), columns, relation });
    } else if (!column.isVirtual || (column.isDiscriminator && metadata.childEntityMetadatas.length > 0)) {
      attributes.set(propertyPath, { path: pathOf(propertyPath), columns: [column], relation: undefined });
    }
  }
  return [...attributes.values()];
}

function keyOf(
  given: GivenModel,
  metadata: EntityMetadataLike,
  attributes: readonly Attribute[],
  driver: DriverLike,
): readonly KeyAttribute[] {
  const isOfKey = ({ columns }: Attribute): boolean =>
    columns.some((each) => metadata.primaryColumns.includes(each));
  const names = given.key ?? attributes.filter(isOfKey).map(({ path }) => path.join("."));
  return names.map((name) => {
    const attribute = attributes.find(({ path }) => path.join(".") === name);
    if (attribute === undefined) {
      throw invalid(given.name, `its key names ${JSON.stringify(name)}, and the entity has no such column`);
    }
    if (attribute.columns.length > 1) {
      const count = attribute.columns.length;
      throw invalid(
        given.name,
        `its key ${JSON.stringify(name)} is a relation of ${count} columns. Declare them as properties of the entity`,
      );
    }
    const column = attribute.columns[0];
    // The column of a relation is of the type of what it refers to.
    const kind = keyKindOf(column.referencedColumn ?? column, driver);
    if (kind === undefined) {
      throw invalid(
        given.name,
        `its key ${JSON.stringify(name)} is a ${driver.normalizeType(column as never)}. A reference's key is made of ` +
          "strings, integers and bigints: state another unique key: { entity, key: […] }",
      );
    }
    return { ...attribute, name, kind };
  });
}

function pathOf(propertyPath: string): [string, ...string[]] {
  return propertyPath.split(".") as [string, ...string[]];
}

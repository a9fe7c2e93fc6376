/**
 * Entities: the attributes, the key and the version of a model, read from TypeORM's metadata when they are needed.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { TableDescription } from "../../model/adapter.ts";
import { type KeyKind, keyKindOf } from "./key.ts";
import type {
  ColumnMetadataLike,
  DataSourceLike,
  DriverLike,
  EntityMetadataLike,
  RelationMetadataLike,
} from "./like.ts";
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

/** The models of a DataSource, each read when it is first asked for, and again when the DataSource was initialised again. */
export class Entities {
  readonly #dataSource: DataSourceLike;
  readonly #given: ReadonlyMap<string, GivenModel>;
  #read = new Map<string, Entity>();
  #of: readonly object[] | undefined;

  constructor(dataSource: DataSourceLike, given: readonly GivenModel[]) {
    this.#dataSource = dataSource;
    this.#given = new Map(given.map((model) => [model.name, model]));
  }

  /**
   * @throws PetioleError `ERR_MODEL_UNKNOWN`, `ERR_MODEL_DEFINITION` when the DataSource has no such entity or its key
   * is none that a reference can have, `ERR_DATABASE_UNREACHABLE` while the DataSource was never initialised
   */
  named(name: string): Entity {
    if (this.#of !== this.#dataSource.entityMetadatas) {
      this.#of = this.#dataSource.entityMetadatas;
      this.#read = new Map();
    }
    const known = this.#read.get(name);
    if (known !== undefined) return known;
    const given = this.#given.get(name);
    if (given === undefined) {
      throw new PetioleError("ERR_MODEL_UNKNOWN", `typeorm: no model is named ${JSON.stringify(name)}`);
    }
    const entity = readEntity(given, this.#metadataOf(given), this.#dataSource.driver);
    this.#read.set(name, entity);
    return entity;
  }

  #metadataOf(given: GivenModel): EntityMetadataLike {
    const dataSource = this.#dataSource;
    const target = given.entity as never;
    if (dataSource.hasMetadata(target)) return dataSource.getMetadata(target);
    if (!dataSource.isInitialized && dataSource.entityMetadatas.length === 0) {
      throw new PetioleError(
        "ERR_DATABASE_UNREACHABLE",
        `typeorm: ${JSON.stringify(given.name)} is not known yet: the DataSource is not initialised. Await ` +
          "dataSource.initialize() before rows are referred to or loaded",
      );
    }
    throw invalid(
      given.name,
      `the DataSource has no entity for ${labelOf(given)}. Add it to the \`entities\` of the DataSource's options`,
    );
  }
}

function readEntity(given: GivenModel, metadata: EntityMetadataLike, driver: DriverLike): Entity {
  const { name } = given;
  const attributes = attributesOf(metadata);
  const [first, ...others] = keyOf(given, metadata, attributes, driver);
  if (first === undefined)
    throw invalid(name, "the entity has no primary column. Give it one, or state `key`");
  const fields = [...new Set(attributes.map(({ path }) => path[0]))];
  const version =
    given.version ?? metadata.versionColumn?.propertyPath ?? metadata.updateDateColumn?.propertyPath;
  if (given.version !== undefined && given.version !== "xmin" && !fields.includes(given.version)) {
    throw invalid(
      name,
      `\`version\` names ${JSON.stringify(given.version)}, and the entity has no such column`,
    );
  }
  const columns = attributes.map(({ path, columns }) => [path.join("."), columns[0].databaseName] as const);
  const { tableName, schema } = metadata;
  const table = {
    name: tableName,
    ...(schema === undefined ? {} : { schema }),
    columns: Object.fromEntries(columns),
  };
  return { name, metadata, attributes, key: [first, ...others], fields, version, table };
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
    } else if (!column.isVirtual) {
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

function labelOf({ class: entity, entity: schema, targets }: GivenModel): string {
  if (entity !== undefined) return `the class ${entity.name}`;
  return `the EntitySchema ${JSON.stringify(typeof schema === "object" ? schema.options.name : String(targets[0]))}`;
}

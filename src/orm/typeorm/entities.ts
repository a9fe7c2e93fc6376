/**
 * The models of an adapter, and the entities that they are.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import { modelNamed } from "../../model/adapter-errors.ts";
import type { ModelDescription } from "../../model/adapter.ts";
import { type Entity, readEntity } from "./entity.ts";
import type { DataSourceLike, EntityMetadataLike } from "./like.ts";
import { type GivenModel, invalid } from "./target.ts";

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
    const given = modelNamed("typeorm", this.#given, name);
    const entity = readEntity(given, this.#metadataOf(given), this.#dataSource.driver);
    this.#read.set(name, entity);
    return entity;
  }

  /** Reads all of them. */
  check(): void {
    for (const name of this.#given.keys()) this.named(name);
  }

  /** The model that an entity is a row of: its own, or that of what it inherits from. */
  of(metadata: EntityMetadataLike): Entity | undefined {
    const all = [...this.#given.keys()].map((name) => this.named(name));
    const own = all.find((entity) => entity.metadata === metadata);
    return own ?? all.find((entity) => isKindOf(metadata, entity.metadata));
  }

  /**
   * Whether rows of a class are of an entity that is none of the models: of a table of its own, though the class may
   * extend one that is a model.
   */
  hasOther(owner: unknown, model: string): boolean {
    const target = owner as never;
    if (typeof owner !== "function" || !this.#dataSource.hasMetadata(target)) return false;
    return !isKindOf(this.#dataSource.getMetadata(target), this.named(model).metadata);
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

/** A model to those who ask for it. Its entity is read when it is: the DataSource may not be initialised yet. */
export function describeModel({ name }: GivenModel, target: object, entities: Entities): ModelDescription {
  return {
    name,
    target,
    get key() {
      return entities.named(name).key.map((attribute) => attribute.name);
    },
    get fields() {
      return entities.named(name).fields;
    },
    get version() {
      return entities.named(name).version as string;
    },
    get table() {
      return entities.named(name).table;
    },
  };
}

/** Whether the rows of an entity are rows of another, too: of what it inherits from, in the same table. */
function isKindOf(metadata: EntityMetadataLike, other: EntityMetadataLike): boolean {
  return metadata.inheritanceTree.includes(other.target) && metadata.tablePath === other.tablePath;
}

function labelOf({ class: entity, entity: schema, targets }: GivenModel): string {
  if (entity !== undefined) return `the class ${entity.name}`;
  return `the EntitySchema ${JSON.stringify(typeof schema === "object" ? schema.options.name : String(targets[0]))}`;
}

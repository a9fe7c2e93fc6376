/**
 * What an app may call an entity: a class, an EntitySchema, or one of them with settings.
 *
 * @module
 */
import { type PetioleError, describe } from "../../errors.ts";
import { invalidModel } from "../../model/adapter-errors.ts";
import type { EntityTarget } from "./like.ts";

/** A class of entities, decorated or with an EntitySchema whose `target` it is. */
export type TypeormClassLike = abstract new (...parameters: never) => object;

/** What is used of an EntitySchema. */
export interface TypeormSchemaLike {
  readonly "@instanceof": symbol;
  readonly options: { readonly name: string };
}

/** An entity with settings. */
export interface TypeormStatedModel {
  readonly entity: TypeormClassLike | TypeormSchemaLike;
  /** The attributes that identify a row, where that is not the primary key: those of another unique key. */
  readonly key?: readonly string[];
  /**
   * The attribute that every update changes. Default: the VersionColumn, or else the UpdateDateColumn where the database
   * keeps milliseconds of it, which TypeORM's SQLite does not. `"xmin"` is PostgreSQL's own.
   */
  readonly version?: string;
}

/** An EntitySchema without a class, with the type of its rows: see {@link plainEntity}. */
export interface TypeormPlainEntity<Row extends object> extends TypeormStatedModel {
  /** For the compiler alone; never there. */
  readonly $inferSelect: Row;
}

/**
 * An EntitySchema without a class, whose rows are plain objects, with their type: the compiler cannot read it from
 * the schema. What it returns is for the adapter's models and for `ref` alike.
 *
 * @example
 * const tags = plainEntity<Tag>(TagSchema);
 * typeorm(dataSource, { "qa.Tag": tags });
 * ref(tags, row);
 */
export function plainEntity<Row extends object>(
  schema: TypeormSchemaLike,
  settings: Pick<TypeormStatedModel, "key" | "version"> = {},
): TypeormPlainEntity<Row> {
  return { ...settings, entity: schema } as TypeormPlainEntity<Row>;
}

/** What the app gave for a model, read. */
export interface GivenModel {
  readonly name: string;
  /** What the app's code may give to `ref`: first what it gave here. */
  readonly targets: readonly [object, ...object[]];
  /** By which TypeORM finds the entity. */
  readonly entity: EntityTarget | TypeormSchemaLike;
  /** Whose instances are rows of it; undefined where they are plain objects. */
  readonly class: TypeormClassLike | undefined;
  readonly key: readonly string[] | undefined;
  readonly version: string | undefined;
}

/**
 * Reads what the app gave for a model.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when it is neither a class nor an EntitySchema, with settings or not
 */
export function readModel(name: string, given: unknown): GivenModel {
  const isObject = typeof given === "object" && given !== null;
  const settings = isObject && !isSchema(given) ? (given as Partial<TypeormStatedModel>) : undefined;
  const entity: unknown = settings === undefined ? given : settings.entity;
  if (!isClass(entity) && !isSchema(entity)) {
    const received =
      settings !== undefined && "entity" in settings ? `{ entity: ${describe(entity)} }` : describe(given);
    throw invalid(
      name,
      `expected an entity: a class or an EntitySchema, or { entity, key?, version? } with one; received ${received}`,
    );
  }
  const stated: unknown = settings?.key;
  if (stated !== undefined && !isAttributes(stated)) {
    throw invalid(
      name,
      `\`key\` must be the attributes of a unique key, ["a", "b"]; received ${describe(stated)}`,
    );
  }
  const version: unknown = settings?.version;
  if (version !== undefined && typeof version !== "string") {
    throw invalid(name, `\`version\` must be an attribute or "xmin"; received ${describe(version)}`);
  }
  const ofSchema = isSchema(entity) ? classOf(entity) : undefined;
  const owner = isClass(entity) ? entity : ofSchema;
  const targets: [object, ...object[]] = [given as object];
  for (const other of [entity, ofSchema])
    if (other !== undefined && !targets.includes(other)) targets.push(other);
  // A schema that has a class is registered under its class, whose name may be another.
  return { name, targets, entity: owner ?? entity, class: owner, key: stated, version };
}

/** `ERR_MODEL_DEFINITION`, about a model. */
export function invalid(name: string, reason: string): PetioleError {
  return invalidModel("typeorm", name, reason);
}

function isClass(value: unknown): value is TypeormClassLike {
  return typeof value === "function" && typeof value.prototype === "object" && value.prototype !== null;
}

function isSchema(value: unknown): value is TypeormSchemaLike {
  if (typeof value !== "object" || value === null) return false;
  return Reflect.get(value, "@instanceof") === Symbol.for("EntitySchema");
}

function classOf(schema: TypeormSchemaLike): TypeormClassLike | undefined {
  const target: unknown = Reflect.get(schema.options, "target");
  return isClass(target) ? target : undefined;
}

function isAttributes(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string");
}

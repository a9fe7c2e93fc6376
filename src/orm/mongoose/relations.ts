/**
 * Relations to load with each row: names checked against the schemas, and what Mongoose's `populate` takes.
 *
 * @module
 */
import { type RelationStep, type RelationsThere, relationSteps } from "../../model/relation-path.ts";
import { type ModelLike, type SchemaLike, isModel } from "./like.ts";
import { type MongooseModel, invalid } from "./model.ts";

/** What `populate` takes. */
export interface Population {
  readonly path: string;
  readonly options: object;
  readonly populate: readonly Population[];
}

interface Relation {
  /** Undefined where each document says which model it is. */
  readonly target: ModelLike | undefined;
}

/**
 * What to populate for relations given by dotted path.
 *
 * @param options - those of the query, which the queries for relations need as well
 * @throws PetioleError `ERR_MODEL_DEFINITION` for what is no relation, or too far away
 */
export function populationsOf(
  model: MongooseModel,
  paths: readonly string[],
  options: object,
): readonly Population[] {
  const relationsOf = (from: Relation | undefined) => relationsThere(from ? from.target : model.target);
  const steps = relationSteps(paths, relationsOf, (reason) => invalid(model.name, reason));
  return populations(steps, options);
}

function populations(steps: readonly RelationStep<Relation>[], options: object): readonly Population[] {
  return steps.map(({ name, below }) => ({
    path: name,
    options: { ...options },
    populate: populations(below, options),
  }));
}

function relationsThere(model: ModelLike | undefined): RelationsThere<Relation> {
  return {
    of: model?.modelName,
    names: model === undefined ? [] : namesOf(model),
    find: (path) => (model === undefined ? undefined : relationAt(model, path)),
  };
}

/** The relation that a path begins with: its first part that has a `ref`. */
function relationAt(model: ModelLike, path: string): { name: string; relation: Relation } | undefined {
  const parts = path.split(".");
  for (let length = 1; length <= parts.length; length++) {
    const start = parts.slice(0, length).join(".");
    for (const { schema } of [model, ...Object.values(model.discriminators ?? {})]) {
      const reference = referenceAt(schema, start);
      if (reference !== undefined) return { name: start, relation: { target: resolve(model, reference) } };
    }
  }
  return undefined;
}

/** What a path's `ref` (or, where documents say it themselves, its `refPath`) is. */
function referenceAt(schema: SchemaLike, path: string): unknown {
  const type = schema.path(path);
  const options = type?.embeddedSchemaType?.options ?? type?.options;
  const reference = options?.ref ?? options?.refPath;
  if (reference !== undefined) return reference;
  const virtual = schema.virtualpath(path)?.options;
  return virtual?.ref ?? virtual?.refPath;
}

function resolve(model: ModelLike, reference: unknown): ModelLike | undefined {
  if (isModel(reference)) return reference;
  return typeof reference === "string" ? model.db.models[reference] : undefined;
}

/** The paths and virtuals with a `ref`. */
function namesOf(model: ModelLike): readonly string[] {
  return pathsOf(model.schema).filter((path) => referenceAt(model.schema, path) !== undefined);
}

/** The paths and virtuals of a schema, with those of its subdocuments; of a schema that holds itself, the first. */
function pathsOf(schema: SchemaLike, depth = 0): readonly string[] {
  const virtuals: unknown = Reflect.get(schema, "virtuals");
  const inner = Object.entries(schema.paths).flatMap(([path, type]) =>
    type.schema === undefined || depth > 2
      ? []
      : pathsOf(type.schema, depth + 1).map((each) => `${path}.${each}`),
  );
  return [...Object.keys(schema.paths), ...Object.keys(Object(virtuals) as object), ...inner];
}

/**
 * Relations to load with each row: names checked against the schemas, and what Mongoose's `populate` takes.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import { type ModelLike, type SchemaLike, isModel } from "./like.ts";
import type { MongooseModel } from "./model.ts";

/** What `populate` takes. */
export interface Population {
  readonly path: string;
  readonly options: object;
  readonly populate: Population[];
}

const maxDepth = 4;

/**
 * What to populate for relations given by dotted path.
 *
 * @param options - those of the query, which the queries for relations need as well
 * @throws PetioleError `ERR_MODEL_DEFINITION` for a name that is no relation
 */
export function populationsOf(
  model: MongooseModel,
  relations: readonly string[],
  options: object,
): readonly Population[] {
  const populations: Population[] = [];
  for (const relation of relations) {
    let level = populations;
    let target: ModelLike | undefined = model.target;
    if (typeof relation !== "string" || relation.split(".").includes(""))
      throw invalid(model, relation, adviceFor(model.target, ""));
    let rest = relation;
    for (let depth = 1; rest !== ""; depth++) {
      if (depth > maxDepth)
        throw invalid(
          model,
          relation,
          `goes over ${maxDepth} relations deep. Load the last of them yourself`,
        );
      const found: Relation | undefined = target && relationAt(target, rest);
      if (found === undefined) throw invalid(model, relation, adviceFor(target, rest));
      let population: Population | undefined = level.find(({ path }) => path === found.path);
      if (population === undefined) {
        population = { path: found.path, options: { ...options }, populate: [] };
        level.push(population);
      }
      level = population.populate;
      target = found.target;
      rest = rest.slice(found.path.length + 1);
    }
  }
  return populations;
}

interface Relation {
  readonly path: string;
  /** Undefined where each document says which model it is. */
  readonly target: ModelLike | undefined;
}

/** The relation that a path begins with: its first part that has a `ref`. */
function relationAt(model: ModelLike, path: string): Relation | undefined {
  const parts = path.split(".");
  for (let length = 1; length <= parts.length; length++) {
    const start = parts.slice(0, length).join(".");
    for (const { schema } of [model, ...Object.values(model.discriminators ?? {})]) {
      const reference = referenceAt(schema, start);
      if (reference !== undefined) return { path: start, target: resolve(model, reference) };
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

function adviceFor(model: ModelLike | undefined, rest: string): string {
  if (model === undefined) {
    return `names ${JSON.stringify(rest)} of a relation whose model only each document tells. Populate it yourself`;
  }
  const known = pathsOf(model.schema).filter((path) => referenceAt(model.schema, path) !== undefined);
  const there = known.length > 0 ? `Its relations are ${known.join(", ")}` : "It has none";
  return `names ${JSON.stringify(rest)}, and ${model.modelName} has no such relation (a path or a virtual with \`ref\`). ${there}`;
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

function invalid(model: MongooseModel, relation: unknown, reason: string): PetioleError {
  const received = typeof relation === "string" ? JSON.stringify(relation) : describe(relation);
  return new PetioleError("ERR_MODEL_DEFINITION", `mongoose: ${model.name}: \`with\` ${received} ${reason}`);
}

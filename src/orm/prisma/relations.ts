/**
 * `include` for the relations that are to be loaded with a row.
 *
 * @module
 */
import { type RelationStep, relationSteps, relationsThere } from "../../model/relation-path.ts";
import { type PrismaModelInfo, invalid } from "./model.ts";

interface Include {
  readonly [relation: string]: true | { readonly include: Include };
}

/**
 * `{ author: { include: { company: true } } }` of `["author", "author.company"]`; undefined for none.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when one is no relation, or too far away
 */
export function includeOf(model: PrismaModelInfo, paths: readonly string[] = []): Include | undefined {
  const relationsOf = (type: string = model.type) => {
    const relations = model.data.models[type]?.fields.filter(({ kind }) => kind === "object") ?? [];
    return relationsThere(type, new Map(relations.map((relation) => [relation.name, relation.type])));
  };
  const steps = relationSteps(paths, relationsOf, (reason) => invalid(model.name, reason));
  return steps.length === 0 ? undefined : including(steps);
}

function including(steps: readonly RelationStep<string>[]): Include {
  return Object.fromEntries(
    steps.map(({ name, below }) => [name, below.length === 0 ? true : { include: including(below) }]),
  );
}

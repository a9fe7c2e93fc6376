/**
 * The relations that are to be loaded with rows: `with`, checked, and as a tree that each ORM makes its own of.
 *
 * @module
 */
import type { PetioleError } from "../errors.ts";

/** How far `with` may reach from a row: each step is a query more, of everything that the step before found. */
const maxDepth = 4;

/** A relation to load, and those to load with what it leads to. */
export interface RelationStep<Relation> {
  /** As a path names it. */
  readonly name: string;
  readonly relation: Relation;
  readonly below: readonly RelationStep<Relation>[];
}

/** What an ORM says of the relations of a model. */
export interface RelationsThere<Relation> {
  /** What the ORM calls the model that they are of; undefined where only each row tells which that is. */
  readonly of: string | undefined;
  readonly names: readonly string[];
  /** The relation that a path begins with, and its name, which may have dots itself. */
  find(path: string): { readonly name: string; readonly relation: Relation } | undefined;
}

/** Those of a model whose relations have a name each, without dots. */
export function relationsThere<Relation>(
  of: string | undefined,
  relations: ReadonlyMap<string, Relation>,
): RelationsThere<Relation> {
  return {
    of,
    names: [...relations.keys()],
    find(path) {
      const [name = ""] = path.split(".", 1);
      const relation = relations.get(name);
      return relation === undefined ? undefined : { name, relation };
    },
  };
}

/**
 * Follows paths of relations.
 *
 * @param relationsOf - those of the model itself, and those of what a relation leads to
 * @param invalid - makes the error of a reason
 * @throws PetioleError what `invalid` makes, for what is no relation, or more than four away
 */
export function relationSteps<Relation>(
  paths: readonly string[],
  relationsOf: (from: Relation | undefined) => RelationsThere<Relation>,
  invalid: (reason: string) => PetioleError,
): readonly RelationStep<Relation>[] {
  const steps: MutableStep<Relation>[] = [];
  for (const path of paths) {
    let level = steps;
    let from: Relation | undefined;
    let rest: string | undefined = path;
    for (let depth = 1; rest !== undefined; depth++) {
      const there: RelationsThere<Relation> = relationsOf(from);
      const found = there.find(rest);
      if (found === undefined) throw invalid(unknown(path, rest, there));
      if (depth > maxDepth) {
        throw invalid(
          `\`with\` names ${JSON.stringify(path)}, which is more than ${maxDepth} relations deep. Let the handler ` +
            "load what is further away",
        );
      }
      const { name, relation } = found;
      let step = level.find((each) => each.name === name);
      if (step === undefined) level.push((step = { name, relation, below: [] }));
      level = step.below;
      from = relation;
      rest = rest === name ? undefined : rest.slice(name.length + 1);
    }
  }
  return steps;
}

interface MutableStep<Relation> extends RelationStep<Relation> {
  readonly below: MutableStep<Relation>[];
}

function unknown(path: string, rest: string, { of, names }: RelationsThere<unknown>): string {
  const named = `\`with\` names ${JSON.stringify(path)}`;
  if (of === undefined) {
    return (
      `${named}, and which model ${JSON.stringify(rest)} is of only each row tells. Let the handler load what it ` +
      "needs"
    );
  }
  const known = names.length === 0 ? "It has none" : `It has ${names.join(", ")}`;
  return `${named}, and ${of} has no relation ${JSON.stringify(rest)}. ${known}`;
}

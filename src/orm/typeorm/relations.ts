/**
 * `with`: the relations to load, checked against the entity.
 *
 * @module
 */
import { type RelationStep, relationSteps } from "../../model/relation-path.ts";
import type { Entity } from "./entity.ts";
import type { RelationMetadataLike } from "./like.ts";
import { invalid } from "./target.ts";

/** Relations as TypeORM's `find` takes them: `{ author: { company: true } }`. */
export interface RelationTree {
  [relation: string]: RelationTree;
}

/**
 * Dotted paths of relations as a tree.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when one is no relation, or too far away
 */
export function relationTree(entity: Entity, paths: readonly string[]): RelationTree {
  const relationsOf = (from: RelationMetadataLike | undefined) => {
    const { relations, targetName } = from?.inverseEntityMetadata ?? entity.metadata;
    return {
      of: targetName,
      names: relations.map(({ propertyPath }) => propertyPath),
      // In an embedded object, its path has a dot.
      find(rest: string) {
        const relation = relations.find(
          ({ propertyPath }) => rest === propertyPath || rest.startsWith(`${propertyPath}.`),
        );
        return relation && { name: relation.propertyPath, relation };
      },
    };
  };
  return treeOf(relationSteps(paths, relationsOf, (reason) => invalid(entity.name, reason)));
}

function treeOf(steps: readonly RelationStep<RelationMetadataLike>[]): RelationTree {
  const tree: RelationTree = {};
  for (const { name, below } of steps) {
    let level = tree;
    for (const part of name.split(".")) level = level[part] ??= {};
    Object.assign(level, treeOf(below));
  }
  return tree;
}

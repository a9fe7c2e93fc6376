/**
 * `with`: the relations to load, checked against the entity.
 *
 * @module
 */
import type { Entity } from "./entity.ts";
import type { EntityMetadataLike } from "./like.ts";
import { invalid } from "./target.ts";

/** Relations as TypeORM's `find` takes them: `{ author: { company: true } }`. */
export interface RelationTree {
  [relation: string]: RelationTree;
}

const maxDepth = 4;

/**
 * Dotted paths of relations as a tree.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when one is no relation, or leads through more than four
 */
export function relationTree(entity: Entity, paths: readonly string[]): RelationTree {
  const tree: RelationTree = {};
  for (const path of paths) {
    check(entity, path);
    let level = tree;
    for (const name of path.split(".")) level = level[name] ??= {};
  }
  return tree;
}

function check(entity: Entity, path: string): void {
  let metadata: EntityMetadataLike = entity.metadata;
  let rest = path;
  for (let depth = 1; ; depth += 1) {
    const relation = metadata.relations.find(
      ({ propertyPath }) => rest === propertyPath || rest.startsWith(`${propertyPath}.`),
    );
    if (relation === undefined) {
      const known = metadata.relations.map(({ propertyPath }) => propertyPath);
      throw invalid(
        entity.name,
        `\`with\` names ${JSON.stringify(path)}, and ${metadata.targetName} has no relation ${JSON.stringify(rest)}. ` +
          (known.length > 0 ? `It has ${known.join(", ")}` : "It has none"),
      );
    }
    if (depth > maxDepth) {
      throw invalid(
        entity.name,
        `\`with\` names ${JSON.stringify(path)}, which leads through more than ${maxDepth} relations. Load what is ` +
          "behind them in the handler",
      );
    }
    if (rest === relation.propertyPath) return;
    rest = rest.slice(relation.propertyPath.length + 1);
    metadata = relation.inverseEntityMetadata;
  }
}

/**
 * `include` for the relations that are to be loaded with a row.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { PrismaModelInfo } from "./model.ts";

/** Each level is one more query, and one more `IN` list of everything in the level before. */
const maxDepth = 4;

interface Include {
  [relation: string]: true | { include: Include };
}

/**
 * `{ author: { include: { company: true } } }` of `["author", "author.company"]`; undefined for none.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when one is no relation, or too deep
 */
export function includeOf(model: PrismaModelInfo, paths: readonly string[] = []): Include | undefined {
  const include: Include = {};
  for (const path of paths) {
    const steps = String(path).split(".");
    if (steps.length > maxDepth) {
      throw refused(model, path, `it is ${steps.length} relations deep, and ${maxDepth} is the most`);
    }
    let level = include;
    let type = model.type;
    for (const [index, step] of steps.entries()) {
      const relations = model.data.models[type]?.fields.filter(({ kind }) => kind === "object") ?? [];
      const relation = relations.find(({ name }) => name === step);
      if (relation === undefined) {
        const known = relations.map(({ name }) => JSON.stringify(name)).join(", ") || "none";
        throw refused(model, path, `${JSON.stringify(step)} is no relation of ${type}. It has ${known}`);
      }
      type = relation.type;
      const there = level[step];
      if (index === steps.length - 1) {
        level[step] = there ?? true;
        continue;
      }
      const below = typeof there === "object" ? there : { include: {} };
      level[step] = below;
      level = below.include;
    }
  }
  return paths.length === 0 ? undefined : include;
}

function refused(model: PrismaModelInfo, path: string, reason: string): PetioleError {
  return new PetioleError(
    "ERR_MODEL_DEFINITION",
    `prisma: ${JSON.stringify(model.name)} cannot be loaded with ${JSON.stringify(path)}: ${reason}`,
  );
}

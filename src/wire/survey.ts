/**
 * The first look at a received tree, before anything is built from it: its size, the references in
 * it, and what its `same` tags point at.
 *
 * @module
 */
import { LimitError } from "../errors.ts";
import type { Limits } from "./limits.ts";
import { looksLikeTag } from "./tag.ts";

/** What a tree holds. */
export interface Survey {
  /** The nodes of its `ref` tags. */
  readonly references: readonly object[];
  /** From each `same` tag to the node it points at, if there is one. */
  readonly targets: ReadonlyMap<object, object>;
}

/** Looks through a tree that `JSON.parse` made. Its levels are walked one after another, so depth is no danger. */
export function survey(tree: unknown, limits: Limits, root: string): Survey {
  const references: object[] = [];
  const targets = new Map<object, object>();
  let nodes = 1;
  let level: object[] = isObject(tree) ? [tree] : [];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limits.depth) throw new LimitError(root, "depth", limits.depth, depth);
    const next: object[] = [];
    for (const value of level) {
      if (!Array.isArray(value) && looksLikeTag(value)) {
        if (value.__type__ === "ref") {
          references.push(value);
        } else if (value.__type__ === "same") {
          const target = follow(value.__value__, tree);
          if (target) targets.set(value, target);
        }
      }
      const inside: unknown[] = Array.isArray(value) ? value : Object.values(value);
      nodes += inside.length;
      if (nodes > limits.nodes) throw new LimitError(root, "nodes", limits.nodes, nodes);
      for (const item of inside) if (isObject(item)) next.push(item);
    }
    level = next;
  }
  return { references, targets };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The node at an RFC 6901 pointer; undefined where it leads nowhere. */
function follow(pointer: unknown, tree: unknown): object | undefined {
  if (
    typeof pointer !== "string" ||
    (pointer !== "" && !pointer.startsWith("/")) ||
    /~(?![01])/.test(pointer)
  ) {
    return undefined;
  }
  let node: unknown = tree;
  for (const token of pointer.split("/").slice(1)) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isObject(node) || !Object.hasOwn(node, key)) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return isObject(node) ? node : undefined;
}

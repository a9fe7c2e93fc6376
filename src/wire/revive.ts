/**
 * The short way of decoding: one pass, without frames, for texts that are neither deep nor hold pointers, graphs
 * or references. It gives the same values and refuses the same texts as the general way; where it is in doubt,
 * or something is wrong, it gives up, and the general way says what and where.
 *
 * @module
 */
import type { Limits } from "./limits.ts";
import { looksLikeTag, valueKey, type Tag } from "./tag.ts";

/** Deeper data takes the general way, which does not recurse. */
const maximumDepth = 100;

/** Thrown to give up. */
const givingUp = new Error("not the short way");

/** Whether a text has nothing in it that needs the general way. False when in doubt. */
export function isSimpleText(text: string): boolean {
  return (
    !text.includes('"same"') &&
    !text.includes('"ref"') &&
    !text.includes('"graph"') &&
    !text.includes("\\u00")
  );
}

/**
 * Builds the value of a parsed tree, using the tree up.
 *
 * @returns the value in a box; undefined when the general way has to be taken, on a tree of its own
 */
export function revive(
  tree: unknown,
  tagOf: (name: string) => Tag | undefined,
  limits: Limits,
): { readonly value: unknown } | undefined {
  const state: State = {
    nodes: limits.nodes - 1,
    deepest: Math.min(limits.depth, maximumDepth),
    tagOf,
    limits,
  };
  try {
    const value = build(tree, 1, state);
    return state.nodes >= 0 ? { value } : undefined;
  } catch {
    return undefined;
  }
}

interface State {
  nodes: number;
  readonly deepest: number;
  readonly tagOf: (name: string) => Tag | undefined;
  readonly limits: Limits;
}

function build(value: unknown, level: number, state: State): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (level > state.deepest) throw givingUp;
  if (Array.isArray(value)) {
    buildItems(value, level, state);
    return value;
  }
  if ((value as { __type__?: unknown }).__type__ !== undefined && looksLikeTag(value)) {
    return buildTag(value, level, state);
  }
  buildFields(value as Record<string, unknown>, level, state);
  return value;
}

function buildItems(items: unknown[], level: number, state: State): void {
  state.nodes -= items.length;
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    if (typeof item === "object" && item !== null) items[index] = build(item, level + 1, state);
  }
}

function buildFields(fields: Record<string, unknown>, level: number, state: State): void {
  for (const key in fields) {
    state.nodes--;
    if (key === "__proto__") throw givingUp;
    const item = fields[key];
    if (typeof item === "object" && item !== null) fields[key] = build(item, level + 1, state);
  }
}

function buildTag(node: { __type__: string; [valueKey]: unknown }, level: number, state: State): unknown {
  const tag = state.tagOf(node.__type__);
  if (!tag) throw givingUp;
  state.nodes -= 2;
  const content = node[valueKey];
  switch (tag.layout) {
    case "scalar":
      if (typeof content === "object" && content !== null) throw givingUp;
      return tag.read(content, state.limits, undefined);
    case "value":
      return tag.read(build(content, level + 1, state), state.limits, undefined);
    case "fields": {
      if (typeof content !== "object" || content === null || Array.isArray(content)) throw givingUp;
      // Opened first, as it was received: its insides are replaced.
      const opened = tag.open?.(content);
      if (level + 1 > state.deepest) throw givingUp;
      buildFields(content as Record<string, unknown>, level + 1, state);
      return tag.read(content, state.limits, opened);
    }
    case "items": {
      if (!Array.isArray(content) || level + 1 > state.deepest) throw givingUp;
      buildItems(content, level + 1, state);
      return tag.read(content, state.limits, tag.open?.(content));
    }
    default: {
      if (!Array.isArray(content) || level + 2 > state.deepest) throw givingUp;
      state.nodes -= content.length;
      for (const entry of content) {
        if (!Array.isArray(entry) || entry.length !== 2) throw givingUp;
        buildItems(entry, level + 2, state);
      }
      return tag.read(content, state.limits, tag.open?.(content));
    }
  }
}

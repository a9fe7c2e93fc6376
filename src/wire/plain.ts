/**
 * The way most payloads take: whether `JSON.stringify` alone gives text from which the same value comes back.
 *
 * @module
 */
import type { Dialect } from "./dialect.ts";
import type { Limits } from "./limits.ts";
import { needsTag } from "./tags/number.ts";

/** Deeper data is put off, so that depth is no danger to the stack. */
const levelsAtOnce = 200;

/** With more second places than this, a graph is smaller than pointers. */
const mostShared = 2000;

/**
 * What there is to know of a value before it is encoded:
 *
 * - `plain`: JSON data, a tree within the limits, nothing in it changed by `JSON.stringify`
 * - a Set of all its objects, itself first: plain data with very much sharing, or deeper than the limit
 * - `rich`: anything else, and what is doubtful
 */
export type Finding = "plain" | "rich" | ReadonlySet<object>;

/**
 * Looks through a value. Written for speed, and measured: one state, no array of an object's keys, no Set where
 * few objects are.
 */
export function scan(value: unknown, limits: Limits, dialect: Dialect): Finding {
  const deepest = Math.min(limits.depth, dialect.depth);
  const state: Scan = {
    nodes: limits.nodes - 1,
    text: limits.bytes,
    shared: 0,
    deepest: 0,
    dialect,
    few: [],
    many: undefined,
    later: [],
  };
  if (!scanInside(value, 0, levelsAtOnce, state)) return "rich";
  for (let next = state.later.pop(); next; next = state.later.pop()) {
    if (!scanFields(next.value, next.level, next.level + levelsAtOnce, state)) return "rich";
  }
  if (state.nodes < 0 || state.text < 0) return "rich";
  if (state.shared === 0 && state.deepest <= deepest) return "plain";
  const isGraph = dialect.pointers && (state.shared > mostShared || state.deepest > limits.depth);
  return isGraph && state.many ? state.many : "rich";
}

interface Scan {
  /** What is left of the limits. */
  nodes: number;
  text: number;
  /** Second places of objects. */
  shared: number;
  deepest: number;
  readonly dialect: Dialect;
  /** The objects that were met. */
  readonly few: object[];
  many: Set<object> | undefined;
  readonly later: { readonly value: object; readonly level: number }[];
}

/** Looks through an object, at its first place; false when it is not plain. */
function scanObject(value: object, level: number, most: number, state: Scan): boolean {
  if (isKnown(value, state)) {
    state.shared++;
    return true;
  }
  if (level > most) {
    state.later.push({ value, level });
    return true;
  }
  return scanFields(value, level, most, state);
}

function scanFields(value: object, level: number, most: number, state: Scan): boolean {
  if (level > state.deepest) state.deepest = level;
  // Several times faster than Object.getPrototypeOf. Where it lies, it is an own property, which is looked for below.
  const prototype: unknown = (value as { __proto__?: unknown }).__proto__;
  // A `toJSON`, seen or unseen, would be called by JSON.stringify.
  if ((value as { toJSON?: unknown }).toJSON !== undefined) return false;
  if (prototype === Array.prototype ? !Array.isArray(value) : prototype !== Object.prototype) return false;
  if (Object.getOwnPropertySymbols(value).length > 0) return false;
  let keys = 0;
  if (prototype === Array.prototype) {
    const items = value as readonly unknown[];
    // As many keys as items, and no item that is undefined: no holes, and nothing beside the items.
    for (const _ in items) keys++;
    if (keys !== items.length) return false;
    for (let index = 0; index < keys; index++)
      if (!scanInside(items[index], level, most, state)) return false;
  } else {
    for (const key in value) {
      keys++;
      if (!scanInside((value as Record<string, unknown>)[key], level, most, state)) return false;
      if (key === "__proto__" || (key === "__type__" && state.dialect.looksLikeTag(value))) return false;
    }
  }
  state.nodes -= keys;
  return true;
}

function scanInside(value: unknown, level: number, most: number, state: Scan): boolean {
  switch (typeof value) {
    case "string":
      state.text -= value.length;
      return true;
    case "number":
      return !needsTag(value);
    case "boolean":
      return true;
    case "object":
      return value === null || scanObject(value, level + 1, most, state);
    default:
      return false;
  }
}

/** Whether an object was met before. For the few that most payloads have, a Set costs more than it saves. */
function isKnown(value: object, state: Scan): boolean {
  if (state.many) {
    const { size } = state.many;
    return state.many.add(value).size === size;
  }
  if (state.few.includes(value)) return true;
  if (state.few.push(value) > 12) state.many = new Set(state.few);
  return false;
}

/** Whether an object without a class is data, and not `Math`, `arguments` or a module. */
export function isData(value: object): boolean {
  const tag = Symbol.toStringTag;
  return (
    Object.prototype.toString.call(value) === "[object Object]" ||
    (tag in value && Object.prototype.propertyIsEnumerable.call(value, tag))
  );
}

/** Whether an array has no holes and no properties beside its items. */
export function isPlainArray(value: readonly unknown[]): boolean {
  const keys = Object.keys(value);
  const { length } = value;
  // An array's own keys begin with its indices, in order: with as many keys as items, the last index shows
  // that none is missing.
  return (
    keys.length === length && (length === 0 || keys[length - 1] === String(length - 1)) && !hasSymbols(value)
  );
}

/** Whether an object has symbol keys that count as its data: the enumerable ones, as for `structuredClone`. */
export function hasSymbols(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol));
}

/**
 * The way most payloads take: whether `JSON.stringify` alone gives text from which the same value comes back.
 *
 * @module
 */
import type { Dialect } from "./dialect.ts";
import type { Limits } from "./limits.ts";
import { needsTag } from "./tags/number.ts";

/** Deeper data takes the general way, which does not recurse. */
const maximumDepth = 200;

/**
 * Whether a value is plain JSON data: a tree within the limits, nothing in it shared, nothing changed by
 * `JSON.stringify`.
 *
 * Written for speed, and measured: one function and one state, no array of an object's keys, no Set where few
 * objects are. Doubtful cases may be refused: they take the general way.
 */
export function isPlain(value: unknown, limits: Limits, dialect: Dialect): boolean {
  const state: Scan = {
    nodes: limits.nodes - 1,
    text: limits.bytes,
    deepest: Math.min(limits.depth, maximumDepth),
    looksLikeTag: dialect.looksLikeTag,
    few: [],
    many: undefined,
  };
  return scan(value, 1, state) && state.nodes >= 0 && state.text >= 0;
}

/** What is left of the limits, and which objects were met. */
interface Scan {
  nodes: number;
  text: number;
  readonly deepest: number;
  readonly looksLikeTag: (value: object) => boolean;
  readonly few: object[];
  many: Set<object> | undefined;
}

function scan(value: unknown, depth: number, state: Scan): boolean {
  if (typeof value === "string") {
    state.text -= value.length;
    return true;
  }
  if (typeof value === "number") return !needsTag(value);
  if (typeof value === "boolean" || value === null) return true;
  if (typeof value !== "object" || depth > state.deepest || isKnown(value, state)) return false;
  // A `toJSON`, seen or unseen, would be called by JSON.stringify.
  if ((value as { toJSON?: unknown }).toJSON !== undefined) return false;
  return Array.isArray(value) ? scanArray(value, depth, state) : scanObject(value, depth, state);
}

function scanArray(value: readonly unknown[], depth: number, state: Scan): boolean {
  const { length } = value;
  state.nodes -= length;
  if (state.nodes < 0 || Object.getPrototypeOf(value) !== Array.prototype) return false;
  // As many keys as items, and below no item that is undefined: no holes, and nothing beside the items.
  let keys = 0;
  for (const _ in value) keys++;
  if (keys !== length || Object.getOwnPropertySymbols(value).length > 0) return false;
  for (let index = 0; index < length; index++) if (!scan(value[index], depth + 1, state)) return false;
  return true;
}

function scanObject(value: object, depth: number, state: Scan): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype || Object.getOwnPropertySymbols(value).length > 0)
    return false;
  if ((value as { __type__?: unknown }).__type__ !== undefined && state.looksLikeTag(value)) return false;
  let keys = 0;
  for (const key in value) {
    keys++;
    if (key === "__proto__" || !scan((value as Record<string, unknown>)[key], depth + 1, state)) return false;
  }
  state.nodes -= keys;
  return true;
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

/** Whether an object of Object's own prototype is data, not `Math` or `arguments`, and has no symbols as keys. */
export function isPlainObject(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return (
    symbols.length === 0 ||
    (!hasSymbols(value) && Object.prototype.toString.call(value) === "[object Object]")
  );
}

/** Whether an array has Array's own prototype, no holes and no properties beside its items. */
export function isPlainArray(value: readonly unknown[]): boolean {
  if (Object.getPrototypeOf(value) !== Array.prototype) return false;
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

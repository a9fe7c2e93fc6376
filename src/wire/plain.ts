/**
 * The way most payloads take: whether `JSON.stringify` alone gives text from which the same value comes back.
 *
 * @module
 */
import type { Dialect } from "./dialect.ts";
import type { EncodeContext } from "./encode-context.ts";
import { needsTag } from "./tags/number.ts";

/** Deeper data is put off, so that depth is no danger to the stack. */
const levelsAtOnce = 200;

/** With more second places than this, a graph is smaller than pointers. */
const mostShared = 2000;

/**
 * What there is to know of a value before it is encoded:
 *
 * - `plain`: JSON data, a tree within the limits, nothing in it changed by `JSON.stringify`
 * - a Map of all its objects, itself first, to their numbers: plain data with very much sharing, or deeper than the limit
 * - `rich`: anything else, and what is doubtful
 */
export type Finding = "plain" | "rich" | ReadonlyMap<object, number>;

/**
 * Looks through a value. Written for speed, and measured: one state, no array of an object's keys, no Set where
 * few objects are.
 */
export function scan(
  value: unknown,
  { limits, dialect, isRow }: Pick<EncodeContext, "limits" | "dialect" | "isRow">,
): Finding {
  const deepest = Math.min(limits.depth, dialect.depth);
  const state: Scan = {
    nodes: limits.nodes - 1,
    text: limits.bytes,
    shared: 0,
    deepest: 0,
    dialect,
    isRow,
    few: [],
    many: undefined,
    numbers: undefined,
    later: [],
  };
  if (!scanRoot(value, state)) return "rich";
  for (let next = state.later.pop(); next; next = state.later.pop()) {
    if (!scanFields(next.value, next.level, next.level + levelsAtOnce, state)) return "rich";
  }
  if (state.nodes < 0 || state.text < 0) return "rich";
  if (state.shared === 0 && state.deepest <= deepest) return "plain";
  const isGraph = dialect.pointers && (state.shared > mostShared || state.deepest > limits.depth);
  if (!isGraph) return "rich";
  return state.numbers ?? numbered(state);
}

function scanRoot(value: unknown, state: Scan): boolean {
  if (typeof value === "object" && value !== null) return scanObject(value, 1, levelsAtOnce, state);
  if (typeof value === "string") state.text -= value.length;
  return typeof value === "number"
    ? !needsTag(value)
    : value === null || typeof value === "string" || typeof value === "boolean";
}

interface Scan {
  /** What is left of the limits. */
  nodes: number;
  text: number;
  /** Second places of objects. */
  shared: number;
  deepest: number;
  readonly dialect: Dialect;
  readonly isRow: EncodeContext["isRow"];
  /** The objects that were met. */
  readonly few: object[];
  many: Set<object> | undefined;
  /** By number, once one was met again. */
  numbers: Map<object, number> | undefined;
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
  // Getters may give something new for ever.
  if (state.nodes < 0) return false;
  if (level > state.deepest) state.deepest = level;
  const prototype: unknown = Object.getPrototypeOf(value);
  let keys = 0;
  if (prototype === Object.prototype) {
    if (state.isRow?.(value)) return false;
    for (const key in value) {
      keys++;
      const isOdd =
        key === "__proto__" ||
        (key === "0" && !isData(value)) ||
        (key === "__type__" && state.dialect.looksLikeTag(value));
      if (isOdd) return false;
      const inside = (value as Record<string, unknown>)[key];
      // Told apart here, for most are no objects: a call for each costs as much as all else.
      if (typeof inside === "string") state.text -= inside.length;
      else if (
        typeof inside === "number" ? needsTag(inside) : typeof inside !== "boolean" && inside !== null
      ) {
        if (typeof inside !== "object" || !scanObject(inside as object, level + 1, most, state)) return false;
      }
    }
  } else if (prototype === Array.prototype && Array.isArray(value)) {
    const items = value as readonly unknown[];
    // As many keys as items, and no item that is undefined: no holes, and nothing beside the items.
    keys = Object.keys(items).length;
    if (keys !== items.length) return false;
    for (let index = 0; index < keys; index++) {
      const inside = items[index];
      if (typeof inside === "string") state.text -= inside.length;
      else if (
        typeof inside === "number" ? needsTag(inside) : typeof inside !== "boolean" && inside !== null
      ) {
        if (typeof inside !== "object" || !scanObject(inside as object, level + 1, most, state)) return false;
      }
    }
  } else {
    return false;
  }
  state.nodes -= keys;
  // A Date or an Error that was given Object's prototype has no keys of its own, as a rule.
  if (keys === 0 && !isData(value) && prototype === Object.prototype) return false;
  // A `toJSON`, seen or unseen, would be called by JSON.stringify.
  return (
    Object.getOwnPropertySymbols(value).length === 0 && (value as { toJSON?: unknown }).toJSON === undefined
  );
}

/** The objects that were met, each with its number. */
function numbered({ many, few }: Scan): Map<object, number> {
  return new Map([...(many ?? few)].map((object, index) => [object, index]));
}

/** Whether an object was met before. For the few that most payloads have, a Set costs more than it saves. */
function isKnown(value: object, state: Scan): boolean {
  const { numbers, many, few } = state;
  if (numbers) {
    if (numbers.get(value) !== undefined) return true;
    numbers.set(value, numbers.size);
    return false;
  }
  const isNew = many ? many.size < many.add(value).size : !few.includes(value);
  if (!isNew) {
    // It is no tree, and may become a graph, for which they are numbered.
    state.numbers = numbered(state);
    return true;
  }
  if (!many && few.push(value) > 12) state.many = new Set(few);
  return false;
}

/** Whether an object without a class is data, and not `Math`, `arguments` or a module. */
export function isData(value: object): boolean {
  const { isRawJSON } = JSON as { isRawJSON?(value: unknown): boolean };
  // The global of another realm has nothing else that tells it.
  if (isRawJSON?.(value) || (value as { globalThis?: unknown }).globalThis === value) return false;
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

// With a prototype, a key `__proto__` could be assigned and be no property.
const nothing = Object.freeze({ __proto__: null });

/**
 * Whether an object has properties that count as data, by strings or symbols. Assigning them to what cannot be changed
 * throws, and is the fastest way to know that there is none.
 */
export function hasProperties(value: object): boolean {
  try {
    Object.assign(nothing, value);
    return false;
  } catch {
    return true;
  }
}

/**
 * The way most payloads take: whether `JSON.stringify` alone gives text from which the same value comes back.
 *
 * @module
 */
import type { EncodeContext } from "./encode-context.ts";
import { needsTag } from "./tags/number.ts";

/** With more second places than this, it is looked at as a graph, which tells whether it has enough of them. */
const manyShared = 100;

/** For so few objects, a Set costs more than it saves. */
const few = 12;

/**
 * What there is to know of a value before it is encoded:
 *
 * - `plain`: JSON data, a tree within the limits, nothing in it changed by `JSON.stringify`
 * - `graph`: has much sharing, or may be deeper than the limit; it was not looked through to its end
 * - `rich`: anything else, and what is doubtful
 */
export type Finding = "plain" | "graph" | "rich";

/** What looking through a value needs to know. */
export type ScanContext = Pick<EncodeContext, "limits" | "dialect" | "registry">;

interface Scan {
  readonly context: ScanContext;
  /** What is left of the limits. */
  nodes: number;
  text: number;
  /** Second places of objects. */
  shared: number;
  /** The objects that were met, level by level. */
  readonly met: object[];
  /** The same, once they are many. */
  known: Set<object> | undefined;
}

/**
 * Looks through a value. Written for speed, and measured: one object after another without recursion, no array of an
 * object's keys.
 */
export function scan(value: unknown, context: ScanContext): Finding {
  const { limits, dialect } = context;
  const met: object[] = [];
  const state: Scan = {
    context,
    nodes: limits.nodes - 1,
    text: limits.bytes,
    shared: 0,
    met,
    known: undefined,
  };
  if (typeof value === "object" && value !== null ? !meet(value, state) : !isScalar(value)) return "rich";
  if (typeof value === "string") state.text -= value.length;
  let level = 0;
  let nextLevel = 0;
  for (let index = 0; index < met.length; index++) {
    if (index === nextLevel) {
      level++;
      nextLevel = met.length;
    }
    const object = met[index]!;
    const isPlain = Array.isArray(object) ? scanItems(object, state) : scanFields(object, state);
    // Getters may give something new for ever.
    if (!isPlain || hasHidden(object) || state.nodes < 0) return "rich";
    if (state.shared > manyShared) break;
  }
  if (state.nodes < 0 || state.text < 0) return "rich";
  if (state.shared === 0 && level <= Math.min(limits.depth, dialect.depth)) return "plain";
  // Nothing is deeper than there are objects.
  return dialect.pointers && (state.shared > manyShared || met.length > limits.depth) ? "graph" : "rich";
}

/** Looks at what is in a plain object; false when it is none, or something in it is not plain. */
function scanFields(value: object, state: Scan): boolean {
  const { context } = state;
  if (context.registry.rows?.isRow?.(value)) return false;
  let keys = 0;
  let text = 0;
  for (const key in value) {
    keys++;
    if (isOddKey(key, value, context)) return false;
    const inside = (value as Record<string, unknown>)[key];
    // Told apart here, for most are no objects: a call for each costs as much as all else.
    if (typeof inside === "string") text += inside.length;
    else if (typeof inside === "number" ? needsTag(inside) : typeof inside !== "boolean" && inside !== null) {
      if (typeof inside !== "object" || !meet(inside!, state)) return false;
    }
  }
  state.nodes -= keys;
  state.text -= text;
  // A Date or an Error that was given Object's prototype has no keys of its own, as a rule.
  return keys > 0 || isData(value);
}

function scanItems(items: readonly unknown[], state: Scan): boolean {
  if (!isPlainList(items)) return false;
  const { length } = items;
  let text = 0;
  for (let index = 0; index < length; index++) {
    const inside = items[index];
    if (typeof inside === "string") text += inside.length;
    else if (typeof inside === "number" ? needsTag(inside) : typeof inside !== "boolean" && inside !== null) {
      if (typeof inside !== "object" || !meet(inside!, state)) return false;
    }
  }
  state.nodes -= length;
  state.text -= text;
  return true;
}

/** Puts an object off until its level's turn; false when it has a class, which is found before many are put off. */
function meet(value: object, state: Scan): boolean {
  if (hasClass(value)) return false;
  const { met, known } = state;
  if (known ? known.add(value).size === met.length : met.includes(value)) state.shared++;
  else if (met.push(value) === few) state.known = new Set(met);
  return true;
}

/** Whether a value is a scalar that JSON has a form for. */
export function isScalar(value: unknown): boolean {
  if (typeof value === "number") return !needsTag(value);
  return typeof value === "string" || typeof value === "boolean" || value === null;
}

/** Whether an object is neither an array nor made like `{}`. */
export function hasClass(value: object): boolean {
  return Object.getPrototypeOf(value) !== (Array.isArray(value) ? Array.prototype : Object.prototype);
}

/**
 * Whether an array has no holes and no properties by strings beside its items. An array's own keys begin with its indices,
 * in order: with as many keys as items, the last index shows that none is missing.
 */
export function isPlainList(items: readonly unknown[]): boolean {
  const { length } = items;
  const keys = Object.keys(items);
  return keys.length === length && (length === 0 || keys[length - 1] === `${length - 1}`);
}

/** Whether an object with this key is no plain object, or is not to be written as one. */
export function isOddKey(key: string, value: object, { dialect }: ScanContext): boolean {
  // Most are none of these.
  if (key !== "__proto__" && key !== "0" && key !== "__type__") return false;
  return key === "__proto__" || (key === "0" ? !isData(value) : dialect.looksLikeTag(value));
}

/** Whether an object has symbols as keys, or a `toJSON`, seen or unseen: JSON.stringify would call it. */
function hasHidden(value: object): boolean {
  return (
    Object.getOwnPropertySymbols(value).length > 0 || (value as { toJSON?: unknown }).toJSON !== undefined
  );
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
  return isPlainList(value) && !hasSymbols(value);
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

/**
 * The way most payloads take: whether `JSON.stringify` alone gives text from which the same value comes back.
 *
 * @module
 */
import type { EncodeContext } from "./encode-context.ts";
import { needsTag } from "./tags/number.ts";

/** So few objects are looked through faster than a Set is filled. */
const few = 12;

/** With more second places than this, it is looked at as a graph, which tells whether it has enough of them. */
const manyShared = 100;

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
  /** What is to be looked at, level by level; second places too. */
  readonly queue: object[];
  /** What was looked at, once it is much. */
  known: Set<object> | undefined;
  /** The highest mark of what was looked at; NaN once all of that is known. */
  highest: number;
}

/**
 * Looks through a value. Written for speed, and measured: one object after another without recursion, no array of an
 * object's keys.
 */
export function scan(value: unknown, context: ScanContext): Finding {
  const { limits, dialect } = context;
  const isObject = typeof value === "object" && value !== null;
  if (isObject ? hasClass(value) : !isScalar(value)) return "rich";
  const queue: object[] = isObject ? [value] : [];
  const state: Scan = {
    context,
    nodes: limits.nodes - 1,
    text: limits.bytes,
    shared: 0,
    queue,
    known: undefined,
    highest: -Infinity,
  };
  if (typeof value === "string") state.text -= value.length;
  let level = 0;
  let nextLevel = 0;
  for (let index = 0; index < queue.length; index++) {
    if (index === nextLevel) {
      level++;
      nextLevel = queue.length;
    }
    const object = queue[index]!;
    const isPlain = Array.isArray(object)
      ? scanItems(object, index, state)
      : scanFields(object, index, state);
    // Getters may give something new for ever.
    if (!isPlain || state.nodes < 0) return "rich";
    if (Object.getOwnPropertySymbols(object).length > 0) return "rich";
    // Seen or unseen: JSON.stringify would call it.
    if ((object as { toJSON?: unknown }).toJSON !== undefined) return "rich";
    if (state.shared > manyShared) break;
  }
  if (state.nodes < 0 || state.text < 0) return "rich";
  if (state.shared === 0 && level <= Math.min(limits.depth, dialect.depth)) return "plain";
  // Nothing is deeper than there are objects.
  return dialect.pointers && (state.shared > manyShared || queue.length > limits.depth) ? "graph" : "rich";
}

/** Looks at what is in a plain object; false when it is none, or something in it is not plain. */
function scanFields(value: object, index: number, state: Scan): boolean {
  const { context, queue } = state;
  if (context.registry.rows?.isRow?.(value)) return false;
  const before = queue.length;
  let mark = NaN;
  let keys = 0;
  let text = 0;
  for (const key in value) {
    keys++;
    if (isOddKey(key, value, context)) return false;
    const inside = (value as Record<string, unknown>)[key];
    // Told apart here, for most are no objects: a call for each costs as much as all else.
    if (typeof inside === "string") text += inside.length;
    else if (typeof inside === "number") {
      if (needsTag(inside)) return false;
      if (mark !== mark) mark = inside;
    } else if (typeof inside !== "boolean" && inside !== null) {
      // A class is found before many are put off.
      if (typeof inside !== "object" || hasClass(inside!)) return false;
      queue.push(inside!);
    }
  }
  state.nodes -= keys;
  state.text -= text;
  if (isSecond(value, mark, index, state)) queue.length = before;
  // A Date or an Error that was given Object's prototype has no keys of its own, as a rule.
  if (keys === 0) return isData(value);
  // A getter may have kept in its object what it found.
  for (const _ in value) keys--;
  return keys === 0;
}

function scanItems(items: readonly unknown[], index: number, state: Scan): boolean {
  const { queue } = state;
  const before = queue.length;
  const { length } = items;
  let text = 0;
  for (let at = 0; at < length; at++) {
    const inside = items[at];
    if (typeof inside === "string") text += inside.length;
    else if (typeof inside === "number" ? needsTag(inside) : typeof inside !== "boolean" && inside !== null) {
      if (typeof inside !== "object" || hasClass(inside!)) return false;
      queue.push(inside!);
    }
  }
  state.nodes -= length;
  state.text -= text;
  if (isSecond(items, NaN, index, state)) queue.length = before;
  return isPlainList(items);
}

/**
 * Whether an object is at a second place; counts these. What has a higher mark than all before it is none of them, and is
 * not noted until a lower one follows: rows in the order of their ids never are. The rule is that of `Distinct`; to make one
 * of these takes a tenth of what a small value takes, and the queue holds already what it would.
 *
 * @param mark - a number in the object, the same wherever it is met; NaN for one without
 */
function isSecond(value: object, mark: number, index: number, state: Scan): boolean {
  const { queue } = state;
  if (mark > state.highest) {
    state.highest = mark;
    return false;
  }
  if (!state.known && queue.length <= few) {
    if (queue.indexOf(value) === index) return false;
  } else {
    if (mark <= state.highest) {
      state.highest = NaN;
      state.known = undefined;
    }
    const known = (state.known ??= new Set(queue.slice(0, index)));
    const { size } = known;
    if (known.add(value).size > size) return false;
  }
  state.shared++;
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

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
 */
export function isPlain(value: unknown, limits: Limits, dialect: Dialect): boolean {
  return new Scan(limits, dialect).plain(value, 1);
}

class Scan {
  readonly #seen = new Set<object>();
  readonly #dialect: Dialect;
  readonly #deepest: number;
  #left: number;
  #text: number;

  constructor(limits: Limits, dialect: Dialect) {
    this.#left = limits.nodes;
    this.#text = limits.bytes;
    this.#deepest = Math.min(limits.depth, maximumDepth);
    this.#dialect = dialect;
  }

  plain(value: unknown, depth: number): boolean {
    if (--this.#left < 0) return false;
    switch (typeof value) {
      case "string":
        this.#text -= value.length;
        return this.#text >= 0;
      case "boolean":
        return true;
      case "number":
        return !needsTag(value);
      case "object":
        if (value === null) return true;
        if (depth > this.#deepest || this.#seen.has(value)) return false;
        this.#seen.add(value);
        if (Array.isArray(value)) return this.#array(value, depth);
        return Object.getPrototypeOf(value) === Object.prototype && this.#object(value, depth);
      default:
        return false;
    }
  }

  #array(value: readonly unknown[], depth: number): boolean {
    if (!isPlainArray(value) || "toJSON" in value) return false;
    for (const item of value) if (!this.plain(item, depth + 1)) return false;
    return true;
  }

  #object(value: object, depth: number): boolean {
    // A `toJSON`, seen or unseen, would be called by JSON.stringify.
    if (this.#dialect.looksLikeTag(value) || !isPlainObject(value) || "toJSON" in value) return false;
    for (const key of Object.keys(value)) {
      if (key === "__proto__" || !this.plain((value as Record<string, unknown>)[key], depth + 1))
        return false;
    }
    return true;
  }
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

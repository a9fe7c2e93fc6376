/**
 * The way most payloads take: whether `JSON.stringify` alone gives text from which the same value comes back.
 *
 * @module
 */
import type { Dialect } from "./dialect.ts";
import { needsTag } from "./tags/number.ts";

/** Deeper data takes the general way, which does not recurse. */
const maximumDepth = 200;

/** Whether a value is plain JSON data: a tree, nothing in it shared, nothing changed by `JSON.stringify`. */
export function isPlain(value: unknown, maximumNodes: number, dialect: Dialect): boolean {
  return new Scan(maximumNodes, dialect).plain(value, 0);
}

class Scan {
  readonly #seen = new Set<object>();
  readonly #dialect: Dialect;
  #left: number;

  constructor(maximumNodes: number, dialect: Dialect) {
    this.#left = maximumNodes;
    this.#dialect = dialect;
  }

  plain(value: unknown, depth: number): boolean {
    if (--this.#left < 0) return false;
    switch (typeof value) {
      case "string":
      case "boolean":
        return true;
      case "number":
        return !needsTag(value);
      case "object":
        if (value === null) return true;
        if (depth > maximumDepth || this.#seen.has(value)) return false;
        this.#seen.add(value);
        if (Array.isArray(value)) return this.#array(value, depth);
        return Object.getPrototypeOf(value) === Object.prototype && this.#object(value, depth);
      default:
        return false;
    }
  }

  #array(value: readonly unknown[], depth: number): boolean {
    if (!isPlainArray(value)) return false;
    for (const item of value) if (!this.plain(item, depth + 1)) return false;
    return true;
  }

  #object(value: object, depth: number): boolean {
    if (this.#dialect.looksLikeTag(value) || hasSymbols(value)) return false;
    for (const key of Object.keys(value)) {
      if (key === "__proto__" || !this.plain((value as Record<string, unknown>)[key], depth + 1))
        return false;
    }
    return true;
  }
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

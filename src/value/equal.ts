/** Equality of values by what they hold. @module */
import { valueType } from "../wire/value-type.ts";

/**
 * Whether two values are the same data: dates by time, bytes by content, arrays, Maps, Sets, plain objects and
 * instances of `Value()` classes by what is in them, in order. NaN equals NaN; 0 and -0 differ. Objects of other
 * classes, whose state cannot be seen, are equal when their own `equals` method says so, or when they are one.
 */
export function equal(left: unknown, right: unknown): boolean {
  // Pairs are kept, and not compared again: a pair that differs ends it all, and a cycle comes back to one of them.
  const known = new Map<object, Set<unknown>>();
  const pairs: [unknown, unknown][] = [[left, right]];
  for (let pair = pairs.pop(); pair; pair = pairs.pop()) {
    const [one, other] = pair;
    if (Object.is(one, other)) continue;
    if (!isObject(one) || !isObject(other)) return false;
    if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
    const compared = known.get(one) ?? new Set();
    if (compared.has(other)) continue;
    known.set(one, compared.add(other));
    const inside = insideOf(one, other);
    if (typeof inside === "boolean") {
      if (!inside) return false;
    } else {
      // One by one: there may be more than a call takes arguments.
      for (const each of inside) pairs.push(each);
    }
  }
  return true;
}

/** The pairs of values in two objects of one class, or whether the objects are equal, where that is known at once. */
function insideOf(one: object, other: object): boolean | [unknown, unknown][] {
  if (one instanceof Date) return Object.is(one.getTime(), (other as Date).getTime());
  if (one instanceof Uint8Array) return sameBytes(one, other as Uint8Array);
  if (one instanceof Map) return zip([...one].flat(), [...(other as Map<unknown, unknown>)].flat());
  if (one instanceof Set) return zip([...one], [...(other as Set<unknown>)]);
  if (Array.isArray(one)) return zip(one, other as unknown[]);
  const prototype = Object.getPrototypeOf(one) as { constructor?: unknown } | null;
  const isOpen = prototype === null || prototype === Object.prototype || isValueClass(prototype.constructor);
  if (isOpen) return properties(one, other);
  const { equals } = one as { equals?: unknown };
  return typeof equals === "function" && equals.call(one, other) === true;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isValueClass(constructor: unknown): boolean {
  return typeof constructor === "function" && valueType in constructor;
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function zip(one: readonly unknown[], other: readonly unknown[]): false | [unknown, unknown][] {
  return one.length === other.length && Array.from(one, (item, index) => [item, other[index]]);
}

function properties(one: object, other: object): false | [unknown, unknown][] {
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length || !keys.every((key) => Object.hasOwn(other, key)))
    return false;
  return keys.map((key) => [(one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]]);
}

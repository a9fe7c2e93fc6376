/** Equality of values by what they hold. @module */

/**
 * Whether two values are the same data: dates by time, bytes by content, arrays, Maps, Sets and plain
 * objects by what is in them, instances of one class by their own properties. NaN equals NaN; 0 and -0 differ.
 */
export function equal(left: unknown, right: unknown): boolean {
  return compare(left, right, new Map());
}

/** `under` holds the pairs that the comparison is inside of, so that a cycle ends it. */
function compare(left: unknown, right: unknown, under: Map<object, object>): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  if (under.get(left) === right) return true;
  under.set(left, right);
  try {
    if (left instanceof Date) return Object.is(left.getTime(), (right as Date).getTime());
    if (left instanceof Map) return sameEntries(left, right as Map<unknown, unknown>, under);
    if (left instanceof Set) return sameItems([...left], [...(right as Set<unknown>)], under);
    return sameProperties(left, right, under);
  } finally {
    under.delete(left);
  }
}

function sameEntries(
  left: Map<unknown, unknown>,
  right: Map<unknown, unknown>,
  under: Map<object, object>,
): boolean {
  return sameItems([...left], [...right], under);
}

/** In order: two Sets that were filled in another order are not the same data. */
function sameItems(left: readonly unknown[], right: readonly unknown[], under: Map<object, object>): boolean {
  return left.length === right.length && left.every((item, index) => compare(item, right[index], under));
}

function sameProperties(left: object, right: object, under: Map<object, object>): boolean {
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every(
      (key) =>
        Object.hasOwn(right, key) &&
        compare((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key], under),
    )
  );
}

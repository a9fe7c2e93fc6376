/**
 * The orders of objects' keys that PostgreSQL's `jsonb` changes: it keeps keys by their length in bytes, then bytewise.
 *
 * Keys that are array indexes (`"7"`) are not in these orders: JavaScript has them first, in ascending order, wherever
 * they stood.
 *
 * @module
 */
import type { Json } from "../../../message.ts";

/** One order for each distinct set of keys whose order is changed. */
export type KeyOrders = readonly (readonly string[])[];

type JsonObject = { readonly [key: string]: Json };

/**
 * The orders that are changed. Undefined where they cannot be given back by their sets (one set has two orders), or
 * would take more than `maxSize` characters as JSON.
 */
export function changedOrders(data: Json, maxSize: number): KeyOrders | undefined {
  if (!hasChanged(data)) return [];
  const orders: string[][] = [];
  const found = new Map<string, string>();
  let size = 0;
  const isKept = (value: Json): boolean => {
    if (typeof value !== "object" || value === null) return true;
    if (isArray(value)) return value.every(isKept);
    const keys = namesOf(value);
    if (keys.length > 1) {
      const set = setOf(keys);
      const order = keys.join("\0");
      const known = found.get(set);
      if (known === undefined) {
        found.set(set, order);
        if (set !== order) {
          orders.push(keys);
          // As JSON, with its quotes and commas.
          size += order.length + 2 * keys.length + 2;
          if (size > maxSize) return false;
        }
      } else if (known !== order) {
        return false;
      }
    }
    for (const key in value) if (!isKept(value[key]!)) return false;
    return true;
  };
  return isKept(data) ? orders : undefined;
}

/** Orders by their sets: the same orders come again and again. */
const sets = new WeakMap<KeyOrders, ReadonlyMap<string, readonly string[]>>();

/** The data with its objects' keys in these orders. An object whose set of keys is not among them stays as it is. */
export function inOrders(data: Json, orders: KeyOrders): Json {
  let bySet = sets.get(orders);
  if (bySet === undefined) {
    bySet = new Map(orders.map((order) => [setOf(order), order]));
    sets.set(orders, bySet);
  }
  const known = bySet;
  const ordered = (value: Json): Json => {
    if (typeof value !== "object" || value === null) return value;
    if (isArray(value)) return value.map(ordered);
    const keys = namesOf(value);
    const order = (keys.length > 1 && known.get(setOf(keys))) || keys;
    const copy: { [key: string]: Json } = {};
    for (const key of order) define(copy, key, ordered(value[key]!));
    for (const key in value) if (isIndex(key)) copy[key] = ordered(value[key]!);
    return copy;
  };
  return ordered(data);
}

/** Whether there is a key that may come to harm in others' hands: `__proto__`, or one that JSON writes with an escape. */
export function hasFragileKey(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isArray(value)) return value.some(hasFragileKey);
  return Object.keys(value).some(
    (key) =>
      key === "__proto__" || JSON.stringify(key).length !== key.length + 2 || hasFragileKey(value[key]!),
  );
}

/** Whether the order of any object's keys is not that of `jsonb`. */
function hasChanged(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isArray(value)) return value.some(hasChanged);
  let before: string | undefined;
  for (const key in value) {
    if (!isIndex(key)) {
      if (before !== undefined && compareKeys(before, key) > 0) return true;
      before = key;
    }
    if (hasChanged(value[key]!)) return true;
  }
  return false;
}

/** The same text for the same set of keys, in whatever order. NUL is in no key of `jsonb`. */
function setOf(keys: readonly string[]): string {
  const joined = keys.join("\0");
  if (!notAscii.test(joined)) {
    for (let index = 1; index < keys.length; index++)
      if (compareAscii(keys[index - 1]!, keys[index]!) > 0) return keys.toSorted(compareAscii).join("\0");
    return joined;
  }
  for (let index = 1; index < keys.length; index++)
    if (compareKeys(keys[index - 1]!, keys[index]!) > 0) return keys.toSorted(compareKeys).join("\0");
  return joined;
}

function namesOf(value: JsonObject): string[] {
  const keys = Object.keys(value);
  return isIndex(keys[0]) ? keys.filter((key) => !isIndex(key)) : keys;
}

const notAscii = /[^\0-\x7f]/;

/** The order of `jsonb`. */
function compareKeys(one: string, other: string): number {
  if (notAscii.test(one) || notAscii.test(other)) {
    const [bytes, otherBytes] = [Buffer.from(one), Buffer.from(other)];
    return bytes.length - otherBytes.length || Buffer.compare(bytes, otherBytes);
  }
  return compareAscii(one, other);
}

function compareAscii(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}

/** Whether the key is an array index, which objects have before all other keys. */
function isIndex(key: string | undefined): boolean {
  if (key === undefined || key.length > 10) return false;
  const first = key.charCodeAt(0);
  // Most keys begin with something else. NaN, the empty key's, is not between them.
  if (!(first >= 0x30 && first <= 0x39)) return false;
  const index = Number(key);
  return String(index) === key && index < 2 ** 32 - 1;
}

function define(object: { [key: string]: Json }, key: string, value: Json): void {
  if (key === "__proto__")
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** `Array.isArray` does not know read-only arrays. */
function isArray(value: object): value is readonly Json[] {
  return Array.isArray(value);
}

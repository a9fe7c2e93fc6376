/**
 * Many keys, in as many statements as a database wants them in.
 *
 * @module
 */
import { type Key, type KeyPart, identityOf } from "../wire/reference.ts";

/** SQLite takes 32,766 variables in a statement and PostgreSQL 65,535. */
export const maxVariables = 10_000;
/** Measured on SQLite: 25,000 pairs take twice as long in statements of 5,000 pairs as in those of 1,000. */
export const maxCompositeKeys = 1_000;

/** How many keys of so many attributes fit into one statement. */
export function keysInStatement(attributes: number): number {
  return attributes === 1 ? maxVariables : Math.min(maxCompositeKeys, Math.floor(maxVariables / attributes));
}

/** Each different key of a model once, whichever of string, number and bigint its columns are. */
export function distinctKeys(model: string, keys: readonly Key[]): readonly Key[] {
  const kind = typeof keys[0];
  // A Set is several times as fast as texts, and most keys are of one kind.
  if (kind !== "object" && keys.every((key) => typeof key === kind)) return [...new Set(keys)];
  const identify = (key: Key): string => (typeof key === "object" ? identityOf(model, key) : String(key));
  return [...new Map(keys.map((key) => [identify(key), key])).values()];
}

/** What a key has for an attribute of its model's; undefined for none. */
export function partOf(key: Key, attribute: string): KeyPart | undefined {
  return typeof key === "object" ? key[attribute] : key;
}

/** A list in pieces of at most `size`. */
export function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  if (items.length > 0 && items.length <= size) return [items];
  const chunks: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}

/**
 * Conditions joined by `or`, as a balanced tree: SQLite refuses expressions that are more than 1,000 levels deep.
 *
 * @param or - joins one or two of them
 */
export function anyOf<Condition>(
  conditions: readonly Condition[],
  or: (conditions: readonly Condition[]) => Condition,
): Condition {
  if (conditions.length <= 2) return or(conditions);
  const middle = conditions.length >> 1;
  return or([anyOf(conditions.slice(0, middle), or), anyOf(conditions.slice(middle), or)]);
}

/** Which loaded row is whose: rows, matched with the keys that they were asked for by. @module */
import { describe } from "../errors.ts";
import type { Key } from "../wire/reference.ts";
import type { ModelDescription, OrmAdapter } from "./adapter.ts";
import { checkKey } from "./key.ts";

/** What a key of one model is known by here: a number, which is found fastest, or a text. */
export type Mark = string | number;

/** The same for the same row: drivers differ in how they type a key's columns. */
export function markOf({ key: attributes }: ModelDescription, key: Key): Mark {
  if (typeof key === "number") return key;
  if (typeof key === "object" && attributes.length > 1)
    return JSON.stringify(attributes.map((attribute) => String(key[attribute])));
  const text = String(typeof key === "object" ? key[attributes[0]!] : key);
  const number = Number(text);
  return Number.isSafeInteger(number) && String(number) === text ? number : text;
}

/** What was asked of an adapter. */
interface Asked {
  readonly description: ModelDescription;
  readonly adapter: Pick<OrmAdapter, "keyOf">;
  readonly keys: ReadonlyMap<Mark, Key>;
}

/** Rows by the marks of the keys that they were asked for under. Rows that nobody asked for are left out. */
export function matchRows(
  { description, adapter, keys }: Asked,
  loaded: readonly unknown[],
): Map<Mark, object> {
  const rows = new Map<Mark, object>();
  const others: [mark: Mark, row: object][] = [];
  for (const row of loaded) {
    if (typeof row !== "object" || row === null)
      throw new TypeError(`load() gave ${describe(row)} for a row`);
    const key = adapter.keyOf(description.name, row);
    if (key === undefined) throw new TypeError("load() gave a row without its key");
    // Checked: a number that has lost digits is the key of another row.
    const mark = markOf(description, checkKey(description, key));
    if (!keys.has(mark)) others.push([mark, row]);
    else if (!rows.has(mark)) rows.set(mark, row);
  }
  if (others.length === 0) return rows;

  // A database may compare keys more loosely than we do (an uppercase uuid, or one without its hyphens, a NOCASE
  // column) and answer with the key as it is stored. Such a row was found: it must not become a missing one.
  const missing = [...keys.keys()].filter((mark) => !rows.has(mark));
  for (const form of [caseless, bare]) {
    const stored = new Map(others.map(([mark, row]) => [form(mark), row]));
    for (const mark of missing) {
      const row = stored.get(form(mark));
      if (row && !rows.has(mark)) rows.set(mark, row);
    }
  }
  return rows;
}

function caseless(mark: Mark): string {
  return String(mark).toLowerCase();
}

function bare(mark: Mark): string {
  return caseless(mark).replaceAll(/[-{}]/g, "");
}

/** Which loaded row is whose: rows, matched with the keys that they were asked for by. @module */
import { describe } from "../errors.ts";
import type { Key } from "../wire/reference.ts";
import type { ModelDescription, OrmAdapter } from "./adapter.ts";
import { checkKey } from "./key.ts";

/** What a key of one model is known by here: a number, which is found fastest, or a text. */
export type Mark = string | number;

/** The same for the same row: drivers differ in how they type a key's columns. */
function markOf({ key: attributes }: ModelDescription, key: Key): Mark {
  if (typeof key === "number") return key;
  if (typeof key === "object" && attributes.length > 1)
    return JSON.stringify(attributes.map((attribute) => String(key[attribute])));
  const text = String(typeof key === "object" ? key[attributes[0]!] : key);
  const number = Number(text);
  return Number.isSafeInteger(number) && String(number) === text ? number : text;
}

/** The rows of one model that are asked for by their keys, and those that came. */
export class AskedRows {
  readonly #description: ModelDescription;
  readonly #given: Key[] = [];
  /** Where a key and its row are in the lists, by the key's mark. Of a key that is given again, the last place counts. */
  readonly #places = new Map<Mark, number>();
  #rows: (object | undefined)[] = [];

  constructor(description: ModelDescription) {
    this.#description = description;
  }

  /** @throws PetioleError `ERR_REFERENCE_KEY` when the key does not fit the model */
  ask(given: Key): void {
    const key = checkKey(this.#description, given);
    this.#places.set(markOf(this.#description, key), this.#given.push(key) - 1);
  }

  /** Each key that is asked for once, whichever of string, number and bigint it was given as. */
  get keys(): readonly Key[] {
    if (this.#places.size === this.#given.length) return [...this.#given];
    return [...this.#places.values()].map((place) => this.#given[place]!);
  }

  /** How many rows are asked for. */
  get size(): number {
    return this.#places.size;
  }

  /** Where the row of a key is; the same for the same row. */
  placeOf(key: Key): number | undefined {
    return this.#places.get(markOf(this.#description, key));
  }

  /** The row of a key; undefined for one that did not come, or was not asked for. */
  rowOf(key: Key): object | undefined {
    const place = this.placeOf(key);
    return place === undefined ? undefined : this.#rows[place];
  }

  /** Takes the rows that an adapter gave. Those that nobody asked for are left out. */
  take(adapter: Pick<OrmAdapter, "keyOf">, loaded: readonly unknown[]): void {
    const { name } = this.#description;
    const rows = this.#given.map((): object | undefined => undefined);
    const others: [mark: Mark, row: object][] = [];
    for (const row of loaded) {
      if (typeof row !== "object" || row === null)
        throw new TypeError(`load() gave ${describe(row)} for a row`);
      const key = adapter.keyOf(name, row);
      if (key === undefined) throw new TypeError("load() gave a row without its key");
      // Checked: a number that has lost digits is the key of another row.
      const mark = markOf(this.#description, checkKey(this.#description, key));
      const place = this.#places.get(mark);
      if (place === undefined) others.push([mark, row]);
      else rows[place] ??= row;
    }
    if (others.length > 0) this.#takeOthers(rows, others);
    this.#rows = rows;
  }

  /** Whether all that were asked for came. */
  isComplete(): boolean {
    for (const place of this.#places.values()) if (this.#rows[place] === undefined) return false;
    return true;
  }

  /** The rows that came. */
  *found(): Iterable<[mark: Mark, row: object]> {
    for (const [mark, place] of this.#places) {
      const row = this.#rows[place];
      if (row) yield [mark, row];
    }
  }

  /** Has another object in the place of a row. */
  replace(mark: Mark, row: object): void {
    this.#rows[this.#places.get(mark)!] = row;
  }

  /**
   * A database may compare keys more loosely than we do (an uppercase uuid, or one without its hyphens, a NOCASE
   * column) and answer with the key as it is stored. Such a row was found: it must not become a missing one.
   */
  #takeOthers(rows: (object | undefined)[], others: readonly [mark: Mark, row: object][]): void {
    const missing = [...this.#places].filter(([, place]) => rows[place] === undefined);
    for (const form of [caseless, bare]) {
      const stored = new Map(others.map(([mark, row]) => [form(mark), row]));
      for (const [mark, place] of missing) rows[place] ??= stored.get(form(mark));
    }
  }
}

function caseless(mark: Mark): string {
  return String(mark).toLowerCase();
}

function bare(mark: Mark): string {
  return caseless(mark).replaceAll(/[-{}]/g, "");
}

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
  /** Rows that came under keys that nobody asked for. */
  #others: Other[] = [];
  /** The keys that were asked for again. */
  readonly #again = new Set<Mark>();

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
    const rows = this.#given.map((): object | undefined => undefined);
    const others: Other[] = [];
    for (const row of loaded) {
      const key = this.#keyOf(adapter, row);
      const mark = markOf(this.#description, key);
      const place = this.#places.get(mark);
      if (place === undefined) others.push({ key, mark, row: row as object });
      else rows[place] ??= row as object;
    }
    this.#rows = rows;
    this.#others = others;
    if (others.length > 0) this.#takeOthers();
  }

  /**
   * The keys that did not come, and are to be asked for by themselves: each is like one that came. A database may
   * compare keys more loosely than we do (a uuid in capitals or without its hyphens, a column without case, one that is
   * padded) and gives a row once, under its key as it is stored: which of two keys were meant it does not say. No two
   * of these are alike. Empty when nothing is in doubt.
   */
  inDoubt(): readonly Key[] {
    if (this.isComplete()) return [];
    const missing = this.#missing().filter(([mark]) => !this.#again.has(mark));
    if (missing.length === 0) return [];
    const came = new Set(this.#others.map(({ key }) => this.#formOf(key)));
    for (const place of this.#places.values()) {
      if (this.#rows[place]) came.add(this.#formOf(this.#given[place]!));
    }
    const byForm = new Map<string, [mark: Mark, key: Key]>();
    for (const [mark, place] of missing) {
      const key = this.#given[place]!;
      const form = this.#formOf(key);
      if (came.has(form) && !byForm.has(form)) byForm.set(form, [mark, key]);
    }
    const again = [...byForm.values()];
    for (const [mark] of again) this.#again.add(mark);
    return again.map(([, key]) => key);
  }

  /** Takes the rows that an adapter gave for keys that were in doubt. A row that came before is the same object. */
  takeAgain(adapter: Pick<OrmAdapter, "keyOf">, keys: readonly Key[], loaded: readonly unknown[]): void {
    const places = new Map(keys.map((key) => [this.#formOf(key), this.placeOf(key)!]));
    for (const row of loaded) {
      const key = this.#keyOf(adapter, row);
      const mark = markOf(this.#description, key);
      const place = places.get(this.#formOf(key));
      if (place === undefined) continue;
      const known = this.#places.get(mark);
      const came =
        known === undefined ? this.#others.find((other) => other.mark === mark)?.row : this.#rows[known];
      const one = came ?? (row as object);
      this.#rows[place] ??= one;
      this.#others.push({ key, mark, row: one });
    }
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

  /** Gives another row for a key that was asked for. */
  put(key: Key, row: object): void {
    this.replace(markOf(this.#description, key), row);
  }

  /** Has another object in the place of a row. */
  replace(mark: Mark, row: object): void {
    this.#rows[this.#places.get(mark)!] = row;
  }

  #keyOf(adapter: Pick<OrmAdapter, "keyOf">, row: unknown): Key {
    if (typeof row !== "object" || row === null)
      throw new TypeError(`load() gave ${describe(row)} for a row`);
    const key = adapter.keyOf(this.#description.name, row);
    if (key === undefined) throw new TypeError("load() gave a row without its key");
    // Checked: a number that has lost digits is the key of another row.
    return checkKey(this.#description, key);
  }

  /** A row that came under another spelling of its key was found, where but one key may have been meant. */
  #takeOthers(): void {
    const missing = Map.groupBy(this.#missing(), ([, place]) => this.#formOf(this.#given[place]!));
    for (const [form, rows] of Map.groupBy(this.#others, ({ key }) => this.#formOf(key))) {
      const meant = missing.get(form);
      if (meant?.length === 1 && rows.length === 1) this.#rows[meant[0]![1]] = rows[0]!.row;
    }
  }

  /**
   * The keys that did not come, and their places. Integers are left out, of which there is one spelling, unless rows came
   * by other keys: those of a padded column, or of decimals.
   */
  #missing(): [mark: Mark, place: number][] {
    const missing: [mark: Mark, place: number][] = [];
    for (const [mark, place] of this.#places)
      if ((typeof mark !== "number" || this.#others.length > 0) && !this.#rows[place])
        missing.push([mark, place]);
    return missing;
  }

  /** The same for all spellings that some database takes for one key. */
  #formOf(key: Key): string {
    const parts = this.#description.key.map((attribute) => (typeof key === "object" ? key[attribute] : key));
    return JSON.stringify(
      parts.map((part) =>
        String(part)
          .toLowerCase()
          .replace(/(\.\d*[1-9])0+$|\.0+$/, "$1")
          .replaceAll(/[-{}]/g, "")
          .trimEnd(),
      ),
    );
  }
}

interface Other {
  /** As it is stored. */
  readonly key: Key;
  readonly mark: Mark;
  readonly row: object;
}

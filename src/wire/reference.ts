/**
 * A reference to a stored row: the model's name and the row's key, nothing else.
 *
 * Made by `ref(…)` and `app.ref(…)` in `model/`; on the wire it is the tag `ref`. Decoded without a
 * database (a dashboard, a test) it is what arrives; in a worker the row takes its place.
 *
 * @module
 */

/** One column of a key. */
export type KeyPart = string | number | bigint;

/** A row's primary key: the value itself, or attribute to value where the key has several columns. */
export type Key = KeyPart | { readonly [attribute: string]: KeyPart };

declare const row: unique symbol;

/** Stands for a stored row, by model and key. Immutable. `Row` is the type of the row it stands for. */
export class Reference<Row extends object = object> {
  /** For the compiler alone. */
  declare readonly [row]: Row;
  /** The model's name, as the app gave it: `qa.Comment`. */
  readonly model: string;
  readonly key: Key;

  constructor(model: string, key: Key) {
    this.model = model;
    this.key = typeof key === "object" ? Object.freeze({ ...key }) : key;
    Object.freeze(this);
  }

  /** The same text for the same row, whichever of string, number and bigint a driver gives for its key. */
  get identity(): string {
    return identityOf(this.model, this.key);
  }

  equals(other: unknown): boolean {
    return other instanceof Reference && other.identity === this.identity;
  }
}

/** The text by which rows are matched with references: drivers differ in how they type a key's columns. */
export function identityOf(model: string, key: Key): string {
  if (typeof key !== "object") return JSON.stringify([model, String(key)]);
  const parts = Object.keys(key)
    .sort()
    .map((attribute) => [attribute, String(key[attribute])]);
  return JSON.stringify([model, ...parts]);
}

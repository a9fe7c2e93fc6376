/**
 * A reference to a stored row: the model's name and the row's key, nothing else.
 *
 * Made by `ref(…)` and `app.ref(…)` in `model/`; on the wire it is the tag `ref`. Decoded without a
 * database (a dashboard, a test) it is what arrives; in a worker the row takes its place.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";

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
  /** The row's primary key. */
  readonly pk: Key;

  /** @throws PetioleError `ERR_REFERENCE_KEY` for a key that is none */
  constructor(model: string, pk: Key) {
    if (!isKey(pk)) {
      const message = `A reference to ${model} needs a key of text, finite numbers and bigints, received ${describe(pk)}.`;
      throw new PetioleError("ERR_REFERENCE_KEY", message);
    }
    this.model = model;
    this.pk = typeof pk === "object" ? Object.freeze({ ...pk }) : pk;
    Object.freeze(this);
  }

  /** The same text for the same row, whichever of string, number and bigint a driver gives for its key. */
  get identity(): string {
    return identityOf(this.model, this.pk);
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

/** Whether a value is a key: what a reference refuses to be made without. */
export function isKey(value: unknown): value is Key {
  if (isKeyPart(value)) return true;
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return false;
  const parts = Object.values(value);
  return parts.length > 0 && parts.every(isKeyPart);
}

function isKeyPart(value: unknown): value is KeyPart {
  return typeof value === "string" || typeof value === "bigint" || Number.isFinite(value);
}

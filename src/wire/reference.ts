/**
 * A reference to a stored row: the model's name and the row's key, nothing else.
 *
 * Made by `ref(…)` and `app.ref(…)` in `model/`; on the wire it is the tag `ref`. Decoded without a
 * database (a dashboard, a test) it is what arrives; in a worker the row takes its place.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { isPlainRecord } from "./tag.ts";
import { advice, rowsAdvice } from "./value-type.ts";

/** One column of a key. */
export type KeyPart = string | number | bigint;

/** A row's primary key: the value itself, or attribute to value where the key has several columns. */
export type Key = KeyPart | { readonly [attribute: string]: KeyPart };

/** What a reference says beside the row's model and key. It travels with it. */
export interface ReferenceDetails {
  /** The connection that has the row, where an app has several with the same models. */
  readonly connection?: string;
  /** Relations that are loaded with the row, by attribute: `author`, `author.company`. */
  readonly with?: readonly string[];
  /** `all`: the row is loaded also where the model hides it unless told, as soft-deleted ones. */
  readonly scope?: "all";
  /** Which of the database's copies is asked. */
  readonly from?: "primary" | "replica";
  /** What a missing row means; what the task says, unless told. */
  readonly ifMissing?: "fail" | "skip" | "wait" | "null";
  /** What a row means that has changed since the reference was made; what the task says, unless told. */
  readonly ifChanged?: "run" | "skip" | "fail";
  /** The row's version when the reference was made, as text. */
  readonly version?: string;
  /** What the row held when the reference was made, where it has no version: a digest of these fields. */
  readonly digest?: Digest;
}

/** A digest of some of a row's fields. */
export interface Digest {
  /** The fields that were taken, by name. */
  readonly fields: readonly string[];
  /** Of what they held, as whoever made it writes it: in base64url where that is Petiole. */
  readonly sha256: string;
}

declare const row: unique symbol;

/**
 * Stands for a stored row, by model and key. Immutable. `Row` is the type of the row it stands for; with null in it,
 * null takes the place of a row that is missing.
 */
export class Reference<Row extends object | null = object> {
  /** For the compiler alone. */
  declare readonly [row]: Row;
  /** The model's name, as the app gave it: `qa.Comment`. */
  readonly model: string;
  /** The row's primary key. */
  readonly pk: Key;
  /** What it says beside; not there where it says nothing. */
  declare readonly details?: ReferenceDetails;
  /** The row's fields when the reference was made, where they travel with it. */
  declare readonly was?: Readonly<Row>;

  /** @throws PetioleError `ERR_REFERENCE_KEY` for a key that is none */
  constructor(model: string, pk: Key, details?: ReferenceDetails, was?: Readonly<Row>) {
    if (!isKey(pk)) {
      const message = `A reference to ${model} needs a key of text, finite numbers and bigints, received ${describe(pk)}.`;
      throw new PetioleError("ERR_REFERENCE_KEY", message);
    }
    this.model = model;
    this.pk = typeof pk === "object" ? Object.freeze({ ...pk }) : pk;
    const said = Object.entries(details ?? {}).filter(([, value]) => value !== undefined);
    if (said.length > 0) this.details = Object.freeze(Object.fromEntries(said));
    if (was) this.was = Object.freeze({ ...was });
    Object.freeze(this);
  }

  /** What to do where a wire does not know it. */
  get [advice](): string {
    return rowsAdvice;
  }

  /**
   * The same text for the same row, whichever of string, number and bigint a driver gives for its key. What else the
   * reference says makes no difference.
   */
  get identity(): string {
    const identity = identityOf(this.model, this.pk);
    const connection = this.details?.connection;
    return connection === undefined ? identity : JSON.stringify([connection, identity]);
  }

  /** The same, with more details, or others. */
  detailed(details: ReferenceDetails): Reference<Row> {
    return new Reference<Row>(this.model, this.pk, { ...this.details, ...details }, this.was);
  }

  equals(other: unknown): boolean {
    return other instanceof Reference && other.identity === this.identity;
  }
}

/** The text by which rows are matched with references: drivers differ in how they type a key's columns. */
export function identityOf(model: string, key: Key): string {
  const parts =
    typeof key === "object"
      ? Object.keys(key)
          .sort()
          .map((attribute) => [attribute, String(key[attribute])])
      : [String(key)];
  return JSON.stringify([model, ...parts]);
}

/** Whether a value is a key: what a reference refuses to be made without. */
export function isKey(value: unknown): value is Key {
  // Most keys are of one column.
  if (isKeyPart(value)) return true;
  const parts = isPlainRecord(value) ? Object.values(value) : [];
  return parts.length > 0 && parts.every(isKeyPart);
}

function isKeyPart(value: unknown): value is KeyPart {
  // JSON has no -0, and no database has it as a key.
  return (
    typeof value === "string" ||
    typeof value === "bigint" ||
    (Number.isFinite(value) && !Object.is(value, -0))
  );
}

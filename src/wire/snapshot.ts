/**
 * A snapshot of a stored row: what it was when it was sent, detached from the database.
 *
 * Made by `snapshot(…)` in `model/`; on the wire it is the tag `snapshot`, in the shape of Django's serializers.
 *
 * @module
 */
import { PetioleError } from "../errors.ts";
import { Reference, type Key } from "./reference.ts";
import { advice, rowsAdvice } from "./value-type.ts";

/** A field that differs between a row as it was and as it is. A side that has no such field has undefined. */
export interface FieldChange {
  /** The field's name, as in the app. */
  readonly field: string;
  /** What it was. */
  readonly before: unknown;
  /** What it is; undefined where it is not there any more. */
  readonly after: unknown;
}

/** What a snapshot can do where its model's database is. Made in `model/`. */
export interface SnapshotBinding {
  entityOf(snapshot: Snapshot): object;
  save(snapshot: Snapshot, within: { readonly transaction?: object | undefined }): Promise<void>;
  diff(snapshot: Snapshot, row: object): readonly FieldChange[];
}

/** A row as it was. `Row` is the type of the row; a column that was not read is not in `fields`. */
export class Snapshot<Row extends object = object> {
  /** The model's name, as the app gave it: `qa.Comment`. */
  readonly model: string;
  /** The row's primary key. */
  readonly pk: Key;
  /** The row's columns, exact. */
  readonly fields: Readonly<Row>;
  readonly #binding: SnapshotBinding | undefined;

  /**
   * Made by `snapshot(…)` and by the decoder alone.
   *
   * @throws PetioleError `ERR_REFERENCE_KEY` for a key that is none
   */
  constructor(model: string, pk: Key, fields: Row, binding?: SnapshotBinding) {
    const reference = new Reference(model, pk);
    this.model = model;
    this.pk = reference.pk;
    this.fields = Object.freeze({ ...fields });
    this.#binding = binding;
    Object.freeze(this);
  }

  /** What to do where a wire does not know it. */
  get [advice](): string {
    return rowsAdvice;
  }

  /** A reference to the row, for what it is by now. */
  get reference(): Reference<Row> {
    return new Reference<Row>(this.model, this.pk);
  }

  /**
   * The row as it was, as the ORM would have it: an instance where it has classes, detached from the database. New
   * each time.
   *
   * @throws PetioleError `ERR_SNAPSHOT_FIELDS` when the model has no such field any more, or not yet;
   *   `ERR_MODEL_UNKNOWN` where it was decoded without a database
   */
  get entity(): Row {
    return this.#bound("entity").entityOf(this) as Row;
  }

  /**
   * Writes the row as it was: inserts it, or updates the one that has its key. Columns that are not among `fields`
   * are left as they are.
   *
   * @param within - `transaction`: the handle of an open transaction to do it in
   * @throws PetioleError as `entity`, and whatever the database throws
   */
  async save(within: { readonly transaction?: object | undefined } = {}): Promise<void> {
    await this.#bound("save()").save(this, within);
  }

  /**
   * The fields in which a row differs from what it was: those of this snapshot alone, for others are not known.
   *
   * @throws PetioleError `ERR_MODEL_UNKNOWN` where it was decoded without a database
   */
  diff(row: Partial<Row>): readonly FieldChange[] {
    return this.#bound("diff()").diff(this, row);
  }

  #bound(what: string): SnapshotBinding {
    if (this.#binding) return this.#binding;
    throw new PetioleError(
      "ERR_MODEL_UNKNOWN",
      `${what} of a snapshot of ${this.model}: there is no database here; a worker's handler has one.`,
    );
  }
}

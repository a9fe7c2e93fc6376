/**
 * A snapshot of a stored row: what it was when it was sent, detached from the database.
 *
 * Made by `snapshot(…)` in `model/`; on the wire it is the tag `snapshot`, in the shape of Django's serializers.
 *
 * @module
 */
import { Reference, type Key } from "./reference.ts";

/** A row as it was. `Row` is the type of the row; a column that was not read is not in `fields`. */
export class Snapshot<Row extends object = object> {
  /** The model's name, as the app gave it: `qa.Comment`. */
  readonly model: string;
  /** The row's primary key. */
  readonly pk: Key;
  /** The row's columns, exact. */
  readonly fields: Readonly<Row>;

  /** @throws PetioleError `ERR_REFERENCE_KEY` for a key that is none */
  constructor(model: string, pk: Key, fields: Row) {
    const reference = new Reference(model, pk);
    this.model = model;
    this.pk = reference.pk;
    this.fields = Object.freeze({ ...fields });
    Object.freeze(this);
  }

  /** A reference to the row, for what it is by now. */
  get reference(): Reference<Row> {
    return new Reference<Row>(this.model, this.pk);
  }
}

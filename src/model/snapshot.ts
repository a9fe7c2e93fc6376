/**
 * `snapshot` and `lazy`: a row as it was, and a row that is fetched when the handler wants it.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { Lazy } from "../wire/lazy.ts";
import type { KeyPart } from "../wire/reference.ts";
import { Snapshot } from "../wire/snapshot.ts";
import { keyOfRow } from "./key.ts";
import { ref, type RowOf } from "./ref.ts";
import { modelOfTarget } from "./registry.ts";

/**
 * A snapshot of a stored row: it arrives as the row was now, whatever becomes of the row until then.
 *
 * @param target - the table object or class, one of the app's `models`
 * @param row - the row; columns that it does not have are not in the snapshot
 * @throws PetioleError `ERR_MODEL_UNKNOWN`, `ERR_REFERENCE_KEY` for a row without its key
 *
 * @example
 * await review.enqueue({ flagged: snapshot(comments, comment) }); // job: flagged.fields.body, as it was
 */
export function snapshot<Target extends object>(
  target: Target,
  row: Partial<RowOf<Target>>,
): Snapshot<RowOf<Target>> {
  const { description, adapter } = modelOfTarget(target);
  if (typeof row !== "object" || row === null) {
    throw new PetioleError(
      "ERR_REFERENCE_KEY",
      `snapshot() of ${description.name} needs the row itself, received ${describe(row)}.`,
    );
  }
  const fields = adapter.fieldsOf(description.name, row) as RowOf<Target>;
  return new Snapshot(description.name, keyOfRow(description, adapter, row), fields);
}

/**
 * A reference that arrives unloaded: the handler fetches the row with `await it.load()`, if it needs it.
 *
 * @param target - the table object or class, one of the app's `models`
 * @param rowOrKey - a row, or its key
 * @throws PetioleError `ERR_MODEL_UNKNOWN`, `ERR_REFERENCE_KEY`
 */
export function lazy<Target extends object>(
  target: Target,
  rowOrKey: KeyPart | Partial<RowOf<Target>>,
): Lazy<RowOf<Target>> {
  return new Lazy(ref(target, rowOrKey));
}

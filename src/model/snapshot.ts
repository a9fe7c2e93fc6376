/**
 * `snapshot` and `lazy`: a row as it was, and a row that is fetched when the handler wants it.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { Foreign } from "../wire/foreign.ts";
import { Lazy } from "../wire/lazy.ts";
import { identityOf, type KeyPart } from "../wire/reference.ts";
import { Snapshot, type SnapshotBinding } from "../wire/snapshot.ts";
import { areAlike } from "./canonical.ts";
import { keyOfRow } from "./key.ts";
import { ref, type ReferenceOptions, type RowOf } from "./ref.ts";
import { modelOfTarget, type RegisteredModel } from "./registry.ts";

/** What becomes of a snapshot's fields that the model does not have, any more or yet, when it becomes a row again. */
export type UnknownFields = "refuse" | "drop";

/**
 * A snapshot of a stored row: it arrives as the row was now, whatever becomes of the row until then.
 *
 * @param target - the table object or class, one of the app's `models`
 * @param row - the row; columns that it does not have are not in the snapshot
 * @param options - `connection`: whose model the row is of, where several have it. It does not travel: what needs the
 *   database where it arrives goes by the model's name
 * @throws PetioleError `ERR_MODEL_UNKNOWN`, `ERR_REFERENCE_KEY` for a row without its key
 *
 * @example
 * await review.enqueue({ flagged: snapshot(comments, comment) }); // job: flagged.fields.body, as it was
 */
export function snapshot<Target extends object>(
  target: Target,
  row: Partial<RowOf<Target>>,
  { connection }: Pick<ReferenceOptions, "connection"> = {},
): Snapshot<RowOf<Target>> {
  const model = modelOfTarget(target, connection);
  const { description, adapter } = model;
  if (typeof row !== "object" || row === null) {
    throw new PetioleError(
      "ERR_REFERENCE_KEY",
      `snapshot() of ${description.name} needs the row itself, received ${describe(row)}.`,
    );
  }
  const fields = adapter.fieldsOf(description.name, row) as RowOf<Target>;
  return new Snapshot(description.name, keyOfRow(description, adapter, row), fields, bindingOf(model));
}

/** What the snapshots of a model can do with its database. */
export function bindingOf(
  { description, adapter }: RegisteredModel,
  unknownFields: UnknownFields = "refuse",
): SnapshotBinding {
  const { name } = description;
  const known = ({ fields }: Snapshot): Record<string, unknown> => {
    const columns = description.fields;
    const unknown = columns ? Object.keys(fields).filter((field) => !columns.includes(field)) : [];
    if (unknown.length > 0 && unknownFields === "refuse") {
      throw new PetioleError(
        "ERR_SNAPSHOT_FIELDS",
        `A snapshot of ${name} has ${unknown.join(", ")}, which the model does not have: it was made by an older or a ` +
          'newer version of the app. Declare unknownFields: "drop" on the task to do without',
      );
    }
    const kept = Object.entries(fields).filter(([field]) => !unknown.includes(field));
    return Object.fromEntries(kept.map(([field, value]) => [field, columnValue(value)]));
  };
  /** Refuses fields whose key is another row's, or a condition that an ORM would take for one: they are a sender's. */
  const made = (snapshot: Snapshot, fields: Record<string, unknown>): object => {
    const entity = adapter.entityOf(name, fields);
    const key = adapter.keyOf(name, entity);
    if (key === undefined || identityOf(name, key) === identityOf(name, snapshot.pk)) return entity;
    throw new PetioleError(
      "ERR_REFERENCE_KEY",
      `A snapshot of ${name} has another key among its fields than its own`,
    );
  };
  return {
    entityOf: (snapshot) => made(snapshot, known(snapshot)),
    save: async (snapshot, within) => {
      const fields = known(snapshot);
      made(snapshot, fields);
      await adapter.save(name, fields, within);
    },
    diff: (snapshot, row) => differences(snapshot.fields, adapter.fieldsOf(name, row)),
  };
}

/** What a row has for a value of another language's, a Decimal for example: drivers read and write its text. */
function columnValue(value: unknown): unknown {
  if (!(value instanceof Foreign)) return value;
  return value.tag === "uuid" ? value.text.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") : value.text;
}

/** The fields, of those that were known, that differ. */
export function differences(
  was: Readonly<Record<string, unknown>> | object,
  is: Readonly<Record<string, unknown>>,
): { readonly field: string; readonly before: unknown; readonly after: unknown }[] {
  return Object.entries(was)
    .filter(([field, before]) => !areAlike(before, is[field]))
    .map(([field, before]) => ({ field, before, after: is[field] }));
}

/**
 * A reference that arrives unloaded: the handler fetches the row with `await it.load()`, if it needs it.
 *
 * @param target - the table object or class, one of the app's `models`
 * @param rowOrKey - a row, or its key
 * @param options - how the row is loaded
 * @throws PetioleError `ERR_MODEL_UNKNOWN`, `ERR_REFERENCE_KEY`
 */
export function lazy<Target extends object>(
  target: Target,
  rowOrKey: KeyPart | Partial<RowOf<Target>>,
  options: Pick<ReferenceOptions, "connection" | "with" | "scope" | "from"> = {},
): Lazy<RowOf<Target>> {
  return new Lazy(ref(target, rowOrKey, options));
}

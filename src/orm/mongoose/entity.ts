/**
 * Documents from fields that travelled, and their way back into the database.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { DocumentLike, SessionLike } from "./like.ts";
import type { MongooseModel } from "./model.ts";

/** Everything as it is stored, whatever the app's schema says about `toObject`. */
const asStored = {
  transform: false,
  virtuals: false,
  getters: false,
  aliases: false,
  depopulate: true,
  minimize: false,
  versionKey: true,
  useProjection: false,
  flattenMaps: false,
  flattenObjectIds: false,
  flattenDecimals: false,
  flattenUUIDs: false,
} as const;

/**
 * A document with these fields, each cast to the type that its path has, and with no others.
 *
 * @throws PetioleError `ERR_SNAPSHOT_FIELDS` when a path cannot hold the value that was given
 */
export function entityOf(model: MongooseModel, fields: Readonly<Record<string, unknown>>): DocumentLike {
  // A field that is not selected is not given its default, and a later save() of the document leaves it alone.
  const selected: Record<string, 0 | 1> = { _id: "_id" in fields ? 1 : 0 };
  const values: Record<string, unknown> = {};
  for (const [attribute, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    selected[attribute] = 1;
    values[attribute] = castable(value);
  }
  const document = model.target.hydrate(values, selected);
  const [failed] = Object.entries(document.errors ?? {});
  if (failed !== undefined) {
    const [attribute, cause] = failed;
    throw new PetioleError(
      "ERR_SNAPSHOT_FIELDS",
      `mongoose: ${model.name} cannot hold what is given for ${JSON.stringify(attribute)}: ${cause.message}`,
      { cause },
    );
  }
  return document;
}

/** Writes a document with these fields: inserts it, or updates the one with its key. */
export async function save(
  model: MongooseModel,
  fields: Readonly<Record<string, unknown>>,
  session: SessionLike | undefined,
): Promise<void> {
  const missing = model.key.filter((attribute) => (fields[attribute] ?? undefined) === undefined);
  if (missing.length > 0) {
    throw new PetioleError(
      "ERR_REFERENCE_KEY",
      `mongoose: ${model.name} cannot be saved without its key: ${missing.map((name) => JSON.stringify(name)).join(", ")} ` +
        `is not among the fields ${Object.keys(fields).join(", ")}`,
    );
  }
  const document = entityOf(model, fields);
  const stored = document.toObject(asStored);
  const filter = Object.fromEntries(model.key.map((attribute) => [attribute, stored[attribute]]));
  const set = Object.fromEntries(
    Object.keys(fields)
      .filter((attribute) => stored[attribute] !== undefined && !isFixed(model, attribute))
      .map((attribute) => [attribute, stored[attribute]]),
  );
  // What the schema gives to a new document, for that case.
  const fresh = new (document.constructor as typeof model.target)().toObject(asStored);
  const { versionKey } = model.target.schema.options;
  if (typeof versionKey === "string") fresh[versionKey] ??= 0;
  if (stored["_id"] !== undefined) fresh["_id"] = stored["_id"];
  const inserted = Object.entries(fresh).filter(
    ([attribute, value]) => value !== undefined && !(attribute in set) && !model.key.includes(attribute),
  );
  // By the driver: Mongoose's own update would run the schema's setters again and set its own timestamps.
  await model.target.collection["updateOne"]?.(
    filter,
    { ...(Object.keys(set).length > 0 ? { $set: set } : {}), $setOnInsert: Object.fromEntries(inserted) },
    { upsert: true, ...(session === undefined ? {} : { session }) },
  );
}

/** A document's `_id` is for good, and its key is what it is found by. */
function isFixed(model: MongooseModel, attribute: string): boolean {
  return attribute === "_id" || model.key.includes(attribute);
}

/** Mongoose takes bytes as a Buffer only. */
function castable(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(castable);
  if (value instanceof Map) return new Map(Array.from(value, ([key, item]) => [key, castable(item)]));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, castable(item)]));
}

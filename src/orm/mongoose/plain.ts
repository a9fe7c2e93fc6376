/**
 * What a document holds as values that travel: numbers, texts, bytes, Dates, and Maps, arrays and plain objects of
 * them. Never through `toJSON` or `toObject`, which the app may have changed.
 *
 * @module
 */
import type { DocumentLike, SchemaLike } from "./like.ts";
import { storedIn } from "./like.ts";

/** Where a value is: what tells whether a document in its place stands for its key. */
interface Place {
  readonly document?: DocumentLike | undefined;
  readonly schema?: SchemaLike | undefined;
  readonly path: string;
}

/** The values of MongoDB that JavaScript has no type of its own for. */
const foreign: Readonly<Record<string, (value: ForeignValue) => unknown>> = {
  ObjectId: (value) => value.toString(),
  Decimal128: (value) => value.toString(),
  Long: (value) => BigInt(value.toString()),
  Int32: Number,
  Double: Number,
  Binary: (value) =>
    value.sub_type === 4 && value.position === 16
      ? hyphenated(value.buffer)
      : new Uint8Array(value.buffer.subarray(0, value.position)),
};

interface ForeignValue {
  toString(): string;
  readonly sub_type: number;
  readonly position: number;
  readonly buffer: Uint8Array;
}

/** The attributes of a document or of a plain row that are among `names`, or all of them, as plain values. */
export function plainFields(
  row: object,
  names: readonly string[] | undefined,
  schema: SchemaLike | undefined,
): Record<string, unknown> {
  const stored = storedIn(row);
  const document = stored === undefined ? undefined : (row as DocumentLike);
  const fields: Record<string, unknown> = {};
  for (const name of names ?? Object.keys(stored ?? row)) {
    const value: unknown = Object.hasOwn(stored ?? row, name) ? Reflect.get(stored ?? row, name) : undefined;
    if (value !== undefined) fields[name] = plainOf(value, { document, schema, path: name });
  }
  return fields;
}

/** A value as one that travels. What is none of MongoDB's stays what it is. */
export function plainOf(value: unknown, place?: Place): unknown {
  const populated = place?.document?.populated(place.path);
  if (populated !== undefined && populated !== value) return plainOf(populated);
  if (typeof value !== "object" || value === null) return value;

  const type: unknown =
    "_bsontype" in value && !Object.hasOwn(value, "_bsontype") ? value._bsontype : undefined;
  if (typeof type === "string") return foreign[type]?.(value as ForeignValue) ?? value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return Array.from(value as unknown[], (item) => plainOf(item, place));
  if (value instanceof Map) return new Map(Array.from(value, ([key, item]) => [key, plainOf(item)]));

  const stored = storedIn(value);
  if (stored !== undefined) {
    const document = value as DocumentLike & { readonly $__schema?: SchemaLike };
    return document.$isSubdocument === true
      ? plainFields(document, undefined, document.$__schema)
      : plainOf(stored["_id"]);
  }
  if (!isPlainObject(value)) return value;
  // A lean row's relation, loaded: a reference to it is what is stored.
  if ("_id" in value && place?.document === undefined && isRelation(place)) return plainOf(value._id);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.map(([key, item]) => [key, plainOf(item, place && { ...place, path: `${place.path}.${key}` })]),
  );
}

function isRelation(place: Place | undefined): boolean {
  const type = place && place.schema?.path(place.path);
  const options = type?.embeddedSchemaType?.options ?? type?.options;
  return (options?.ref ?? options?.refPath) !== undefined;
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function hyphenated(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 16))
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

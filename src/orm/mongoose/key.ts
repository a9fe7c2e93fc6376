/**
 * Keys: what of a document's makes one, and the filters that find documents by theirs.
 *
 * @module
 */
import { partOf } from "../../model/key-chunks.ts";
import { impossible, integerIn } from "../../model/key-part.ts";
import { keyWith } from "../../model/key.ts";
import type { Key, KeyPart } from "../../model/ref.ts";
import { type ModelLike, storedIn } from "./like.ts";
import type { MongooseModel } from "./model.ts";
import { plainOf } from "./plain.ts";

/** A command takes 16 MiB: this many keys, of this many bytes in all. */
const maxKeys = 10_000;
const maxBytes = 4 * 1024 * 1024;
/** Of a key of several attributes each is a condition of its own, which the server plans one by one. */
const maxCompositeKeys = 1_000;

/** The key of a document or of a plain row; undefined when it has none, or was not saved yet. */
export function keyIn(model: MongooseModel, row: object): Key | undefined {
  const stored = storedIn(row);
  // Mongoose gives a document its _id before it is in the database.
  if (stored !== undefined && Reflect.get(row, "isNew") === true) return undefined;
  return keyFrom(model, stored ?? row);
}

/** The key that is among some fields, as they are stored. */
export function keyFrom(model: MongooseModel, fields: object): Key | undefined {
  return keyWith(model.key, (attribute) => plainOf(Reflect.get(fields, attribute)));
}

/** Filters that together find the documents with these keys; each fits into one command. */
export function filtersFor(model: MongooseModel, keys: readonly Key[]): readonly object[] {
  const [first] = model.key;
  if (first !== undefined && model.key.length === 1) {
    const values = keys
      .map((key) => stored(model, 0, partOf(key, first)))
      .filter((value) => value !== impossible);
    return chunked(values, maxKeys).map((chunk) => ({ [first]: trusted(model.target, { $in: chunk }) }));
  }
  const filters = keys
    .map((key) =>
      model.key.map((attribute, index) => [attribute, stored(model, index, partOf(key, attribute))]),
    )
    .filter((parts) => parts.every(([, part]) => part !== impossible))
    .map((parts) => Object.fromEntries(parts) as object);
  return chunked(filters, maxCompositeKeys).map((chunk) => ({ $or: chunk }));
}

/** With `sanitizeFilter` on, Mongoose takes conditions for values, unless they come from the program itself. */
function trusted(model: ModelLike, condition: object): object {
  return model.base?.trusted?.(condition) ?? condition;
}

/**
 * A part of a key as the database has it; {@link impossible} when the path cannot hold it. Mongoose would refuse the
 * whole filter for one key of a wrong kind, and take `"0x1"` for 1.
 */
function stored(model: MongooseModel, index: number, part: KeyPart | undefined): unknown {
  if (part === undefined) return impossible;
  const kind = model.kinds[index];
  const text = String(part);
  switch (kind) {
    case "String":
      // BSON is UTF-8, which has no lone surrogates.
      return text.isWellFormed() ? text : impossible;
    case "Number":
      return String(Number(text)) === text && Number.isFinite(Number(text)) ? Number(text) : impossible;
    case "Int32":
      return String(Number(text) | 0) === text ? Number(text) : impossible;
    case "BigInt":
      return integerIn(64, part);
    case "ObjectId":
      return /^[0-9a-f]{24}$/i.test(text) ? cast(model, index, text) : impossible;
    default:
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
        ? cast(model, index, text)
        : impossible;
  }
}

function cast(model: MongooseModel, index: number, text: string): unknown {
  return model.target.schema.path(model.key[index] ?? "")?.cast(text, null, true);
}

function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const chunks: Item[][] = [];
  let bytes = maxBytes;
  for (const item of items) {
    const last = chunks.at(-1);
    // A character takes up to 3 bytes, and the item's own place in an array up to a dozen.
    const length = typeof item === "string" ? item.length * 3 + 12 : 48;
    bytes += length;
    if (last === undefined || last.length >= size || bytes > maxBytes) {
      chunks.push([item]);
      bytes = length;
    } else {
      last.push(item);
    }
  }
  return chunks;
}

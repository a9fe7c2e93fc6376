/**
 * One text for equal column values. Drivers differ in what they give for one value (a bigint column as a number, a
 * bigint or a text; JSON with its keys in another order), and the row at hand was perhaps never read from the database.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";

/**
 * The text for a value; equal for values that a column would hold alike.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` for an instance of a class that shows nothing of what it holds
 */
export function canonical(value: unknown): string {
  if (value === null || value === undefined) return "null";
  switch (typeof value) {
    case "boolean":
      return String(value);
    case "string":
      return JSON.stringify(value);
    case "number":
    case "bigint":
      // Adding zero turns -0 into 0.
      return JSON.stringify(String(typeof value === "number" ? value + 0 : value));
    case "object":
      return ofObject(value);
    default:
      return typeof value;
  }
}

/** Whether two values are alike in a column. Instances that show nothing of what they hold are not. */
export function areAlike(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  try {
    return canonical(one) === canonical(other);
  } catch (error) {
    if (error instanceof PetioleError) return false;
    throw error;
  }
}

/** Private fields: all instances would be alike, and a changed row would look like the same. */
function opaque(value: object): PetioleError {
  return new PetioleError(
    "ERR_MODEL_DEFINITION",
    `A column's value, ${describe(value)}, cannot be compared: it shows nothing of what it holds. Give its class a ` +
      "toJSON() or a toString(), or name the version of the model",
  );
}

function ofObject(value: object): string {
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (ArrayBuffer.isView(value)) {
    return `bytes ${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}`;
  }
  if (value instanceof ArrayBuffer) return canonical(new Uint8Array(value));
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value instanceof Map) return `map ${canonical([...value])}`;
  if (value instanceof Set) return `set ${canonical([...value])}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isClass = prototype !== Object.prototype && prototype !== null;
  if (isClass) {
    // A decimal, an ObjectId, a Temporal: each has a text of its own.
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return canonical(toJSON.call(value));
    if (!Object.hasOwn(value, "toString") && String(value) !== "[object Object]")
      return canonical(String(value));
  }
  if (isClass && Object.keys(value).length === 0) throw opaque(value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}

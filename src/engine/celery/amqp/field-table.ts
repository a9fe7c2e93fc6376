/**
 * The headers of AMQP messages. Their types are more than JSON has, and amqplib reads some of them as something else (big
 * integers rounded, bytes as broken text), so that they are read here, as JSON that says what it was:
 *
 * - `{ "!": "int64", "value": "9007199254740993" }`, for integers that a number cannot hold
 * - `{ "!": "double", "value": "NaN" }`, for those that JSON or amqplib cannot tell from others
 * - `{ "!": "timestamp", "value": 1767323045 }`, in seconds, and `{ "!": "decimal", "value": { places, digits } }`
 * - `{ "!": "bytes", "value": "base64" }`
 * - `{ "!": "table", "value": { … } }`, for a table with a key `"!"` of its own
 *
 * Source: https://www.rabbitmq.com/docs/amqp-0-9-1-errata
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import type { Json } from "../../../message.ts";

const mark = "!";

/** A table that was read. */
export interface FieldTable {
  readonly headers: Record<string, Json>;
  /** Where in it the tags `L` are: integers of 64 bits as Python writes them, which amqplib refuses. */
  readonly longs: readonly number[];
}

/** Reads a table, without its length. Throws a RangeError for what is none. */
export function readTable(bytes: Buffer): FieldTable {
  const longs: number[] = [];
  let at = 0;

  function take(length: number): Buffer {
    if (at + length > bytes.length) throw new RangeError("The table of headers ends too early.");
    at += length;
    return bytes.subarray(at - length, at);
  }

  function isBefore(end: number): boolean {
    return at < end;
  }

  function table(end: number): Record<string, Json> {
    const fields: Record<string, Json> = {};
    while (isBefore(end)) {
      const key = take(take(1)[0]!).toString("utf8");
      // As an assignment, the key `__proto__` would be none.
      Object.defineProperty(fields, key, {
        value: value(),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    return fields;
  }

  function value(): Json {
    const tag = String.fromCharCode(take(1)[0]!);
    switch (tag) {
      case "S":
      case "x": {
        const text = take(take(4).readUInt32BE());
        return tag === "S" && isUtf8(text) ? text.toString("utf8") : marked("bytes", text.toString("base64"));
      }
      case "t":
        return take(1)[0] !== 0;
      case "V":
        return null;
      case "b":
        return take(1).readInt8();
      case "B":
        return take(1).readUInt8();
      case "s":
        return take(2).readInt16BE();
      case "u":
        return take(2).readUInt16BE();
      case "I":
        return take(4).readInt32BE();
      case "i":
        return take(4).readUInt32BE();
      case "L":
        longs.push(at - 1);
        return integer(take(8).readBigInt64BE(), "int64");
      case "l":
        return integer(take(8).readBigInt64BE(), "int64");
      case "f":
        return double(take(4).readFloatBE());
      case "d":
        return double(take(8).readDoubleBE());
      case "T":
        return marked("timestamp", integer(take(8).readBigUInt64BE()));
      case "D":
        return marked("decimal", { places: take(1)[0]!, digits: take(4).readUInt32BE() });
      case "F": {
        const length = take(4).readUInt32BE();
        const fields = table(at + length);
        return Object.hasOwn(fields, mark) ? marked("table", fields) : fields;
      }
      case "A": {
        const length = take(4).readUInt32BE();
        const [values, end]: [Json[], number] = [[], at + length];
        while (isBefore(end)) values.push(value());
        return values;
      }
      default:
        throw new RangeError(`The table of headers has a value of an unknown type "${tag}".`);
    }
  }

  return { headers: table(bytes.length), longs };
}

function marked(type: string, value: Json): Json {
  return { [mark]: type, value };
}

function integer(value: bigint, type?: string): Json {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  return type === undefined ? String(value) : marked(type, String(value));
}

function double(value: number): Json {
  if (!Number.isFinite(value) || Object.is(value, -0))
    return marked("double", Object.is(value, -0) ? "-0" : String(value));
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? marked("double", value) : value;
}

/**
 * What amqplib is to be given for headers, so that it writes what {@link readTable} has read.
 *
 * @throws TypeError for what is no JSON
 */
export function toAmqplib(headers: { readonly [name: string]: unknown }): object {
  return table(headers);
}

function table(fields: { readonly [name: string]: unknown }): object {
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields))
    if (value !== undefined)
      Object.defineProperty(made, key, {
        value: field(value),
        enumerable: true,
        writable: true,
        configurable: true,
      });
  // To amqplib an own key "!" is a mark, and an inherited one is a key.
  return Object.hasOwn(made, mark) ? (Object.create(made) as object) : made;
}

function field(value: unknown): unknown {
  switch (typeof value) {
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : { [mark]: "double", value };
    case "bigint":
      return { [mark]: "int64", value };
    case "string":
    case "boolean":
      return value;
    case "object":
      if (value === null) return null;
      if (Array.isArray(value)) return value.map(field);
      return Object.hasOwn(value, mark) ? unmarked(value as Marked) : table(value as Record<string, unknown>);
    default:
      throw new TypeError(`A header is JSON, and got a ${typeof value}.`);
  }
}

interface Marked {
  readonly [mark]: unknown;
  readonly value?: unknown;
}

function unmarked(it: Marked): unknown {
  const { [mark]: type, value } = it;
  if (Object.keys(it).length === 2) {
    const text = typeof value === "string" ? value : undefined;
    if (type === "int64" && text !== undefined && /^-?\d{1,19}$/.test(text))
      return { [mark]: type, value: BigInt(text) };
    if (type === "double" && (text !== undefined || typeof value === "number"))
      return { [mark]: type, value: Number(value) };
    if (type === "timestamp" && /^\d{1,20}$/.test(String(value)))
      return { [mark]: type, value: BigInt(String(value)) };
    if (type === "decimal" && isDecimal(value)) return { [mark]: type, value };
    if (type === "bytes" && text !== undefined) return Buffer.from(text, "base64");
    if (type === "table" && typeof value === "object" && value !== null)
      return table(value as Record<string, unknown>);
  }
  return table(it as unknown as Record<string, unknown>);
}

function isDecimal(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { places, digits } = value as { readonly places?: unknown; readonly digits?: unknown };
  return isWithin(places, 2 ** 8) && isWithin(digits, 2 ** 32);
}

function isWithin(value: unknown, end: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < end;
}

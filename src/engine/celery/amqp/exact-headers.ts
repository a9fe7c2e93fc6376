/**
 * The headers of a delivery as they were published.
 *
 * amqplib rounds integers beyond 2 ** 53, and ends the whole connection when a header holds an integer as Python's
 * py-amqp writes those of 2 ** 31 and more (`Unexpected type tag "L"`): one such message would stop every worker that
 * comes near it, again and again. So its connections are taught to read them, and the bytes of each table are kept.
 *
 * @module
 */
import { readTable } from "./field-table.ts";
import type { Json } from "../../../message.ts";
import type { AmqpProperties } from "./like.ts";

/** The part of amqplib's inner connection that reads frames; the same from 0.5 to 2.3. */
interface FrameReader {
  /** What has come and is no frame yet. */
  readonly rest: Buffer;
  recvFrame(): { readonly fields?: object } | false;
}

const readers = new WeakSet<object>();
const tables = new WeakMap<object, Buffer>();

/** Does nothing where the connection is not as it is known to be. */
export function keepExact(connection: unknown): void {
  if (!isFrameReader(connection) || readers.has(connection)) return;
  readers.add(connection);
  const receive = connection.recvFrame;
  connection.recvFrame = function (this: FrameReader) {
    const table = takeTable(this.rest);
    const frame = receive.call(this);
    if (table && typeof frame === "object" && frame.fields) tables.set(frame.fields, table);
    return frame;
  };
}

/**
 * The headers of a delivery, as JSON: see {@link readTable}. Where the bytes are not known, those that amqplib has read.
 *
 * @returns undefined where there are none
 * @throws RangeError for what cannot be told exactly
 */
export function headersOf(properties: AmqpProperties): Record<string, Json> | undefined {
  const bytes = tables.get(properties);
  if (bytes) return readTable(bytes).headers;
  const { headers } = properties;
  if (typeof headers !== "object" || headers === null) return undefined;
  // Bytes become what JSON.stringify makes of them, and what it cannot write is refused.
  return JSON.parse(JSON.stringify(headers, exactOnly)) as Record<string, Json>;
}

function exactOnly(_key: string, value: unknown): unknown {
  if (
    typeof value === "number" &&
    !Number.isSafeInteger(value) &&
    !(Number.isFinite(value) && value % 1 !== 0)
  )
    throw new RangeError(`A header holds the number ${value}, which may have been rounded.`);
  return value;
}

function isFrameReader(connection: unknown): connection is FrameReader {
  if (typeof connection !== "object" || connection === null) return false;
  const { rest, recvFrame } = connection as Partial<FrameReader>;
  return Buffer.isBuffer(rest) && typeof recvFrame === "function";
}

/** A copy of the table of headers, where a whole frame with one lies there, in which amqplib then finds what it can read. */
function takeTable(rest: Buffer): Buffer | undefined {
  const [frameHeader, contentHeader] = [7, 14];
  // A frame of a content's header: its kind, the channel, its length; then class, weight, the body's size, the flags.
  if (rest.length < frameHeader + contentHeader || rest[0] !== 2) return undefined;
  if (rest.length < frameHeader + rest.readUInt32BE(3) + 1) return undefined;
  let at = frameHeader + contentHeader;
  const flags = rest.readUInt16BE(at - 2);
  if ((flags & 0x2000) === 0) return undefined;
  if (flags & 0x8000) at += 1 + rest[at]!;
  if (flags & 0x4000) at += 1 + rest[at]!;
  const length = rest.readUInt32BE(at);
  const table = rest.subarray(at + 4, at + 4 + length);
  const copy = Buffer.from(table);
  try {
    for (const long of readTable(copy).longs) table[long] = "l".charCodeAt(0);
  } catch {
    // Whatever it is, amqplib says so.
    return undefined;
  }
  return copy;
}

/**
 * Messages as MessagePack or JSON, as Python's `msgpack` and `json` have them.
 *
 * @module
 */
import { DecodeError, LimitError, PetioleError, messageOf } from "../../errors.ts";
import type { Format, Prepared } from "./outgoing.ts";
import { scan } from "./scan.ts";

/** Writes and reads one of the formats. */
export interface Serializer {
  write(message: Prepared): Uint8Array;
  /** @throws DecodeError or LimitError, whatever the bytes are */
  read(bytes: Uint8Array, depth: number): unknown;
}

/** Loads what a format needs. @throws PetioleError `ERR_OPTION_INVALID` without the package `@msgpack/msgpack` */
export async function serializerOf(format: Format): Promise<Serializer> {
  return format === "json" ? json : msgpack();
}

async function msgpack(): Promise<Serializer> {
  const { Encoder, Decoder } = await import("@msgpack/msgpack").catch((cause: unknown) => {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      "petiole/channels needs the package @msgpack/msgpack: npm install @msgpack/msgpack. Or both sides use JSON: " +
        '`serializer: "json"` here, `"serializer_format": "json"` in CHANNEL_LAYERS.',
      { cause },
    );
  });
  // Depth was looked at before, in both directions.
  const encoder = new Encoder({ useBigInt64: true, maxDepth: Infinity });
  const decoder = new Decoder({ useBigInt64: true, keyDecoder: null });
  return {
    write: (message) => encoder.encode(message),
    read(bytes, depth) {
      scan(bytes, depth);
      // Of a Buffer, what is binary would be a Buffer as well.
      return exact(decoder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
    },
  };
}

/** Numbers where they are exact, and bytes that are no part of a larger buffer. */
function exact(value: unknown): unknown {
  if (typeof value === "bigint") return isSafe(value) ? Number(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value.slice();
  const container = value as Record<string, unknown>;
  for (const key of Object.keys(container)) container[key] = exact(container[key]);
  return container;
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const json: Serializer = {
  write: (message) => Buffer.from(JSON.stringify(message)),
  read(bytes, depth) {
    let value: unknown;
    try {
      value = parse(utf8.decode(bytes));
    } catch (cause) {
      throw new DecodeError({ path: "message", expected: "JSON", found: messageOf(cause) }, { cause });
    }
    look(value, 1, depth);
    return value;
  },
};

/** Whole numbers that a number cannot hold become bigints, as they do in MessagePack. */
function parse(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const reviver = (_key: string, value: unknown, context: { source?: string }): unknown =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? "")
      ? BigInt(context.source!)
      : value;
  return (JSON as unknown as { parse(text: string, revive: typeof reviver): unknown }).parse(text, reviver);
}

function look(value: unknown, depth: number, most: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > most) throw new LimitError("message", "depth", most, depth);
  if (Object.hasOwn(value, "__proto__"))
    throw new DecodeError({
      path: "message",
      expected: "keys that an object can have",
      found: '"__proto__"',
    });
  for (const item of Object.values(value)) look(item, depth + 1, most);
}

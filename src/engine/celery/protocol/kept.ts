/**
 * A message as plain JSON, for what waits for a person.
 *
 * Any message can be kept, also what cannot be read: bytes among its headers (RabbitMQ has such) and headers that are
 * nested too deep to be written by recursion are kept in base64 and as text, each in an object of one key.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import type { KeptMessage } from "../broker.ts";
import { isNestedDeeper, jsonText } from "./header-values.ts";
import { isObject, malformed } from "./malformed.ts";
import type { CeleryHeaders, CeleryMessage } from "./message.ts";

const bytesKey = "petiole:bytes";
const textKey = "petiole:json";

/** Deeper headers are kept as text. */
const maxDepth = 100;

/** The message, its body in base64. */
export function keptMessage(message: CeleryMessage): KeptMessage {
  const headers = Object.entries(message.headers ?? {}).map(
    ([name, value]) => [name, keptValue(value)] as const,
  );
  return {
    ...message,
    headers: Object.fromEntries(headers) as CeleryHeaders,
    body: Buffer.from(message.body).toString("base64"),
  };
}

function keptValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return { [bytesKey]: Buffer.from(value).toString("base64") };
  if (isNestedDeeper(value, maxDepth)) return { [textKey]: jsonText(value) };
  // What looks like one of the two, and came so.
  return isObject(value) && (bytesKey in value || textKey in value) ? { [textKey]: jsonText(value) } : value;
}

/**
 * The message that was kept.
 *
 * @throws DecodeError when it is none
 */
export function fromKept(kept: KeptMessage): CeleryMessage {
  if (!isObject(kept) || typeof kept.body !== "string" || !isObject(kept.headers))
    throw malformed("message", "a message that was kept", describe(kept));
  const headers = Object.entries(kept.headers).map(([name, value]) => [name, valueOf(value)] as const);
  return {
    ...kept,
    headers: Object.fromEntries(headers) as CeleryHeaders,
    body: Buffer.from(kept.body, "base64"),
  };
}

function valueOf(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { [bytesKey]: bytes, [textKey]: text } = value;
  if (typeof bytes === "string") return Buffer.from(bytes, "base64");
  if (typeof text !== "string") return value;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return value;
  }
}

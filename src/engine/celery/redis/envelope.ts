/**
 * A message as it lies in a list of Redis: one JSON text, its body in base64. And as it lies in `unacked`, once taken.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { isUtf8 } from "node:buffer";
import type { CeleryHeaders, CeleryMessage } from "../protocol/message.ts";
import { itemsAt, parseExactly, withMember } from "../protocol/json-text.ts";
import { isObject } from "../protocol/malformed.ts";
import { priorityOf } from "./settings.ts";

/** What was read. */
export type Read =
  | { readonly message: CeleryMessage; readonly redelivered: boolean }
  | {
      /** The bytes as they lay in the list. */
      readonly raw: Buffer;
      /** What is wrong, for a person: `it is not JSON`. */
      readonly problem: string;
      /** It lies in `unacked` in a form that Python's workers do not end of. */
      readonly isWrapped: boolean;
    };

/** In the headers of what holds something that is no message. */
const unreadable = "petiole-unreadable";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The text for a list. All texts in it are in one piece: with one that was put together by `+` or a template, and stayed so,
 * `JSON.stringify` takes twice as long.
 */
export function envelopeOf(message: CeleryMessage): string {
  return JSON.stringify({
    body: base64Of(message.body),
    "content-encoding": message.contentEncoding,
    "content-type": message.contentType,
    headers: message.headers,
    properties: {
      correlation_id: message.headers.id,
      reply_to: message.replyTo,
      delivery_mode: 2,
      delivery_info: { exchange: "", routing_key: message.queue },
      priority: priorityOf(message.priority),
      body_encoding: "base64",
      delivery_tag: newTag(),
    },
  });
}

const tags = { beginning: randomUUID().slice(0, 24), count: 0 };

/** A delivery tag that no other message has: a UUID, random but for its end, which is counted in this process. */
function newTag(): string {
  return [tags.beginning, (++tags.count).toString(16).padStart(12, "0")].join("");
}

/** How a message of remote control, or an event, is sent. */
export interface BroadcastOptions {
  readonly routingKey?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly deliveryMode?: 1 | 2;
}

/** What Kombu publishes to all workers, or to those who watch. */
export function broadcastEnvelopeOf(
  exchange: string,
  body: object,
  { routingKey = "", headers = { clock: 0, expires: 0 }, deliveryMode = 2 }: BroadcastOptions = {},
): string {
  return JSON.stringify({
    body: Buffer.from(JSON.stringify(body)).toString("base64"),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers,
    properties: {
      delivery_mode: deliveryMode,
      delivery_info: { exchange, routing_key: routingKey },
      priority: 0,
      body_encoding: "base64",
      delivery_tag: randomUUID(),
    },
  });
}

/** The body of an envelope, as bytes; undefined where it is none. */
export function bodyOf(envelope: Fields): Buffer | undefined {
  const { body, properties } = envelope;
  if (typeof body !== "string" || !isObject(properties)) return undefined;
  const encoding = properties["body_encoding"];
  if (encoding === undefined || encoding === null) return Buffer.from(body);
  if (encoding !== "base64" || /[-_]/.test(body)) return undefined;
  const bytes = Buffer.from(body, "base64");
  // Node passes over what is no base64; Python may see something else in it.
  return Buffer.byteLength(body, "base64") === bytes.length ? bytes : undefined;
}

/** What is held for a queue. */
export function heldOf(text: string, queue: string): string {
  return `[${text}${suffixOf(queue)}`;
}

/** What follows the message in what is held. */
export function suffixOf(queue: string): string {
  return `,"",${JSON.stringify(queue)}]`;
}

/** A message that holds what is none: Python's workers refuse it, and do not end of it. */
export function wrap(raw: Buffer, queue: string): string {
  const id = randomUUID();
  return JSON.stringify({
    body: raw.toString("hex"),
    "content-encoding": "binary",
    "content-type": "application/octet-stream",
    headers: { task: "petiole.unreadable", id, [unreadable]: "hex" },
    properties: {
      delivery_mode: 2,
      delivery_info: { exchange: "", routing_key: queue },
      priority: 0,
      delivery_tag: id,
    },
  });
}

/** Reads what is held for a queue. Never throws. */
export function read(held: Buffer, queue: string): Read {
  const raw = held.subarray(1, held.length - Buffer.byteLength(suffixOf(queue)));
  const bad = (problem: string): Read => ({ raw, problem, isWrapped: false });
  if (!isUtf8(raw)) return bad("it is not UTF-8");
  let envelope: unknown;
  try {
    envelope = parseExactly(raw.toString());
  } catch {
    return bad("it is not JSON");
  }
  if (!isObject(envelope)) return bad("it is no JSON object");
  const { headers, properties, body } = envelope;
  if (!isObject(headers)) return bad("its headers are no object");
  if (!isObject(properties)) return bad("its properties are no object");
  if (headers[unreadable] === "hex" && typeof body === "string") {
    const inner = Buffer.from(body, "hex");
    return { raw: inner, problem: problemOf(inner), isWrapped: true };
  }
  // Without a task it may be of Celery's protocol 1, which has all that in the body.
  if (headers["task"] !== undefined && typeof headers["id"] !== "string")
    return bad("its headers lack an id");
  const bytes = bodyOf(envelope);
  if (bytes === undefined) return bad("its body is not in base64, nor text");
  const info = isObject(properties["delivery_info"]) ? properties["delivery_info"] : {};
  const { exchange, routing_key: routingKey } = info;
  const { redelivered, ...rest } = headers;
  const replyTo = properties["reply_to"];
  return {
    message: {
      queue,
      // Kombu's mark is of this message, not of those that follow it.
      headers: (redelivered === true ? rest : headers) as CeleryHeaders,
      contentType: textOf(envelope["content-type"], ""),
      contentEncoding: textOf(envelope["content-encoding"], "utf-8"),
      body: bytes,
      ...(typeof replyTo === "string" && { replyTo }),
      ...(properties["priority"] !== undefined && { priority: priorityOf(properties["priority"]) }),
      ...(typeof exchange === "string" &&
        exchange !== "" &&
        typeof routingKey === "string" && { delivered: { exchange, routingKey } }),
    },
    redelivered: info["redelivered"] === true,
  };
}

/** What was held by somebody who was lost: where it goes, and as what. Undefined where it is of no known form. */
export function lostOf(held: string):
  | {
      readonly exchange: string;
      readonly routingKey: string;
      readonly priority: number;
      readonly text: string;
    }
  | undefined {
  try {
    const [message, exchange, key] = itemsAt(held, 0).map(({ start, end }) => held.slice(start, end));
    if (message === undefined || exchange === undefined || key === undefined || !message.startsWith("{"))
      return undefined;
    const [exchangeName, routingKey] = [JSON.parse(exchange) as unknown, JSON.parse(key) as unknown];
    if (typeof routingKey !== "string" || routingKey === "") return undefined;
    const envelope = leniently(message);
    const properties = isObject(envelope["properties"]) ? envelope["properties"] : {};
    const marked = withMember(message, ["headers", "redelivered"], "true");
    return {
      exchange: typeof exchangeName === "string" ? exchangeName : "",
      routingKey,
      priority: priorityOf(properties["priority"]),
      text: withMember(marked, ["properties", "delivery_info", "redelivered"], "true"),
    };
  } catch {
    return undefined;
  }
}

/** Also what Python writes, and JSON does not have: numbers that are none. Only to look into. */
function leniently(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = JSON.parse(text.replaceAll(/(?<=[:,[]\s*)(?:NaN|-?Infinity)(?=\s*[,\]}])/g, "null"));
  }
  return isObject(value) ? value : {};
}

function problemOf(raw: Buffer): string {
  const suffix = suffixOf("q");
  const again = read(Buffer.concat([Buffer.from("["), raw, Buffer.from(suffix)]), "q");
  return "problem" in again
    ? again.problem
    : "it lacks properties that Kombu needs: delivery_tag, delivery_info";
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

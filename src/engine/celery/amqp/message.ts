/**
 * A message of Celery's as AMQP carries it.
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import type { Reason } from "../../../engine.ts";
import type { Json } from "../../../message.ts";
import { isOfDelivery } from "../protocol/headers.ts";
import type { CeleryHeaders, CeleryMessage } from "../protocol/message.ts";
import { isOtherContent } from "../protocol/content.ts";
import { headersOf } from "./exact-headers.ts";
import { toAmqplib } from "./field-table.ts";
import type { AmqpDelivery, AmqpProperties, AmqpPublishOptions } from "./like.ts";

/** What would send copies of a message elsewhere. */
const notAgain: ReadonlySet<string> = new Set(["CC", "BCC"]);

/** What to publish a message with. @throws TypeError for headers that are no JSON */
export function optionsOf(message: CeleryMessage): AmqpPublishOptions {
  const { headers, contentType, contentEncoding, replyTo, priority } = message;
  const own = Object.fromEntries(
    Object.entries(headers).filter(([name]) => !notAgain.has(name) && !isOfDelivery(name)),
  );
  return {
    contentType,
    contentEncoding,
    headers: toAmqplib(own),
    deliveryMode: 2,
    priority: priority ?? 0,
    mandatory: true,
    // Of protocol 1, the id is in the body.
    ...(typeof headers.id === "string" && { correlationId: headers.id }),
    ...(replyTo !== undefined && { replyTo }),
  };
}

/** Bytes as amqplib takes them. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What a delivery is: a message, or what it is made of and why it is none. */
export type ReadDelivery =
  | { readonly message: CeleryMessage }
  | { readonly text: string; readonly reason: Reason };

/** Reads a delivery; never throws. The body is looked at only as far as to see that it may be one of protocol 2. */
export function readDelivery(queue: string, { content, fields, properties }: AmqpDelivery): ReadDelivery {
  let headers: Record<string, Json> | undefined;
  try {
    headers = headersOf(properties);
  } catch (error) {
    return unreadable(queue, content, properties, undefined, (error as Error).message);
  }
  const wrong = problemOf(content, properties, headers);
  if (wrong !== undefined) return unreadable(queue, content, properties, headers, wrong);
  const { contentType, contentEncoding, replyTo, priority, expiration } = properties;
  const lasts =
    typeof expiration === "string" && /^\d{1,15}$/.test(expiration) ? Number(expiration) : undefined;
  const { exchange = "", routingKey } = fields;
  return {
    message: {
      queue,
      headers: (headers ?? {}) as CeleryHeaders,
      contentType: typeof contentType === "string" ? contentType : "",
      contentEncoding: typeof contentEncoding === "string" ? contentEncoding : "utf-8",
      body: content,
      ...(typeof replyTo === "string" && { replyTo }),
      ...(typeof priority === "number" && { priority }),
      ...(lasts !== undefined && { expiration: lasts }),
      ...(exchange !== "" && { delivered: { exchange, routingKey } }),
    },
  };
}

function problemOf(
  content: Uint8Array,
  { contentType }: AmqpProperties,
  headers: Record<string, Json> | undefined,
): string | undefined {
  const isTyped = typeof contentType === "string" && contentType !== "";
  if (headers?.["task"] === undefined) {
    // Celery's protocol 1 has all that in its body, an object, which may be compressed; of other content nobody here knows.
    if (isTyped && (headers?.["compression"] != null || isOtherContent(contentType))) return undefined;
    if (isTyped && isUtf8(content) && startsWith(content, "{")) return undefined;
    return "it has no header `task`, nor a body of Celery's protocol 1";
  }
  if (typeof headers["task"] !== "string" || headers["task"] === "") return "its header `task` is no text";
  if (typeof headers["id"] !== "string" || headers["id"] === "") return "its header `id` is no text";
  // Whatever its content is: whoever reads it parks it under its id, and tells who waits.
  return undefined;
}

function startsWith(content: Uint8Array, character: string): boolean {
  return toBuffer(content.subarray(0, 100)).toString("utf8").trimStart().startsWith(character);
}

function unreadable(
  queue: string,
  content: Uint8Array,
  properties: AmqpProperties,
  headers: Record<string, Json> | undefined,
  problem: string,
): ReadDelivery {
  const body = isUtf8(content)
    ? { body: toBuffer(content).toString("utf8") }
    : { base64: toBuffer(content).toString("base64") };
  return {
    text: JSON.stringify({ properties: { ...properties, headers: headers ?? properties.headers }, ...body }),
    reason: {
      code: "ERR_TEXT_UNDECODABLE",
      message: `What lay in the queue ${queue} is no message of Celery's: ${problem}.`,
    },
  };
}

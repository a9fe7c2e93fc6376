/**
 * Options of a signature that a broker would refuse, when nothing can be done about it any more but to fail.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import { isObject, malformed } from "./malformed.ts";
import { valueOf } from "./signature.ts";
import type { Signature } from "./signature.ts";

/** What Kombu's lists in Redis put between a queue's name and a priority. */
const separator = "\u0006\u0016";
/** AMQP's short strings. */
const maxBytes = 255;

/**
 * Refuses what cannot be published, whichever broker it is for: a message that was read may be carried on by any.
 *
 * @throws DecodeError
 */
export function refuseUnpublishable({ options }: Signature, path: string): void {
  const queue = valueOf(options.get("queue"));
  if (isObject(queue) && typeof queue["name"] === "string")
    refuseName(queue["name"], `${path}.options.queue.name`, 1);
  else refuseName(queue, `${path}.options.queue`);
  for (const name of ["exchange", "routing_key", "reply_to", "task_id"])
    refuseName(valueOf(options.get(name)), `${path}.options.${name}`);
  const priority = valueOf(options.get("priority"));
  const isInteger = Number.isInteger(priority) && (priority as number) >= 0 && (priority as number) <= 255;
  if (typeof priority === "number" && !isInteger)
    throw malformed(`${path}.options.priority`, "a whole number from 0 to 255", describe(priority));
}

/** Of what is no text nothing is published. */
function refuseName(value: unknown, path: string, minBytes = 0): void {
  if (typeof value !== "string") return;
  const bytes = Buffer.byteLength(value);
  if (bytes < minBytes || bytes > maxBytes)
    throw malformed(path, `a name of ${minBytes} to ${maxBytes} bytes`, `${bytes} bytes`);
  if (value.includes(separator))
    throw malformed(path, "a name without the bytes 06 16, which Kombu separates by", describe(value));
}

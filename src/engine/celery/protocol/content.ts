/**
 * Which content is read: JSON in UTF-8 that says so. All other is refused unread.
 *
 * What a content type names is what its reader would do with the bytes, and for pickle that is to run them. So the
 * declaration alone decides, before a byte is looked at or unpacked; nothing is guessed from the bytes.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import { unsupportedMessage } from "./malformed.ts";
import type { CeleryMessage } from "./message.ts";

const contentTypes: ReadonlySet<string> = new Set(["application/json", "application/x-json", "text/json"]);
const encodings: ReadonlySet<string> = new Set(["", "utf-8", "utf8", "us-ascii", "ascii"]);

/** What Kombu's other serializers declare, in words. */
const others: Readonly<Record<string, string>> = {
  "application/x-python-serialize": "Python's pickle, which runs code of its sender's where it is decoded",
  "application/x-yaml": "YAML",
  "application/x-msgpack": "MessagePack",
  "application/data": "bytes of no declared form",
  "text/plain": "text of no declared form",
};

/** What its sender has to do, and what to do with the message. */
const advice =
  "It was not decoded, and is kept with its bytes. " +
  'Where it was sent, set task_serializer = "json", or serializer="json" for this task alone, and let accept_content have ' +
  '"json" there; what JSON has no form for travels with the Python package petiole. Then send it anew and discard this ' +
  "one; to retry it as it is, a Python worker that accepts its content must take from its queue.";

/**
 * Refuses what is not declared to be JSON in UTF-8.
 *
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED`, which says what the sender must set
 */
export function refuseContent({
  contentType,
  contentEncoding,
}: Pick<CeleryMessage, "contentType" | "contentEncoding">): void {
  const type = typeOf(contentType);
  if (!contentTypes.has(type))
    throw unsupportedMessage(`its content is ${nameOf(type, contentType)}`, advice);
  const encoding = typeof contentEncoding === "string" ? contentEncoding : String(contentEncoding ?? "");
  if (!encodings.has(encoding.toLowerCase()))
    throw unsupportedMessage(
      `its content is JSON, and its encoding ${describe(contentEncoding)}, where this engine reads "utf-8"`,
      advice,
    );
}

/** Whether a content type is another than JSON's. One that is left out is not. */
export function isOtherContent(contentType: unknown): boolean {
  return contentType !== undefined && !contentTypes.has(typeOf(contentType));
}

/** Without its parameters. Anything may stand there, whatever the types say. */
function typeOf(declared: unknown): string {
  const [type = ""] = typeof declared === "string" ? declared.split(";") : [];
  return type.trim().toLowerCase();
}

function nameOf(type: string, declared: unknown): string {
  if (declared === undefined || declared === null || type === "") return "of no declared type";
  const words = Object.hasOwn(others, type) ? others[type] : undefined;
  return words === undefined ? describe(declared) : `${describe(declared)}, ${words}`;
}

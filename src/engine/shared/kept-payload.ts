/**
 * How a message's payload, which is text, lies in an engine that keeps JSON: as JSON that people and other programs can
 * read, where that comes out as the same text, and as one JSON string where it would not.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import { changedOrders, hasFragileKey, inOrders } from "./kept-payload/key-orders.ts";
import type { KeyOrders } from "./kept-payload/key-orders.ts";
import { isDeeperThan } from "./kept-payload/nesting.ts";
import type { Json } from "../../message.ts";

/** What keeps the JSON: as the text that it is (Redis), or as PostgreSQL's `jsonb`, which normalises it. */
export type JsonStore = "text" | "jsonb";

/**
 * How the payload lies there; plain JSON, to be kept as it is.
 *
 * - `json`: as the JSON that it is.
 * - `string`: its text as one JSON string.
 * - `escaped`: its text as one JSON string, which is itself the text of a JSON string: `jsonb` refuses NUL and lone
 *   surrogates even in strings.
 * - `keys`: as JSON whose objects had these keys in these orders, where the store has changed them.
 */
export type PayloadForm = "json" | "string" | "escaped" | { readonly keys: KeyOrders };

/** A payload as it lies in the engine. */
export interface KeptPayload {
  readonly data: Json;
  /** To be kept beside `data`. */
  readonly form: PayloadForm;
}

/**
 * JSON that is nested deeper than this lies there as a string: others who take it (JSON.stringify in some runtimes,
 * PostgreSQL at some 10,000 levels, other languages' parsers) go only so deep.
 */
const maxDepth = 1000;

/** `\u0000` and lone surrogates, as `JSON.stringify` writes them: the `\` must not be an escaped one. */
const refusedEscape = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/**
 * What to keep of a payload's text, so that {@link payloadOf} gives the same text. Any text can be kept. Never throws.
 *
 * @example
 * keptPayload('{"post":1,"at":2}', "jsonb"); // { data: { post: 1, at: 2 }, form: { keys: [["post", "at"]] } }
 */
export function keptPayload(text: string, store: JsonStore): KeptPayload {
  const data = readable(text);
  if (store === "text") return data === undefined ? { data: text, form: "string" } : { data, form: "json" };
  if (data === undefined || (text.includes("\\u") && refusedEscape.test(text))) return asString(text);
  const keys = changedOrders(data, Math.max(1000, text.length / 2));
  if (keys === undefined) return asString(text);
  return { data, form: keys.length === 0 ? "json" : { keys } };
}

/** The JSON that is written so and not otherwise; undefined where the text is none. */
function readable(text: string): Json | undefined {
  // Before it is parsed: what follows recurses.
  if (isDeeperThan(text, maxDepth)) return undefined;
  try {
    const data = JSON.parse(text) as Json;
    if (JSON.stringify(data) !== text) return undefined;
    // V8's JSON.parse now and then takes a key that has escapes for another (nodejs/node#63785), and a copy made with
    // Object.assign has no key `__proto__`: what is a string cannot come to harm on its way.
    const isSuspect = text.includes("\\") || text.includes("__proto__");
    return isSuspect && hasFragileKey(data) ? undefined : data;
  } catch {
    return undefined;
  }
}

function asString(text: string): KeptPayload {
  return text.isWellFormed() && !text.includes("\0")
    ? { data: text, form: "string" }
    : { data: JSON.stringify(text), form: "escaped" };
}

/**
 * The text of what {@link keptPayload} gave, or of JSON that others wrote, which has no form.
 *
 * @param data what is stored now, as `JSON.parse` gives it
 * @param form what was kept beside it; unless told, `json`
 * @throws PetioleError `ERR_ENGINE_ROW_UNREADABLE` when the two do not fit: somebody has changed one of them. JSON
 *   that was changed and still fits is the payload now.
 */
export function payloadOf(data: Json, form: PayloadForm = "json"): string {
  if (form === "json") return written(data);
  if (form === "string" || form === "escaped") {
    if (typeof data !== "string")
      throw unreadable(`is ${describe(data)}, where its form "${form}" says a string`);
    return form === "string" ? data : unescaped(data);
  }
  if (!isKeyOrders(form)) throw unreadable(`has the form ${describe(form)}, which is not one of ours`);
  return written(data, form.keys);
}

function written(data: Json, keys?: KeyOrders): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(keys === undefined ? data : inOrders(data, keys));
  } catch (error) {
    // Nested deeper than the stack, or longer than a string can be.
    if (!(error instanceof RangeError)) throw error;
    throw unreadable(`cannot be written as text: ${error.message}`, error);
  }
  if (text === undefined) throw unreadable(`is ${describe(data)}, which is not JSON`);
  return text;
}

function unescaped(data: string): string {
  let text: unknown;
  try {
    text = JSON.parse(data);
  } catch {
    // Said below.
  }
  if (typeof text !== "string")
    throw unreadable('is not the text of a JSON string, as its form "escaped" says');
  return text;
}

/** A form comes from outside, as the data does. */
function isKeyOrders(form: unknown): form is { readonly keys: KeyOrders } {
  const keys = typeof form === "object" && form !== null && "keys" in form ? form.keys : undefined;
  return (
    Array.isArray(keys) &&
    keys.every((order) => Array.isArray(order) && order.every((key) => typeof key === "string"))
  );
}

function unreadable(problem: string, cause?: unknown): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_ROW_UNREADABLE",
    `The stored payload ${problem}. It was changed by something else than the engine; restore it, or discard the task.`,
    { cause },
  );
}

/** Arguments of exceptions as Python's JSON. @module */
import type { Json } from "../../../message.ts";
import { isObject } from "./malformed.ts";
import { fromWireNumbers } from "./numbers.ts";

/** Kombu's own tags: what every Celery decodes. */
const kombusTags: ReadonlySet<unknown> = new Set([
  "datetime",
  "date",
  "time",
  "decimal",
  "uuid",
  "bytes",
  "base64",
]);

/** Deeper, an argument is told in words. */
const maxDepth = 50;

/**
 * A value as Python's JSON: the wire's tags of integers and of NaN as the numbers that they were. What Kombu could not
 * decode, and would make whoever asks for the result fail, is its text, as Celery itself has it.
 */
export function pythonJson(value: Json): string {
  return written(value, 0) ?? JSON.stringify(textOf(value));
}

function textOf(value: Json): string {
  try {
    return JSON.stringify(value).slice(0, 10_000).toWellFormed();
  } catch {
    return "…";
  }
}

/** Undefined for what cannot be decoded. */
function written(value: Json, depth: number): string | undefined {
  if (typeof value !== "object" || value === null) return fromWireNumbers(JSON.stringify(value), "argument");
  if (depth > maxDepth) return undefined;
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map((item) => written(item, depth + 1));
    return items.includes(undefined) ? undefined : `[${items.join(",")}]`;
  }
  const keys = Object.keys(value);
  if (
    isObject(value) &&
    keys.length === 2 &&
    Object.hasOwn(value, "__type__") &&
    Object.hasOwn(value, "__value__")
  ) {
    const { __type__: type, __value__: content } = value as Readonly<Record<string, unknown>>;
    if (type === "bigint" && typeof content === "string" && /^-?\d{1,4300}$/.test(content)) return content;
    if (type === "number" && typeof content === "string" && /^(?:NaN|-?Infinity)$/.test(content))
      return content;
    if (!kombusTags.has(type)) return undefined;
  }
  const members = Object.entries(value).map(([key, each]) => {
    const text = written(each, depth + 1);
    return text === undefined ? undefined : `${JSON.stringify(key)}:${text}`;
  });
  return members.includes(undefined) ? undefined : `{${members.join(",")}}`;
}

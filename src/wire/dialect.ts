/**
 * What the reader of a text understands, as data.
 *
 * `portable` is what a plain Celery worker decodes with no help of ours (`kombu.utils.json`, 5.3 and later).
 * Whatever would make Python raise is refused at the send, because Celery acknowledges a message that it
 * cannot decode, and so loses it.
 *
 * @module
 */
import { hasTagKeys, looksLikeTag, typeKey } from "./tag.ts";

/** The dialects by name. */
export type DialectName = "exact" | "portable";

/** The rules of a dialect. */
export interface Dialect {
  /** A tag's content as the reader takes it, where it can be written in several ways. */
  content(tag: string, content: unknown): unknown;
  /** Why a tag with this content cannot be written, as an advice; undefined when it can. */
  refusal(tag: string, content: unknown): string | undefined;
  /** Whether a plain object would be taken for a tag by the reader. */
  looksLikeTag(value: object): boolean;
  /** A second place of one object points at the first. Otherwise it is written out again, and cycles are refused. */
  readonly pointers: boolean;
  /** Properties that are undefined are left out. */
  readonly omitsUndefined: boolean;
  /** Levels of nesting that the reader can take. */
  readonly depth: number;
}

const exact: Dialect = {
  content: (_tag, content) => content,
  refusal: () => undefined,
  looksLikeTag,
  pointers: true,
  omitsUndefined: false,
  depth: Infinity,
};

/** The dialect of a name; `understands` are the types that a portable reader has been taught. */
export function dialectOf(name: DialectName, understands: readonly string[]): Dialect {
  if (name === "exact") return exact;
  const known = new Set(["base64", "decimal", "uuid", ...understands]);
  return {
    // Python before 3.11 reads no other fractions of a second than those of 3 and of 6 digits.
    content: (tag, content) =>
      tag === "time"
        ? (content as string).replace(/\.\d+/, (digits) => digits.padEnd(digits[4] ? 7 : 4, "0"))
        : content,
    refusal(tag, content) {
      if (/^(date|time|datetime)$/.test(tag)) return timeRefusal(content);
      if (tag === "bigint" && (content as string).length > 4300)
        return "Python reads no more than 4,300 digits; send a string";
      if (known.has(tag)) return known.has("bigint") ? undefined : keyRefusal(tag, content);
      return advice[tag] ?? "the other side does not know this type; teach it, and say so in `understands`";
    },
    // Kombu does not look at what kind of value the type is.
    looksLikeTag: (value) => typeKey in value && hasTagKeys(withoutUndefined(value)),
    pointers: false,
    omitsUndefined: true,
    // Python's json gives up somewhere below its recursion limit of 1,000.
    depth: 500,
  };
}

/** An object's properties, but for those that are undefined. */
export function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, inside]) => inside !== undefined));
}

const advice: Readonly<Record<string, string>> = {
  bigint: "Python does not know the tag; send a string, or an exact number",
  number: "JSON has no such number; send null",
  undefined: "send null",
  map: "send a plain object, or an array of entries",
  set: "send an array",
  object: "Python would take it for a tag; rename a key",
  bare: "send a plain object: { ...it }",
  array: "send a plain array: Array.from(it)",
};

/** A reference's content is written at once, and the bigints in its key are tags of their own. */
function keyRefusal(tag: string, content: unknown): string | undefined {
  const hasBigint = /^refs?$/.test(tag) && JSON.stringify(content).includes('{"__type__":"bigint",');
  return hasBigint ? `its key is a bigint: ${advice["bigint"]}` : undefined;
}

const pythonTime = /^(?!0000)(\d{4}-..-..(T|$))?([\d:]+(\.(\d{3}){1,2})?([+-][\d:]+)?)?$/;

/** Python has no invalid time, and before 3.11 neither `Z` nor other fractions. The text is a time's already. */
function timeRefusal(content: unknown): string | undefined {
  if (content === null) return "Python has no invalid date; send null";
  if (pythonTime.test(content as string)) return undefined;
  return "Python's years are 1 to 9999, no calendar or Z, 3 or 6 digits";
}

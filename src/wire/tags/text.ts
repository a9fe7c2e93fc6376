/** Kinds whose whole is a text, or a few: registered symbols, expressions, addresses, headers, Temporal. @module */
import { describe } from "../../errors.ts";
import { reserve } from "../limits.ts";
import { Malformed, Unportable, checkShape, checkText, type Tag } from "../tag.ts";
import { foreignTags } from "./foreign.ts";

/** A registered symbol, by its key. */
export const symbolTag: Tag<symbol> = {
  name: "symbol",
  layout: "scalar",
  identity: false,
  write: (value) => Symbol.keyFor(value),
  read: (content) => Symbol.for(checkText(content)),
};

/** Whether a value is a whole number from 0 on. */
export function isIndex(value: unknown): value is number {
  // 1 / -0 is -Infinity.
  return Number.isSafeInteger(value) && 1 / (value as number) > 0;
}

/** In bytes: a platform looks up the characters of each Unicode property, `\p{L}`, for up to a millisecond. */
function costOf(source: string): number {
  return (source.split(/\\p/i).length - 1) * 8192;
}

/** `[source, flags]`, and `lastIndex` where it is not 0. */
const regexpTag: Tag<RegExp> = {
  name: "regexp",
  layout: "scalar",
  identity: true,
  write({ source, flags, lastIndex }, { buffers, limits }) {
    reserve(buffers, costOf(source), limits);
    if (!isIndex(lastIndex)) throw new Unportable("its lastIndex is no whole number from 0");
    return lastIndex === 0 ? [source, flags] : [source, flags, lastIndex];
  },
  read(content, reading) {
    const [source, flags, lastIndex = 0, ...more] = Array.isArray(content) ? (content as unknown[]) : [];
    if (!isIndex(lastIndex) || more.length > 0)
      throw new Malformed("a source, flags and perhaps an index", describe(content));
    reserve(reading, costOf(checkText(source)), reading.limits);
    return Object.assign(new RegExp(source as string, checkText(flags)), { lastIndex });
  },
};

type PairsClass = (typeof globalThis)["Headers" | "URLSearchParams"];

/** A list of names and values. */
function pairsTagOf(name: string, of: PairsClass): Tag<Headers | URLSearchParams> {
  const entries = of.prototype.entries as () => Iterable<[string, string]>;
  const write = (value: object): [string, string][] => [...entries.call(value)];
  return {
    name,
    layout: "scalar",
    identity: true,
    write,
    read(content) {
      checkShape({ layout: "entries" }, content);
      const value = new of();
      for (const [key, text] of content as [unknown, unknown][]) {
        let rest = checkText(text);
        let empty = 0;
        // Of several values, Headers gives one, and would take the spaces from its end: those of empty ones.
        if (of === Headers) for (; rest.endsWith(", "); empty++) rest = rest.slice(0, -2);
        for (value.append(checkText(key), rest); empty > 0; empty--) value.append(key as string, "");
      }
      if (JSON.stringify(write(value)) === JSON.stringify(content)) return value;
      throw new Malformed("pairs of a name and a value, in its order", describe(content));
    },
  };
}

interface TextClass {
  readonly prototype: object;
  /** Temporal's classes make an instance of a text; the others' constructors do. */
  from?(text: string): object;
}

/** What Temporal's classes have, Duration apart. */
interface Comparable {
  equals(other: object): boolean;
}

/** A class whose instances are their own text. What does not come back from its text is kept as that, or refused. */
function textTagOf(name: string, of: TextClass): Tag<object> {
  // The class's own, not what an instance may have in its place.
  const textOf = (value: object): string => of.prototype.toString.call(value);
  const made = (text: string): object =>
    of.from ? of.from(text) : new (of as unknown as new (text: string) => object)(text);
  const foreign = foreignTags.get(name);
  return {
    name,
    layout: "scalar",
    identity: !foreign,
    write(value) {
      const text = textOf(value);
      const back = made(text);
      // A Duration cannot tell whether it equals another. Its text has no milliseconds beyond a second, for example.
      if (name === "duration")
        return String(partsOf(back)) === String(partsOf(value)) ? text : partsOf(value);
      if (foreign ? (value as Comparable).equals(back) : textOf(back) === text) return text;
      throw new Unportable("it does not come back from its own text");
    },
    read(content, reading) {
      if (name === "duration" && Array.isArray(content)) {
        if (content.length === 10 && content.every(Number.isInteger))
          return new (of as unknown as new (...parts: unknown[]) => object)(...content);
        throw new Malformed("ten whole numbers", describe(content));
      }
      const text = checkText(content);
      // Some platforms take long over what is much longer than any time.
      if (foreign && text.length > 200) throw new Malformed("a time", describe(text));
      const value = made(text);
      if (textOf(value) === text) return value;
      if (foreign) return foreign.read(text, reading, undefined);
      throw new Malformed("text as such a value writes it", describe(text));
    },
  };
}

/** The parts of a Duration. */
const parts = "years months weeks days hours minutes seconds milliseconds microseconds nanoseconds".split(
  " ",
);

function partsOf(duration: object): unknown[] {
  return parts.map((part) => (duration as Record<string, unknown>)[part]);
}

type Entry = readonly [prototype: object, tag: Tag];

const temporal = {
  date: "PlainDate",
  time: "PlainTime",
  instant: "Instant",
  zoned: "ZonedDateTime",
  local: "PlainDateTime",
  month: "PlainYearMonth",
  day: "PlainMonthDay",
  duration: "Duration",
};

const { Temporal } = globalThis as { Temporal?: Readonly<Record<string, TextClass | undefined>> };

/** By the prototypes that they stand for: those that the runtime has. */
export const textTags: readonly Entry[] = [
  [RegExp.prototype, regexpTag as Tag],
  [Headers.prototype, pairsTagOf("headers", Headers) as Tag],
  [URLSearchParams.prototype, pairsTagOf("urlsearchparams", URLSearchParams) as Tag],
  [URL.prototype, textTagOf("url", URL) as Tag],
  ...Object.entries(temporal).flatMap(([name, className]): Entry[] => {
    const of = Temporal?.[className];
    return of ? [[of.prototype, textTagOf(name, of) as Tag]] : [];
  }),
];

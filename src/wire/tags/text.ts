/** Kinds whose whole is a text, or a few: registered symbols, expressions, addresses, headers, Temporal. @module */
import { describe } from "../../errors.ts";
import { Malformed, Unportable, type Tag } from "../tag.ts";
import { foreignTags } from "./foreign.ts";

function checkText(content: unknown): string {
  if (typeof content !== "string") throw new Malformed("text", describe(content));
  return content;
}

/** A registered symbol, by its key. */
export const symbolTag: Tag<symbol> = {
  name: "symbol",
  layout: "scalar",
  identity: false,
  write: (value) => Symbol.keyFor(value),
  read: (content) => Symbol.for(checkText(content)),
};

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

/** `[source, flags]`, and `lastIndex` where it is not 0. */
const regexpTag: Tag<RegExp> = {
  name: "regexp",
  layout: "scalar",
  identity: true,
  write({ source, flags, lastIndex }) {
    if (!isIndex(lastIndex)) throw new Unportable("its lastIndex is no whole number from 0");
    return lastIndex === 0 ? [source, flags] : [source, flags, lastIndex];
  },
  read(content) {
    const [source, flags, lastIndex = 0, ...more] = Array.isArray(content) ? (content as unknown[]) : [];
    if (!isIndex(lastIndex) || more.length > 0)
      throw new Malformed("a source, flags and perhaps an index", describe(content));
    return Object.assign(new RegExp(checkText(source), checkText(flags)), { lastIndex });
  },
};

const headersTag: Tag<Headers> = {
  name: "headers",
  layout: "scalar",
  identity: true,
  write: (value) => [...Headers.prototype.entries.call(value)],
  read(content) {
    const headers = new Headers(content as [string, string][]);
    if (JSON.stringify([...headers]) !== JSON.stringify(content)) {
      throw new Malformed("names and values in order", describe(content));
    }
    return headers;
  },
};

interface TextClass {
  readonly prototype: object;
  /** Temporal's classes make an instance of a text; the others' constructors do. */
  from?(text: string): object;
}

/** A class whose instances are their own text. What does not come back from its text is kept as that, or refused. */
function textTagOf(name: string, of: TextClass): Tag<object> {
  // The class's own, not what an instance may have in its place.
  const write = (value: object): string => of.prototype.toString.call(value);
  const foreign = foreignTags.get(name);
  return {
    name,
    layout: "scalar",
    identity: !foreign,
    write,
    read(content, reading) {
      const text = checkText(content);
      try {
        const value = of.from ? of.from(text) : new (of as unknown as new (text: string) => object)(text);
        if (write(value) === text) return value;
      } catch (error) {
        if (!foreign) throw error;
      }
      if (foreign) return foreign.read(text, reading, undefined);
      throw new Malformed("text as such a value writes it", describe(text));
    },
  };
}

type Entry = readonly [prototype: object, tag: Tag];

/** The classes' tags, of those that the runtime has. */
function entriesOf(names: Readonly<Record<string, string>>, classes: object = {}): Entry[] {
  return Object.entries(names).flatMap(([name, className]) => {
    const of = (classes as Record<string, TextClass | undefined>)[className];
    return of ? [[of.prototype, textTagOf(name, of) as Tag]] : [];
  });
}

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

/** By the prototypes that they stand for. */
export const textTags: readonly Entry[] = [
  [RegExp.prototype, regexpTag as Tag],
  [Headers.prototype, headersTag as Tag],
  ...entriesOf({ url: "URL", urlsearchparams: "URLSearchParams" }, globalThis),
  ...entriesOf(temporal, (globalThis as { Temporal?: object }).Temporal),
];

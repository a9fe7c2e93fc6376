/**
 * Plain objects and arrays that JSON's own form would change, as entries: objects that look like a tag, that have
 * symbols as keys or a key `__proto__`, that have no prototype; arrays with holes or properties of their own.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { Malformed, Unportable, define, type Tag } from "../tag.ts";

type Entries = readonly (readonly [key: unknown, value: unknown])[];

/** What is an object's data: its enumerable properties, as for `structuredClone`, and symbols among them. */
function entriesOf(value: object): [key: PropertyKey, value: unknown][] {
  const data = { ...value } as Record<PropertyKey, unknown>;
  return Reflect.ownKeys(data).map((key) => [key, data[key]]);
}

function read<Kind extends object>(content: Entries, opened: Kind): Kind {
  for (const [key, value] of content) {
    const isIndex = Array.isArray(opened) && isLength(key);
    if (
      !(typeof key === "string" || typeof key === "symbol" || isIndex) ||
      Object.hasOwn(opened, key as string)
    ) {
      throw new Malformed("keys that differ, text or symbols", describe(key));
    }
    define(opened, key as PropertyKey, value);
  }
  return opened;
}

function objectTagOf(name: string, make: () => object): Tag<object> {
  return {
    name,
    layout: "entries",
    identity: true,
    keepsProperties: true,
    keepsSymbols: true,
    write: entriesOf,
    open: make,
    read: (content, _reading, opened) => read(content as Entries, opened!),
  };
}

export const objectTag = objectTagOf("object", () => ({}));

/** An object without a prototype. */
export const bareTag = objectTagOf("bare", () => Object.create(null) as object);

/** Its length first, as `["length", 5]`. */
export const arrayTag: Tag<unknown[]> = {
  ...(objectTagOf("array", () => []) as Tag<unknown[]>),
  write(value) {
    const { length } = value;
    // A proxy's may be anything.
    if (!isLength(length)) throw new Unportable("its length is none");
    return [["length", length], ...entriesOf(value).map(([key, item]) => [indexOf(key, length), item])];
  },
  read(content, _reading, opened = []) {
    const [[name, length] = [], ...entries] = content as Entries;
    if (name !== "length" || !isLength(length))
      throw new Malformed('an array\'s length first, as ["length", 5]', describe(length));
    if (length > 0) {
      // Far from all others, an item makes the array sparse: its length takes no memory.
      opened[length - 1] = undefined;
      delete opened[length - 1];
    }
    read(entries, opened);
    if (opened.length !== length)
      throw new Malformed("items within the array's length", `more than ${length}`);
    return opened;
  },
};

function isLength(value: unknown): value is number {
  return typeof value === "number" && value >>> 0 === value;
}

/** The key of an item as a number; any other key as it is. */
function indexOf(key: PropertyKey, length: number): PropertyKey {
  const index = typeof key === "string" ? Number(key) : -1;
  return isLength(index) && index < length && String(index) === key ? index : key;
}

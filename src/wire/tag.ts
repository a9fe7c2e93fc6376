/**
 * A tag: how one kind of value becomes `{"__type__": name, "__value__": content}` and comes back.
 *
 * To add a kind, copy a neighbour in `tags/` and put it into `tags/index.ts`.
 *
 * @module
 */

/**
 * How a tag's content holds the values inside, which the codec walks by itself:
 *
 * - `scalar`: none; the content is a JSON value and `write` and `read` see all of it
 * - `value`: the content is one value
 * - `items`: an array of values
 * - `entries`: an array of pairs, both sides values
 * - `fields`: an object whose properties are values
 */
export type Layout = "scalar" | "value" | "items" | "entries" | "fields";

/** One kind of value. `Kind` is its type in memory. */
export interface Tag<Kind = unknown> {
  readonly name: string;
  readonly layout: Layout;
  /** Two places that hold one such object hold one object again. Values without identity are written out each time. */
  readonly identity: boolean;

  /**
   * The content, new each time, with the values inside still as they are in memory. Throws {@link Unportable}
   * for one that cannot travel.
   */
  write(value: Kind, limits: ContentLimits): unknown;

  /**
   * The value for a content whose insides are decoded already. Throws {@link Malformed} for content that is
   * not as `write` makes it. `opened` is what `open` returned.
   */
  read(content: unknown, limits: ContentLimits, opened: Kind | undefined): Kind;

  /**
   * Makes the value before its insides are decoded, so that a cycle can close on it; `read` fills it. A tag
   * without `open` cannot be part of a cycle. `content` is as it was received.
   */
  open?(content: unknown): Kind;

  /** Own properties beside the content are part of the value and `write` has them. Otherwise they are refused. */
  readonly keepsProperties?: boolean;
}

/** The limits that a tag itself has to look after. */
export interface ContentLimits {
  readonly bigintDigits: number;
}

/** Thrown by {@link Tag.write}: why this value cannot travel, for a person, as an advice. */
export class Unportable extends Error {}

/** Thrown by {@link Tag.read}: what was expected instead. */
export class Malformed extends Error {
  readonly expected: string;
  readonly found: string;
  constructor(expected: string, found: string) {
    super(`expected ${expected}, found ${found}`);
    this.expected = expected;
    this.found = found;
  }
}

/** The two keys of a tag. */
export const typeKey = "__type__";
export const valueKey = "__value__";

/** Whether an object's own keys are exactly those of a tag. */
export function hasTagKeys(value: object): boolean {
  return Object.hasOwn(value, typeKey) && Object.hasOwn(value, valueKey) && Object.keys(value).length === 2;
}

/** Whether an object is a tag, or would be taken for one: its keys are a tag's, and its name a string. */
export function looksLikeTag(value: object): value is { __type__: string; __value__: unknown } {
  return hasTagKeys(value) && typeof (value as { __type__: unknown }).__type__ === "string";
}

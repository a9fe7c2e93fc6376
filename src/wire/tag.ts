/**
 * A tag: how one kind of value becomes `{"__type__": name, "__value__": content}` and comes back.
 *
 * To add a kind, copy a neighbour in `tags/` and put it into `tags/index.ts`.
 *
 * @module
 */
import { describe } from "../errors.ts";
import type { Buffers } from "./buffers.ts";
import type { Decoder } from "./decode.ts";
import type { Encoder } from "./encoder.ts";
import type { Limits } from "./limits.ts";
import type { Place } from "./place.ts";
import type { Received } from "./received.ts";
import type { SnapshotBinding } from "./snapshot.ts";

/**
 * How a tag's content holds the values inside, which the codec walks by itself:
 *
 * - `scalar`: none; the content is JSON and `write` and `read` see all of it
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
  write(value: Kind, writing: Writing): unknown;

  /**
   * The value for a content whose insides are decoded already. Throws {@link Malformed} for content that is
   * not as `write` makes it. `opened` is what `open` returned.
   */
  read(content: unknown, reading: Reading, opened: Kind | undefined): Kind;

  /**
   * Makes the value before its insides are decoded, so that a cycle can close on it; `read` fills it. A tag
   * without `open` cannot be part of a cycle. `content` is as it was received.
   */
  open?(content: unknown): Kind;

  /** Own properties beside the content are part of the value, or nobody's business. Otherwise they are refused. */
  readonly keepsProperties?: boolean;
  /** The tag of the same name for a view whose memory others in the payload look at as well. */
  readonly shared?: Tag<Kind>;
  /** Its properties with symbols as keys are part of the value, or nobody's business. Otherwise they are refused. */
  readonly keepsSymbols?: boolean;
  /** It is a value class's, or one of its versions or former names. */
  readonly isClass?: true;
  /** Writes an array that begins with such a value as one list, if all its items are alike. */
  writeList?: WriteList;
  /** Of a class: what the rows of a table of its instances hold; undefined where there can be no table. */
  readonly columns?: readonly Column[] | undefined;
  /** Of a class with columns: what its instances have as their prototype. */
  readonly prototype?: object;
  /** Of a class with columns, perhaps: makes what `exact` takes, of fields that are known to be as they are declared. */
  make?(fields: object): unknown;
  /** What `make` has made, if it is an instance, and of no subclass. Throws otherwise. */
  exact?(made: unknown): Kind;
  /** Of a class with columns: whether an instance has nothing beside them that would be lost. */
  holdsOnly?(instance: object): boolean;
}

/** Fewer items are as short, and easier to read, one by one. */
export const fewest = 4;

/** An array that is written as one {@link Form}, with what its items have in common said once. */
export interface List {
  readonly container: object;
  /** The place of its rows, where some of their cells are to be written still. */
  readonly rows: Place | undefined;
}

/** Writes an array as a list, if its items are alike; otherwise undefined, and nothing has happened. */
export type WriteList = (
  items: readonly unknown[],
  above: Place,
  key: string | number,
  encoder: Encoder,
) => List | undefined;

/** A tag that stands for many values, in a form of its own: `graph`, `table`, `refs`, `snapshots`. */
export interface Form {
  /** Looks through what was received, and notes in its `plan` what `read` needs. Throws {@link Malformed}. */
  survey(received: Received, decoder: Decoder): void;
  /** What it stands for; all that is inside is decoded already. */
  read(received: Received, decoder: Decoder): unknown;
  /** It is made of what is whole, as an instance of a class is. */
  readonly isMadeLast?: boolean;
}

/** One field of a class, as a column of a table. */
export interface Column {
  readonly name: string;
  readonly kind: "string" | "number" | "boolean" | "bigint" | "datetime" | "value" | "other";
  /** The field may be left out. */
  readonly optional: boolean;
  /** Whether a value is as the field is declared. */
  fits(value: unknown): boolean;
  /** Of a `value`: the prototype of its instances. */
  readonly prototype?: object;
}

/** What a tag may need while it writes. */
export interface Writing {
  readonly limits: Limits;
  readonly buffers: Buffers;
  /** The wire's tree of a value that is written apart, as a text of its own would be; undefined inside such a one. */
  readonly apart?: ((value: object) => unknown) | undefined;
}

/** What a tag may need while it reads. */
export interface Reading {
  readonly limits: Limits;
  readonly dates: "exact" | "round";
  /** Bytes that resizable buffers of this text may grow to, in all. */
  reserved: number;
  /** The value of a tree that was written apart; undefined inside such a one. */
  readonly apart?: ((tree: unknown) => unknown) | undefined;
  /** What the snapshots of a model can do with its database, where there is one. */
  bind?: ((model: string) => SnapshotBinding | undefined) | undefined;
}

/** Thrown by {@link Tag.write}: why this value cannot travel, for a person, as an advice. */
export class Unportable extends Error {}

/** Thrown by {@link Tag.read}: what was expected instead. */
export class Malformed extends Error {
  // Declared alone, as in `received.ts`.
  declare readonly expected: string;
  declare readonly found: string;
  constructor(expected: string, found: string) {
    super(`expected ${expected}, found ${found}`);
    this.expected = expected;
    this.found = found;
  }
}

/** The two keys of a tag. */
export const typeKey = "__type__";
export const valueKey = "__value__";

/** A tag as it is in the text. */
export interface Node {
  [typeKey]: string;
  [valueKey]: unknown;
}

export function node(name: string, content: unknown): Node {
  // Their names as they are: an engine keeps what it knows of such an object's shape as long as this code.
  return { __type__: name, __value__: content };
}

/** Whether an object's own keys are exactly those of a tag. */
export function hasTagKeys(value: object): boolean {
  return Object.hasOwn(value, typeKey) && Object.hasOwn(value, valueKey) && Object.keys(value).length === 2;
}

/** Whether an object is a tag, or would be taken for one: its keys are a tag's, and its name a string. */
export function looksLikeTag(value: object): value is Node {
  return hasTagKeys(value) && typeof (value as Node)[typeKey] === "string";
}

/** @throws Malformed for content that is no text */
export function checkText(content: unknown, expected = "text"): string {
  if (typeof content !== "string") throw new Malformed(expected, describe(content));
  return content;
}

/** Whether a value is an object whose properties may be read: no array, not null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The parts of a content that is an object: its own, and none of what all objects were given. Otherwise there are none. */
export function partsOf(content: unknown): Readonly<Record<string, unknown>> {
  return { __proto__: null, ...(isRecord(content) && content) } as never;
}

/** What the platform takes an object for, whatever its prototype is: `Error`, `Uint8Array`, `Object`. */
export function platformKind(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** How many values there are in an array, an object or a tag of the wire's tree. */
export function sizeOf(container: object, layout?: Layout): number {
  const content = (layout ? (container as Node)[valueKey] : container) as object;
  if (layout === "value" || layout === "scalar") return 1;
  if (Array.isArray(content)) return content.length * (layout === "entries" ? 2 : 1);
  return Object.keys(content).length;
}

/** Whether a value is an object with exactly this prototype: an instance of that class, and of no subclass. */
export function isOf(value: unknown, prototype: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === prototype;
}

/** Whether a value is a plain object. */
export function isPlainRecord(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && Object.getPrototypeOf(value) === Object.prototype;
}

const taken = new WeakSet();

/**
 * A plain object that is part of a content, and of no other: it is copied, and a short text could ask for many copies
 * of a long one otherwise.
 *
 * @throws Malformed for anything else
 */
export function takeRecord(value: unknown, name: string): Record<string, unknown> {
  if (!isPlainRecord(value) || taken.has(value))
    throw new Malformed(`an object of ${name}, its own`, describe(value));
  taken.add(value);
  return value;
}

/**
 * Sets an own property, whatever its name: `__proto__` is set as data, not as the prototype. And whatever all objects were
 * given: a `get` of theirs would be taken for a getter.
 */
export function define(object: object, key: PropertyKey, value: unknown, enumerable = true): void {
  const attributes = { __proto__: null, value, enumerable, writable: true, configurable: true };
  Object.defineProperty(object, key, attributes);
}

/** The same, faster for most: where all objects have something of that name, it may be a setter, or frozen. */
export function put(object: object, key: string, value: unknown): void {
  if (key in object) define(object, key, value);
  else (object as Record<string, unknown>)[key] = value;
}

const shapes: Readonly<Record<string, string>> = {
  fields: "an object of fields",
  items: "an array of items",
  entries: "an array of entries of two values each",
};

/** @throws Malformed for content that is not of a tag's layout */
export function checkShape({ layout }: Pick<Tag, "layout">, content: unknown): void {
  const isRight =
    layout === "value" ||
    (layout === "fields"
      ? isRecord(content)
      : Array.isArray(content) &&
        (layout === "items" || content.every((entry) => Array.isArray(entry) && entry.length === 2)));
  if (!isRight) throw new Malformed(shapes[layout]!, describe(content));
}

/**
 * The way most rich texts take: a small tree of plain data, Dates, bigints, Maps, Sets and instances, each put into its
 * place in what `JSON.parse` gave. It gives the same values as the general way; where it is in doubt it gives up, and the
 * general way says what is wrong, and where.
 *
 * @module
 */
import type { DecodeContext } from "./decode.ts";
import type { Container } from "./received.ts";
import { deepest, givingUp } from "./short-way.ts";
import { checkShape, typeKey, valueKey, type Node, type Reading, type Tag } from "./tag.ts";
import { mapTag, setTag } from "./tags/collections.ts";
import { dateTag } from "./tags/date.ts";
import { tagsByName } from "./tags/index.ts";

/** In a longer text, the general way costs little beside the rest. In UTF-16 units. */
const longest = 8192;

/** Beside the classes: what is read at once, and what has values inside and points at nothing. */
const builtIn: ReadonlyMap<string, Tag> = new Map(
  [...tagsByName].filter(([, tag]) => tag.layout === "scalar" || tag === mapTag || tag === setTag),
);

/** An instance, or a Map or Set with one inside: made when code of the user's may run. */
interface Later {
  readonly tag: Tag;
  readonly node: Node;
  readonly container: Container;
  readonly key: string | number;
}

/** What `JSON.parse` gave. */
export interface Parsed {
  readonly tree: unknown;
  /** No tag was met, and nothing in it was replaced yet. */
  isWhole: boolean;
}

interface State {
  readonly parsed: Parsed;
  readonly byName: ReadonlyMap<string, Tag>;
  readonly reading: Reading;
  /** What is inside another comes before it. */
  readonly later: Later[];
}

/**
 * Looks through what was parsed of a text, and puts into it what takes no code of the user's. What is returned does the
 * rest, and throws when a class refuses what it is given. Undefined when the general way has to be taken.
 */
export function quickReader(
  parsed: Parsed,
  text: string,
  { limits, dates, registry }: DecodeContext,
): (() => unknown) | undefined {
  // Each value takes two characters at least, and a level of the data no more than four of the text.
  if (text.length > longest || text.length / 2 > limits.nodes || limits.depth < 4 * deepest) return undefined;
  const top: Container = { value: parsed.tree };
  const reading: Reading = { limits, dates, reserved: 0 };
  const later: Later[] = [];
  try {
    // What all objects were given would be met in each.
    for (const _ in Object.prototype) return undefined;
    readFields(top, 1, { parsed, byName: registry.byName, reading, later });
  } catch {
    return undefined;
  }
  return () => {
    for (const { tag, node, container, key } of later) container[key] = made(tag, node, reading);
    return top["value"];
  };
}

function made(tag: Tag, node: Node, reading: Reading): unknown {
  const content = node[valueKey];
  return tag.read(content, reading, tag.open?.(content));
}

function readItems(items: readonly unknown[], level: number, state: State): void {
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    if (typeof item === "object" && item !== null) read(item, items as never, index, level, state);
  }
}

/** Reads the values in an object, as long as it is no tag; whether it may be one. */
function readFields(fields: Container, level: number, state: State): boolean {
  for (const key in fields) {
    if (key === typeKey) return true;
    if (key === "__proto__") throw givingUp;
    const item = fields[key];
    if (typeof item === "object" && item !== null) read(item, fields, key, level, state);
  }
  return false;
}

/** Reads an array, an object or a tag, in its place. */
function read(
  value: object,
  container: Container,
  place: string | number,
  level: number,
  state: State,
): void {
  if (level > deepest) throw givingUp;
  if (Array.isArray(value)) readItems(value, level + 1, state);
  else if (readFields(value as Container, level + 1, state))
    readTag(value as Node, container, place, level + 1, state);
}

function readTag(
  node: Node,
  container: Container,
  place: string | number,
  level: number,
  state: State,
): void {
  const { parsed, later, reading } = state;
  const { [typeKey]: name } = node;
  let keys = 0;
  // In this order every writer has them, and nothing in it was read yet.
  for (const key in node) if (key !== (keys++ === 0 ? typeKey : valueKey)) throw givingUp;
  if (keys !== 2) throw givingUp;
  // Most are Dates.
  const known = name === dateTag.name ? dateTag : builtIn.get(name);
  const tag = known ?? state.byName.get(name);
  // A row is for whoever asked for it.
  if (!tag || !(known || tag.isClass)) throw givingUp;
  parsed.isWhole = false;
  const before = later.length;
  if (tag.layout !== "scalar") readContent(tag, node, level, state);
  if (known && later.length === before) container[place] = made(tag, node, reading);
  else later.push({ tag, node, container, key: place });
}

function readContent(tag: Tag, node: Node, level: number, state: State): void {
  const content = node[valueKey];
  checkShape(tag, content);
  if (tag.layout === "fields") {
    if (readFields(content as Container, level, state)) throw givingUp;
  } else if (tag.layout === "items") readItems(content as unknown[], level, state);
  else if (tag.layout === "entries") for (const pair of content as unknown[][]) readItems(pair, level, state);
  else if (typeof content === "object" && content !== null)
    read(content, node as never, valueKey, level, state);
}

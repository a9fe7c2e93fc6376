/**
 * The way most rich payloads take: a small tree of plain data, Dates, bigints, Maps, Sets and instances, written as
 * text at once. It gives the same text as the general way; where it is in doubt it gives up, and the general way says
 * what is wrong, and where.
 *
 * @module
 */
import type { Encoded } from "./encode.ts";
import type { EncodeContext } from "./encode-context.ts";
import { hasProperties, isData, isPlainArray } from "./plain.ts";
import { fewest, type Writing } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";
import { dateTag } from "./tags/date.ts";
import { needsTag, numberTag } from "./tags/number.ts";

/** Deeper data takes the general way, which does not recurse. */
const deepest = 100;

/** Thrown to give up. */
const givingUp = new Error("not the short way");

interface State {
  readonly context: EncodeContext;
  readonly writing: Writing;
  readonly types: Set<string>;
  /** The objects that were met, as long as they are few. */
  readonly met: object[];
  /** What is left of the limits, as lower bounds. */
  nodes: number;
  text: number;
}

/** The text of a value; undefined when the general way has to be taken. */
export function quickText(value: unknown, context: EncodeContext, writing: Writing): Encoded | undefined {
  const { limits, dialect } = context;
  if (!dialect.pointers || limits.depth < deepest + 4) return undefined;
  const state: State = {
    context,
    writing,
    types: new Set(),
    met: [],
    nodes: limits.nodes,
    text: limits.bytes,
  };
  try {
    const text = write(value, 1, state);
    return state.nodes >= 0 ? { text, types: [...state.types].sort() } : undefined;
  } catch {
    return undefined;
  }
}

function write(value: unknown, level: number, state: State): string {
  state.nodes--;
  switch (typeof value) {
    case "string":
      // Too much is noticed before it is put together.
      if ((state.text -= value.length) < 0) throw givingUp;
      return quoted(value);
    case "number":
      return needsTag(value)
        ? tagged("number", `"${numberTag.write(value, state.writing) as string}"`, state)
        : String(value);
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return tagged("bigint", `"${bigintTag.write(value, state.writing) as string}"`, state);
    case "undefined":
      return tagged("undefined", "null", state);
    case "object":
      return value === null ? "null" : writeObject(value, level, state);
    default:
      throw givingUp;
  }
}

/** A string as `JSON.stringify` writes it; faster for what is short and has nothing to escape. */
function quoted(value: string): string {
  if (value.length > 40) return JSON.stringify(value);
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index);
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || unit > 0x7e) return JSON.stringify(value);
  }
  return `"${value}"`;
}

function tagged(name: string, content: string, state: State): string {
  state.nodes -= 2;
  return `{"__type__":"${name}","__value__":${content}}`;
}

function writeObject(value: object, level: number, state: State): string {
  const { met, context } = state;
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Date.prototype) {
    if (hasProperties(value)) throw givingUp;
    const content = dateTag.write(value, state.writing) as string | null;
    return tagged("datetime", content === null ? "null" : `"${content}"`, state);
  }
  // Few are looked through faster than a Set is filled; many are not for here.
  if (level > deepest || met.length > 32 || met.includes(value)) throw givingUp;
  met.push(value);
  if (prototype === Array.prototype) return writeItems(value, level, state);
  if (prototype === Map.prototype) return writeEntries(value, level, state);
  if (prototype === Set.prototype) {
    if (hasProperties(value)) throw givingUp;
    return tagged("set", joined(Array.from(Set.prototype.values.call(value)), level + 1, state), state);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw givingUp;
  if (prototype === Object.prototype) {
    if (context.registry.rows?.isRow?.(value)) throw givingUp;
    return writeFields(value, level, state);
  }
  const tag = prototype ? context.registry.byPrototype.get(prototype) : undefined;
  if (!tag?.isClass || tag.layout !== "fields") throw givingUp;
  const fields = tag.write(value, state.writing) as object;
  state.types.add(tag.name);
  return tagged(tag.name, writeFields(fields, level + 1, state), state);
}

function writeItems(value: object, level: number, state: State): string {
  const items = value as readonly unknown[];
  const [first] = items;
  const mayBeTable =
    items.length >= fewest &&
    typeof first === "object" &&
    first !== null &&
    state.context.registry.byPrototype.get(Object.getPrototypeOf(first) as object)?.writeList !== undefined;
  if (mayBeTable || !Array.isArray(value) || !isPlainArray(items)) throw givingUp;
  return joined(items, level, state);
}

function joined(items: readonly unknown[], level: number, state: State): string {
  let text = "";
  for (let index = 0; index < items.length; index++) {
    text += (index === 0 ? "[" : ",") + write(items[index], level + 1, state);
  }
  return text === "" ? "[]" : `${text}]`;
}

function writeEntries(value: object, level: number, state: State): string {
  if (hasProperties(value)) throw givingUp;
  let text = "";
  for (const [key, item] of Map.prototype.entries.call(value) as Iterable<[unknown, unknown]>) {
    state.nodes--;
    text += `${text === "" ? "[[" : ",["}${write(key, level + 3, state)},${write(item, level + 3, state)}]`;
  }
  return tagged("map", text === "" ? "[]" : `${text}]`, state);
}

function writeFields(fields: object, level: number, state: State): string {
  let text = "";
  for (const key of Object.keys(fields)) {
    if (key === "__proto__" || key === "__type__" || (key === "0" && !isData(fields))) throw givingUp;
    const item = write((fields as Record<string, unknown>)[key], level + 1, state);
    text += `${text === "" ? "{" : ","}${keyText(key)}${item}`;
  }
  if (text !== "") return `${text}}`;
  // As in `plain.ts`: what is no data has no keys, as a rule, or those of `arguments`.
  if (!isData(fields)) throw givingUp;
  return "{}";
}

const keyTexts = new Map<string, string>();

/** A key with its colon. The usual ones are kept: they come again with each payload. */
function keyText(key: string): string {
  let text = keyTexts.get(key);
  if (text === undefined) {
    text = `${JSON.stringify(key)}:`;
    if (keyTexts.size < 1000 && key.length < 50) keyTexts.set(key, text);
  }
  return text;
}

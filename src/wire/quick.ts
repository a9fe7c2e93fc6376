/**
 * The way most rich payloads take: a small tree of plain data, Dates, bigints, Maps, Sets and instances, from which the
 * wire's tree is made without noting where anything is. It gives the same text as the general way; where it is in doubt
 * it gives up, and the general way says what is wrong, and where.
 *
 * @module
 */
import type { Encoded } from "./encode.ts";
import type { EncodeContext } from "./encode-context.ts";
import { hasProperties, isData, isPlainArray } from "./plain.ts";
import { listWriterOf } from "./registry.ts";
import { deepest, givingUp } from "./short-way.ts";
import { stringify } from "./stringify.ts";
import { node, type Writing } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";
import { dateTag } from "./tags/date.ts";
import { needsTag, numberTag } from "./tags/number.ts";

interface State {
  readonly context: EncodeContext;
  readonly writing: Writing;
  readonly types: string[];
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
  const state: State = { context, writing, types: [], met: [], nodes: limits.nodes, text: limits.bytes };
  try {
    const tree = treeOf(value, 1, state);
    // What all objects were given would have been taken for part of each.
    for (const _ in Object.prototype) return undefined;
    // Too much is noticed before it is put together.
    if (state.nodes < 0 || state.text < 0) return undefined;
    return { text: stringify(tree), types: state.types.sort() };
  } catch {
    return undefined;
  }
}

/** The wire's tree of a value. Nothing of it is the value's own: a getter is asked once. */
export function treeOf(value: unknown, level: number, state: State): unknown {
  state.nodes--;
  switch (typeof value) {
    case "string":
      state.text -= value.length;
      return value;
    case "number":
      return needsTag(value) ? tagged("number", numberTag.write(value, state.writing), state) : value;
    case "boolean":
      return value;
    case "bigint":
      return tagged("bigint", bigintTag.write(value, state.writing), state);
    case "undefined":
      return tagged("undefined", null, state);
    case "object":
      return value && objectOf(value, level, state);
    default:
      throw givingUp;
  }
}

function tagged(name: string, content: unknown, state: State): object {
  state.nodes -= 2;
  return node(name, content);
}

function objectOf(value: object, level: number, state: State): object {
  const { met, context, types } = state;
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Date.prototype) {
    if (hasProperties(value)) throw givingUp;
    return tagged("datetime", dateTag.write(value, state.writing), state);
  }
  // Few are looked through faster than a Set is filled; many are not for here.
  if (level > deepest || met.length > 32 || met.includes(value)) throw givingUp;
  met.push(value);
  if (prototype === Array.prototype) return arrayOf(value, level, state);
  if (prototype === Map.prototype) {
    if (hasProperties(value)) throw givingUp;
    const entries: unknown[] = [];
    Map.prototype.forEach.call(value, (item, key) => {
      state.nodes--;
      entries.push([treeOf(key, level + 3, state), treeOf(item, level + 3, state)]);
    });
    return tagged("map", entries, state);
  }
  if (prototype === Set.prototype) {
    if (hasProperties(value)) throw givingUp;
    const items: unknown[] = [];
    Set.prototype.forEach.call(value, (item) => void items.push(treeOf(item, level + 2, state)));
    return tagged("set", items, state);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw givingUp;
  if (prototype === Object.prototype) {
    if (Array.isArray(value) || context.registry.rows?.isRow?.(value)) throw givingUp;
    return fieldsOf(value, level, state);
  }
  const tag = prototype ? context.registry.byPrototype.get(prototype) : undefined;
  if (!tag?.isClass || tag.layout !== "fields") throw givingUp;
  if (!types.includes(tag.name)) types.push(tag.name);
  return tagged(tag.name, fieldsOf(tag.write(value, state.writing) as object, level + 1, state), state);
}

function arrayOf(value: object, level: number, state: State): unknown[] {
  if (!Array.isArray(value) || listWriterOf(value, state.context.registry) || !isPlainArray(value))
    throw givingUp;
  return itemsOf(value, level, state);
}

function itemsOf(items: readonly unknown[], level: number, state: State): unknown[] {
  const trees: unknown[] = [];
  for (let index = 0; index < items.length; index++) trees.push(treeOf(items[index], level + 1, state));
  return trees;
}

function fieldsOf(source: object, level: number, state: State): object {
  const fields: Record<string, unknown> = { ...source };
  let keys = 0;
  for (const key in fields) {
    if (key === "__proto__" || key === "__type__" || (key === "0" && !isData(source))) throw givingUp;
    keys++;
    const value = fields[key];
    // Told apart here, for most are none: a call for each costs as much as all else.
    if (typeof value === "string") state.text -= value.length;
    else if (typeof value === "object") {
      if (value !== null) fields[key] = objectOf(value, level + 1, state);
    } else if (typeof value === "number" ? needsTag(value) : typeof value !== "boolean")
      fields[key] = treeOf(value, level + 1, state);
  }
  state.nodes -= keys;
  // As in `plain.ts`: what is no data has no keys, as a rule, or those of `arguments`.
  if (keys === 0 && !isData(source)) throw givingUp;
  return fields;
}

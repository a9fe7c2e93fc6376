/**
 * The tag `graph`, read. What it looks like is told in `graph-writer.ts`.
 *
 * Whatever can be part of a cycle is made first, empty; then all is filled, one node after another. An instance
 * of a class is made in its turn, from nodes that are all before it and therefore filled.
 *
 * @module
 */
import { describe } from "../errors.ts";
import { Malformed, looksLikeTag, type ContentLimits, type Tag } from "./tag.ts";

/** What reading a graph needs of the decoder around it. */
export interface GraphReading {
  readonly limits: ContentLimits;
  /** The tag of a name; undefined for one that is not known. */
  tagOf(name: string): Tag | undefined;
  /** The value of a cell that is a tag of its own, of those without values inside. */
  scalar(node: { __type__: string; __value__: unknown }): unknown;
  /** Throws the error about a type that is not known. */
  unknownType(name: string): never;
}

/** What all nodes of a shape have in common. */
interface Shape {
  readonly type: string;
  readonly keys: readonly string[];
  /** Undefined for plain objects and arrays. */
  readonly tag: Tag | undefined;
}

type Row = readonly unknown[];

/** A value that is not there yet. */
const pending = Symbol("pending");

/**
 * The value that a graph's content stands for.
 *
 * @throws Malformed
 */
export function readGraph(content: unknown, reading: GraphReading): unknown {
  const { shapes: givenShapes, nodes } = (isRecord(content) ? content : {}) as {
    shapes?: unknown;
    nodes?: unknown;
  };
  if (!Array.isArray(givenShapes) || !Array.isArray(nodes) || nodes.length === 0) {
    throw new Malformed("shapes and nodes, one node at least", describe(content));
  }
  const shapes = givenShapes.map((shape) => readShape(shape, reading));
  const rows = nodes.map((node: unknown, index) => checkRow(node, index, shapes));
  const values: unknown[] = rows.map((row) => open(shapes[row[0] as number]!, row));
  for (const [index, row] of rows.entries()) {
    const shape = shapes[row[0] as number]!;
    const cells: unknown[] = [];
    for (let cell = 1; cell < row.length; cell++)
      cells.push(readCell(row[cell], index, shape, values, reading));
    values[index] = fill(shape, values[index], cells, index, reading);
  }
  return values.at(-1);
}

function readShape(given: unknown, reading: GraphReading): Shape {
  if (!Array.isArray(given) || given.length === 0 || !given.every((part) => typeof part === "string")) {
    throw new Malformed("a shape: a type and keys, all text", describe(given));
  }
  const [type, ...keys] = given as [string, ...string[]];
  const isPlain = type === "{}" || type === "[]";
  const tag = isPlain ? undefined : reading.tagOf(type);
  if (!isPlain && !tag) return reading.unknownType(type);
  const hasKeys = tag ? tag.layout === "fields" : type === "{}";
  if ((tag && tag.layout === "scalar") || (!hasKeys && keys.length > 0)) {
    throw new Malformed(
      "a type that has nodes, with keys where it has fields",
      JSON.stringify(given.slice(0, 3)),
    );
  }
  if (keys.includes("__proto__") || new Set(keys).size < keys.length) {
    throw new Malformed("keys that differ, none of them __proto__", `those of a ${type}`);
  }
  return { type, keys, tag };
}

function checkRow(node: unknown, index: number, shapes: readonly Shape[]): Row {
  const shape = Array.isArray(node) && Number.isInteger(node[0]) ? shapes[node[0] as number] : undefined;
  if (!shape)
    throw new Malformed("a row that begins with the number of a shape", `node ${index}: ${describe(node)}`);
  const cells = (node as Row).length - 1;
  const { tag, keys } = shape;
  const fits =
    tag?.layout === "entries"
      ? cells % 2 === 0
      : tag?.layout === "value"
        ? cells === 1
        : shape.type === "{}" || tag?.layout === "fields"
          ? cells === keys.length
          : true;
  if (!fits) throw new Malformed(`as many cells as a ${shape.type} has`, `node ${index} with ${cells}`);
  return node as Row;
}

function open({ type, keys, tag }: Shape, row: Row): unknown {
  if (!tag) return type === "[]" ? [] : {};
  if (!tag.open) return pending;
  const raw =
    tag.layout === "fields" ? Object.fromEntries(keys.map((key, at) => [key, row[at + 1]])) : row.slice(1);
  return tag.open(raw);
}

function readCell(
  cell: unknown,
  index: number,
  shape: Shape,
  values: readonly unknown[],
  reading: GraphReading,
): unknown {
  if (typeof cell !== "object" || cell === null) return cell;
  if (!Array.isArray(cell)) {
    if (looksLikeTag(cell) && reading.tagOf(cell.__type__)?.layout === "scalar") return reading.scalar(cell);
    throw new Malformed(
      "a cell: a scalar, a scalar's tag, or the number of a node in an array",
      `node ${index}: an object`,
    );
  }
  const [at] = cell as [unknown];
  const isNumber =
    cell.length === 1 && Number.isInteger(at) && (at as number) >= 0 && (at as number) < values.length;
  // A class is given nothing that is filled afterwards.
  const isThere =
    isNumber && values[at as number] !== pending && (!shape.tag || shape.tag.open || (at as number) < index);
  if (!isThere) {
    throw new Malformed(
      "the number of a node, and in a class of one before it",
      `node ${index}: ${JSON.stringify(cell).slice(0, 40)}`,
    );
  }
  return values[at as number];
}

function fill(
  { type, keys, tag }: Shape,
  opened: unknown,
  cells: unknown[],
  index: number,
  reading: GraphReading,
): unknown {
  if (type === "[]") {
    const array = opened as unknown[];
    for (const cell of cells) array.push(cell);
    return array;
  }
  if (!tag) {
    const object = opened as Record<string, unknown>;
    for (let at = 0; at < keys.length; at++) object[keys[at]!] = cells[at];
    return object;
  }
  const content = contentOf(tag, keys, cells);
  try {
    return tag.read(content, reading.limits, opened === pending ? undefined : opened);
  } catch (error) {
    if (error instanceof Malformed)
      throw new Malformed(`${type}: ${error.expected}`, `node ${index}: ${error.found}`);
    throw error;
  }
}

function contentOf(tag: Tag, keys: readonly string[], cells: unknown[]): unknown {
  if (tag.layout === "value") return cells[0];
  if (tag.layout === "items") return cells;
  if (tag.layout === "fields") return Object.fromEntries(keys.map((key, at) => [key, cells[at]]));
  const entries: unknown[] = [];
  for (let at = 0; at < cells.length; at += 2) entries.push([cells[at], cells[at + 1]]);
  return entries;
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

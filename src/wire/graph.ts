/**
 * The tag `graph`: data with much sharing, many cycles or great depth, as a flat table of nodes.
 *
 * `{"shapes": [[type, column, …], …], "nodes": [[shape, cell, …], …]}`. A shape is a type (`{}` and `[]` for plain
 * objects and arrays, otherwise a tag's name) and, where it has fields, their names. A node is the number of its shape
 * and its values: a JSON scalar as it is, another node as an array that holds its number, anything else as its tag.
 * Where a column's name is in an array, all its cells are nodes, and are written as bare numbers. A value that has an
 * identity and no values inside, a Uint8Array say, is a node as its tag. The last node is the value.
 *
 * Whatever can be part of a cycle is made first, empty; then all is filled, one node after another. An instance of a
 * class is made in its turn, from nodes that are all before it and therefore filled.
 *
 * @module
 */
import { describe } from "../errors.ts";
import type { Decoder } from "./decode.ts";
import type { Container, Received } from "./received.ts";
import {
  Malformed,
  isRecord,
  partsOf,
  put,
  valueKey,
  type Form,
  type Layout,
  type Node,
  type Tag,
} from "./tag.ts";

export const graphForm: Form = { survey: surveyGraph, read: readGraph };

/** What all nodes of a shape have in common. */
interface Shape {
  /** Undefined for plain objects and arrays. */
  readonly tag: Tag | undefined;
  readonly layout: Layout;
  /** The names of the fields, for what has some. */
  readonly keys: readonly string[];
  /** Which columns hold bare numbers of nodes. Of what has no fields, the first is for all cells. */
  readonly bare: readonly boolean[];
  /** Whether all objects have something of one of its names. */
  readonly isOdd: boolean;
}

/** A node, once its shape is known. */
type Row = [shape: Shape, ...cells: unknown[]];

/** Looks through a graph: at its shapes, at the scalars in its cells, and at what its instances lead to. */
function surveyGraph(graph: Received, decoder: Decoder): void {
  const content = (graph.node as Node)[valueKey];
  const { shapes, nodes } = partsOf(content);
  if (!Array.isArray(shapes) || !Array.isArray(nodes) || nodes.length === 0) {
    throw new Malformed("shapes and nodes, one node at least", describe(content));
  }
  const { budget } = decoder;
  budget.depth(graph.level + 3);
  budget.json(shapes, graph.level + 2);
  budget.nodes(nodes.length + 2);
  const read = shapes.map((shape: unknown) => shapeOf(shape, graph, decoder));
  for (let index = 0; index < nodes.length; index++) {
    const row: unknown = nodes[index];
    if (isRecord(row) && decoder.visitScalar(row, nodes as never, index, graph)) continue;
    const shape = Array.isArray(row) && Number.isInteger(row[0]) ? read[row[0] as number] : undefined;
    if (!shape || !fits(shape, (row as unknown[]).length - 1)) {
      throw new Malformed("a shape's number and as many cells as it has", `node ${index}: ${describe(row)}`);
    }
    (row as Row)[0] = shape;
    surveyCells(row as Row, index, graph, decoder);
  }
  checkInstances(nodes);
  graph.plan = nodes;
}

function shapeOf(given: unknown, graph: Received, decoder: Decoder): Shape {
  const [type, ...columns] = Array.isArray(given) ? (given as unknown[]) : [];
  const bare = columns.map((column) => Array.isArray(column) && column.length === 1);
  const keys = columns.map((column, index) => (bare[index] ? (column as [unknown])[0] : column) as string);
  const known = decoder.tagOf(String(type));
  // Views on memory that others look at too.
  const tag = known?.shared ?? known;
  const layout = type === "{}" ? "fields" : type === "[]" ? "items" : tag?.layout;
  if (!layout) throw decoder.unknownType(String(type), graph);
  const isRight =
    typeof type === "string" &&
    layout !== "scalar" &&
    keys.every((name) => typeof name === "string" && name !== "__proto__") &&
    (layout === "fields" ? new Set(keys).size === keys.length : keys.length <= (bare[0] ? 1 : 0));
  if (!isRight)
    throw new Malformed("a shape: a type, and columns that differ", JSON.stringify(given).slice(0, 80));
  return { tag, layout, keys, bare, isOdd: keys.some((name) => name in Object.prototype) };
}

function fits({ layout, keys }: Shape, cells: number): boolean {
  if (layout === "fields") return cells === keys.length;
  return layout === "entries" ? cells % 2 === 0 : layout === "items" || cells === 1;
}

/** Counts what is in a row, and reads its scalars. */
function surveyCells(row: Row, index: number, graph: Received, decoder: Decoder): void {
  decoder.budget.nodes(row.length);
  for (let at = 1; at < row.length; at++) {
    const cell = row[at];
    if (typeof cell !== "object" || cell === null) continue;
    if (Array.isArray(cell)) decoder.budget.nodes(1);
    else if (!decoder.visitScalar(cell, row as never, at, graph)) {
      const expected = "a cell: a scalar, its tag, or a node's number in an array";
      throw new Malformed(expected, `node ${index}: an object`);
    }
  }
}

/** The value that a graph stands for. */
function readGraph(graph: Received, decoder: Decoder): unknown {
  const nodes = graph.plan as readonly unknown[];
  const values = nodes.map((node) => (isRow(node) ? open(node) : node));
  for (let index = 0; index < nodes.length; index++) {
    const row = nodes[index];
    if (!isRow(row)) continue;
    const { tag, layout } = row[0];
    const inside = resolve(row, index, values, nodes);
    // What a class checks and an error copies counts again, wherever it is met.
    if (tag && (layout === "fields" || layout === "value")) decoder.budget.nodesAgain(inside);
    const spot = { container: nodes as unknown as Container, key: index, parent: graph };
    if (tag) values[index] = decoder.read(tag, fill(row), spot, values[index]);
    else fill(row, values[index] as object);
  }
  return values.at(-1);
}

function isRow(node: unknown): node is Row {
  return Array.isArray(node);
}

/** Whether a node is made in its turn, and is not there before. */
function isInstance(node: unknown): node is Row {
  return isRow(node) && node[0].tag !== undefined && !node[0].tag.open;
}

/**
 * Checks that all that an instance's cells lead to is filled before it. What was found so is not gone through again,
 * and what is not ends the reading: together it is no more than once through the graph.
 */
function checkInstances(nodes: readonly unknown[]): void {
  const whole = new Set<number>();
  for (let index = 0; index < nodes.length; index++) {
    if (!isInstance(nodes[index])) continue;
    const open = [index];
    // It grows while it is gone through.
    for (const number of open) {
      const row = nodes[number];
      for (let at = 1; isRow(row) && at < row.length; at++) {
        const link = linkIn(row, at);
        if (typeof link !== "number" || whole.has(link)) continue;
        if (link >= index) {
          const expected = "nodes in a class that are whole before it";
          throw new Malformed(expected, `node ${index}: a cycle through it`);
        }
        whole.add(link);
        open.push(link);
      }
    }
  }
}

/** What a cell holds as the number of a node, which may be none; undefined for a cell that is something else. */
function linkIn(row: Row, at: number): unknown {
  const { bare, layout } = row[0];
  const cell = row[at];
  if (bare[layout === "fields" ? at - 1 : 0]) return cell;
  if (!Array.isArray(cell)) return undefined;
  return cell.length === 1 ? cell[0] : NaN;
}

/** What a node is before it is filled; undefined for an instance of a class. */
function open(row: Row): unknown {
  const { tag, layout } = row[0];
  if (tag) return tag.open?.(fill(row));
  // Of its length: one that grows has room for many more.
  return layout === "fields" ? {} : row.slice(1);
}

/** Puts values in place of the numbers of their nodes. How many values there are in those. */
function resolve(row: Row, index: number, values: readonly unknown[], nodes: readonly unknown[]): number {
  let count = 0;
  for (let at = 1; at < row.length; at++) {
    const number = linkIn(row, at) as number | undefined;
    if (number === undefined) continue;
    const node = nodes[number];
    if (!Number.isInteger(number) || !(number in nodes) || (number >= index && isInstance(node))) {
      const found = `node ${index}: ${JSON.stringify(row[at]).slice(0, 40)}`;
      throw new Malformed("the number of a node, and in a class of one before it", found);
    }
    row[at] = values[number];
    count += isRow(node) ? node.length : 1;
  }
  return count;
}

/** Puts the cells of a row together as its content: in a plain object or array, that itself. */
function fill(row: Row, given?: object): unknown {
  const { layout, keys, isOdd } = row[0];
  if (layout === "value") return row[1];
  if (layout === "fields") {
    const fields = (given ?? {}) as Record<string, unknown>;
    for (let at = 0; at < keys.length; at++) {
      if (isOdd) put(fields, keys[at]!, row[at + 1]);
      else fields[keys[at]!] = row[at + 1];
    }
    return fields;
  }
  if (layout === "items") {
    const items = (given ?? row.slice(1)) as unknown[];
    for (let at = 1; at < row.length; at++) items[at - 1] = row[at];
    return items;
  }
  const entries: unknown[] = [];
  for (let at = 1; at < row.length; at += 2) entries.push([row[at], row[at + 1]]);
  return entries;
}

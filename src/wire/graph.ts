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
import { Malformed, isRecord, partsOf, put, valueKey, type Form, type Node, type Tag } from "./tag.ts";

export const graphForm: Form = { survey: surveyGraph, read: readGraph };

/** A value that is not there yet. */
const pending = Symbol("pending");

/** What all nodes of a shape have in common. */
interface Shape {
  readonly type: string;
  /** Undefined for plain objects and arrays. */
  readonly tag: Tag | undefined;
  /** The names of the fields; undefined for what has as many cells as it likes. */
  readonly keys: readonly string[] | undefined;
  /** Which columns hold bare numbers of nodes. Of what has no fields, the first is for all cells. */
  readonly bare: readonly boolean[];
  /** Whether all objects have something of one of its names. */
  readonly isOdd: boolean;
}

type Row = [shape: number, ...cells: unknown[]];

interface Graph {
  readonly shapes: readonly Shape[];
  readonly rows: readonly Row[];
}

/** Looks through a graph: at its shapes, and at the scalars in its cells. */
function surveyGraph(graph: Received, decoder: Decoder): void {
  const content = (graph.node as Node)[valueKey];
  const { shapes, nodes } = partsOf(content);
  if (!Array.isArray(shapes) || !Array.isArray(nodes) || nodes.length === 0) {
    throw new Malformed("shapes and nodes, one node at least", describe(content));
  }
  const { budget } = decoder;
  budget.depth(graph.level + 3);
  budget.json(shapes, graph.level + 2);
  const read = shapes.map((shape: unknown) => shapeOf(shape, graph, decoder));
  let count = nodes.length + 2;
  for (let index = 0; index < nodes.length; index++) {
    const row: unknown = nodes[index];
    if (isRecord(row) && decoder.visitScalar(row, nodes as never, index, graph)) continue;
    const shape = Array.isArray(row) && Number.isInteger(row[0]) ? read[row[0] as number] : undefined;
    if (!shape || !fits(shape, (row as Row).length - 1)) {
      throw new Malformed("a shape's number and as many cells as it has", `node ${index}: ${describe(row)}`);
    }
    count += (row as Row).length + surveyCells(row as Row, index, graph, decoder);
  }
  budget.nodes(count);
  graph.plan = { shapes: read, rows: nodes as Row[] } satisfies Graph;
}

function shapeOf(given: unknown, graph: Received, decoder: Decoder): Shape {
  const [type, ...columns] = Array.isArray(given) ? (given as unknown[]) : [];
  const bare = columns.map((column) => Array.isArray(column) && column.length === 1);
  const names = columns.map((column, index) => (bare[index] ? (column as [unknown])[0] : column));
  const isPlain = type === "{}" || type === "[]";
  const known = isPlain ? undefined : decoder.tagOf(String(type));
  // Views on memory that others look at too.
  const tag = known?.shared ?? known;
  if (!isPlain && !tag) throw decoder.unknownType(String(type), graph);
  const hasFields = tag ? tag.layout === "fields" : type === "{}";
  const isRight =
    typeof type === "string" &&
    tag?.layout !== "scalar" &&
    names.every((name) => typeof name === "string" && name !== "__proto__") &&
    (hasFields
      ? new Set(names).size === names.length
      : names.length === 0 || (names.length === 1 && bare[0]));
  if (!isRight)
    throw new Malformed("a shape: a type, and columns that differ", JSON.stringify(given).slice(0, 80));
  const isOdd = names.some((name) => (name as string) in Object.prototype);
  return { type, tag, bare, keys: hasFields ? (names as string[]) : undefined, isOdd };
}

function fits({ tag, keys }: Shape, cells: number): boolean {
  if (keys) return cells === keys.length;
  return tag?.layout === "entries" ? cells % 2 === 0 : tag?.layout !== "value" || cells === 1;
}

/** Reads the scalars in a row. How many values there are beside its cells. */
function surveyCells(row: Row, index: number, graph: Received, decoder: Decoder): number {
  let count = 0;
  for (let at = 1; at < row.length; at++) {
    const cell = row[at];
    if (typeof cell !== "object" || cell === null) continue;
    if (Array.isArray(cell)) count++;
    else if (!decoder.visitScalar(cell, row as never, at, graph)) {
      throw new Malformed(
        "a cell: a scalar, its tag, or a node's number in an array",
        `node ${index}: an object`,
      );
    }
  }
  return count;
}

/** The value that a graph stands for. */
function readGraph(graph: Received, decoder: Decoder): unknown {
  const { shapes, rows } = graph.plan as Graph;
  const values = rows.map((row) => (Array.isArray(row) ? open(shapes[row[0]]!, row) : row));
  const isWhole = wholenessOf(shapes, rows);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    if (!Array.isArray(row)) continue;
    const shape = shapes[row[0]]!;
    const { tag, keys, isOdd } = shape;
    if (tag && !tag.open && !isWhole(index)) {
      throw new Malformed("nodes in a class that are whole before it", `node ${index}: a cycle through it`);
    }
    const cells = resolve(row, index, shape, values, rows);
    // What a class checks and an error copies counts again, wherever it is met.
    if (tag?.layout === "fields" || tag?.layout === "value") decoder.budget.nodesAgain(cells);
    if (tag) {
      const spot = { container: rows as unknown as Container, key: index, parent: graph };
      const opened = values[index] === pending ? undefined : values[index];
      values[index] = decoder.read(tag, contentOf(shape, row), spot, opened);
    } else if (keys) {
      const object = values[index] as Record<string, unknown>;
      for (let at = 0; at < keys.length; at++) {
        if (isOdd) put(object, keys[at]!, row[at + 1]);
        else object[keys[at]!] = row[at + 1];
      }
    } else {
      const array = values[index] as unknown[];
      for (let at = 1; at < row.length; at++) array.push(row[at]);
    }
  }
  return values.at(-1);
}

/**
 * Whether all that a node's cells lead to is filled before it. To be asked in order. What was found whole is not gone
 * through again, and what is not ends the reading: together it is no more than once through the graph.
 */
function wholenessOf(shapes: readonly Shape[], rows: readonly Row[]): (index: number) => boolean {
  if (!shapes.some(({ tag }) => tag && !tag.open)) return () => true;
  const linked = rows.map((row) => (Array.isArray(row) ? numbersIn(row, shapes[row[0]]!) : []));
  const whole = new Set<number>();
  return (index) => {
    const stack = [...linked[index]!];
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      if (number >= index) return false;
      if (whole.has(number)) continue;
      whole.add(number);
      for (const next of linked[number] ?? []) stack.push(next);
    }
    return true;
  };
}

/** What a cell holds as the number of a node, which may be none; undefined for a cell that is something else. */
function linkIn(row: Row, at: number, { bare, keys }: Shape): unknown {
  const cell = row[at];
  if (bare[keys ? at - 1 : 0]) return cell;
  if (!Array.isArray(cell)) return undefined;
  return cell.length === 1 ? cell[0] : NaN;
}

/** The numbers of nodes in a row, as far as they are some. */
function numbersIn(row: Row, shape: Shape): number[] {
  const numbers: number[] = [];
  for (let at = 1; at < row.length; at++) {
    const number = linkIn(row, at, shape);
    if (typeof number === "number") numbers.push(number);
  }
  return numbers;
}

function open(shape: Shape, row: Row): unknown {
  const { tag, keys } = shape;
  if (!tag) return keys ? {} : [];
  return tag.open ? tag.open(contentOf(shape, row)) : pending;
}

/** Puts nodes in place of their numbers. How many values there are in those. */
function resolve(
  row: Row,
  index: number,
  shape: Shape,
  values: readonly unknown[],
  rows: readonly Row[],
): number {
  const { tag } = shape;
  let count = 0;
  for (let at = 1; at < row.length; at++) {
    const number = linkIn(row, at, shape) as number | undefined;
    if (number === undefined) continue;
    const isNode = Number.isInteger(number) && number >= 0 && number < values.length;
    // A class is given nothing that is filled afterwards.
    if (!isNode || values[number] === pending || (tag && !tag.open && number >= index)) {
      const found = `node ${index}: ${JSON.stringify(row[at]).slice(0, 40)}`;
      throw new Malformed("the number of a node, and in a class of one before it", found);
    }
    row[at] = values[number];
    const node: unknown = rows[number];
    count += Array.isArray(node) ? node.length : 1;
  }
  return count;
}

function contentOf({ tag, keys }: Shape, row: Row): unknown {
  if (keys) return Object.fromEntries(keys.map((key, at) => [key, row[at + 1]]));
  const cells = row.slice(1);
  if (tag!.layout === "value") return cells[0];
  if (tag!.layout === "items") return cells;
  return cells.flatMap((cell, at) => (at % 2 === 0 ? [[cell, cells[at + 1]]] : []));
}

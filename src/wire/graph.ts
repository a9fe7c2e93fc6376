/**
 * The tag `graph`, read: much sharing, many cycles or great depth, as a flat array of nodes.
 *
 * A node is a plain object, an array or a tag, in which another node is written as `[index]`. The last node is the
 * value. Whatever can be part of a cycle exists first, empty; then all is filled, one node after another. An
 * instance of a class is made in its turn, from nodes that are all before it and therefore filled.
 *
 * @module
 */
import { describe } from "../errors.ts";
import type { Decoder } from "./decode.ts";
import type { Container, Received } from "./received.ts";
import { Malformed, checkShape, looksLikeTag, typeKey, valueKey, type Node, type Tag } from "./tag.ts";

/** A value that is not there yet. */
const pending = Symbol("pending");

/** The tag of a node; undefined for a plain object or an array. */
function tagOf(node: object, graph: Received, decoder: Decoder): Tag | undefined {
  if (Array.isArray(node) || !looksLikeTag(node)) return undefined;
  const tag = decoder.tagOf(node[typeKey]);
  if (!tag) throw decoder.unknownType(node[typeKey], graph);
  return tag;
}

/** The arrays and objects of a node whose values are cells. */
function cellsOf(node: object, tag: Tag | undefined): readonly Container[] {
  if (!tag || tag.layout === "value") return [node as Container];
  const content = (node as Node)[valueKey];
  return tag.layout === "entries" ? (content as Container[]) : [content as Container];
}

type Tagged = ReadonlyMap<number, { readonly tag: Tag; readonly node: Node }>;

/** Looks through a graph: its nodes that are tags, and the scalars in its cells. */
export function surveyGraph(graph: Received, decoder: Decoder): void {
  const nodes = (graph.node as Node)[valueKey];
  if (!Array.isArray(nodes) || nodes.length === 0) throw new Malformed("an array of nodes", describe(nodes));
  const { budget } = decoder;
  budget.depth(graph.level + 3);
  budget.nodes(nodes.length);
  const tagged = new Map<number, { tag: Tag; node: Node }>();
  for (let index = 0; index < nodes.length; index++) {
    const node: unknown = nodes[index];
    if (typeof node !== "object" || node === null)
      throw new Malformed("a node", `node ${index}: ${describe(node)}`);
    const tag = tagOf(node, graph, decoder);
    if (tag) tagged.set(index, { tag, node: node as Node });
    if (tag?.layout === "scalar") {
      nodes[index] = decoder.read(tag, (node as Node)[valueKey], graph);
      continue;
    }
    if (tag) checkShape(tag, (node as Node)[valueKey]);
    for (const cells of cellsOf(node, tag)) budget.nodes(surveyCells(cells, graph, decoder));
  }
  graph.plan = tagged satisfies Tagged;
}

/** Reads the scalars in some cells. How many values there are in them. */
function surveyCells(cells: Container, graph: Received, decoder: Decoder): number {
  let count = 0;
  for (const key in cells) {
    count++;
    const cell = cells[key];
    if (key === "__proto__") throw new Malformed("no key __proto__", "one");
    if (typeof cell !== "object" || cell === null) continue;
    if (Array.isArray(cell)) count++;
    else if (!decoder.visitScalar(cell, cells, key, graph))
      throw new Malformed("a cell: a scalar, its tag, or the number of a node in an array", "an object");
  }
  return count;
}

/** The value that a graph stands for. */
export function readGraph(graph: Received, decoder: Decoder): unknown {
  const values = (graph.node as Node)[valueKey] as unknown[];
  const tagged = graph.plan as Tagged;
  for (const [index, { tag, node }] of tagged) {
    if (tag.layout !== "scalar") values[index] = tag.open ? tag.open(node[valueKey]) : pending;
  }
  for (let index = 0; index < values.length; index++) {
    const made = tagged.get(index);
    if (!made) {
      fill(values[index] as Container, index, false, values);
    } else if (made.tag.layout !== "scalar") {
      const { tag, node } = made;
      for (const cells of cellsOf(node, tag)) fill(cells, index, !tag.open, values);
      const opened = values[index] === pending ? undefined : values[index];
      const spot = { container: values as unknown as Container, key: index, parent: graph };
      values[index] = decoder.read(tag, node[valueKey], spot, opened);
    }
  }
  return values.at(-1);
}

/** Puts nodes in place of their numbers. A class is given nothing that is filled afterwards. */
function fill(cells: Container, index: number, isClass: boolean, values: readonly unknown[]): void {
  for (const key in cells) {
    const cell = cells[key];
    if (typeof cell !== "object" || !Array.isArray(cell)) continue;
    const at: unknown = cell[0];
    const isThere =
      cell.length === 1 && Number.isInteger(at) && (at as number) >= 0 && (at as number) < values.length;
    if (!isThere || values[at as number] === pending || (isClass && (at as number) >= index)) {
      const found = `node ${index}: ${JSON.stringify(cell).slice(0, 40)}`;
      throw new Malformed("the number of a node, and in a class of one before it", found);
    }
    cells[key] = values[at as number];
  }
}

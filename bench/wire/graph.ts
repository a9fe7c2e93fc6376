/** e: a cyclic graph of 10,000 nodes: a tree in which each node knows its parent. @module */
import type { Case } from "./case.ts";

export interface Node {
  name: string;
  parent: Node | null;
  children: Node[];
}

/** A {@link Node}, JSON-safe: in place of nodes, their places in a list of all. */
export interface PlainNode {
  name: string;
  parent: number | null;
  children: number[];
}

/** A little more than one child and a half each, so that it is some 20 levels deep. */
function grow(): Node[] {
  const nodes: Node[] = [];
  for (let at = 0; at < 10_000; at++) {
    const parent = at === 0 ? null : nodes[Math.floor((at - 1) * 0.65)]!;
    const node: Node = { name: `part ${at % 4000}`, parent, children: [] };
    parent?.children.push(node);
    nodes.push(node);
  }
  return nodes;
}

const nodes = grow();
const places = new Map(nodes.map((node, at) => [node, at]));

export const graph: Case<Node> = {
  title: "a cyclic graph of 10,000 nodes",
  value: nodes[0]!,
  plain: nodes.map(({ name, parent, children }): PlainNode => ({
    name,
    parent: parent && places.get(parent)!,
    children: children.map((child) => places.get(child)!),
  })),
  bars: { encode: 0.2, decode: 0.45, bytes: 1.1 },
};

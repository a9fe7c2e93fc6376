/** What a careful person writes where the payload is known: a mapping to what JSON can carry, and one back. */
import type { Codec } from "../case.ts";
import type { Node } from "../graph.ts";
import { orderFromPlain, orderToPlain, type Order, type PlainOrder } from "../instances.ts";
import type { Peer } from "../peer.ts";
import { richJobFromPlain, richJobToPlain, type PlainRichJob, type RichJob } from "../rich-job.ts";

const richJob: Codec = {
  encode: (job: RichJob) => JSON.stringify(richJobToPlain(job)),
  decode: (text: string) => richJobFromPlain(JSON.parse(text) as PlainRichJob),
};

const orders: Codec = {
  encode: (list: readonly Order[]) => JSON.stringify(list.map(orderToPlain)),
  decode: (text: string) => (JSON.parse(text) as PlainOrder[]).map(orderFromPlain),
};

interface NodeWithId {
  id: number;
  name: string;
  parent: number | null;
  children: number[];
}

const graph: Codec = {
  encode(root: Node) {
    const ids = new Map<Node, number>([[root, 0]]);
    const open = [root];
    // An array goes on to what is added to it meanwhile.
    for (const node of open) {
      for (const child of node.children) {
        ids.set(child, ids.size);
        open.push(child);
      }
    }
    return JSON.stringify(
      open.map((node): NodeWithId => ({
        id: ids.get(node)!,
        name: node.name,
        parent: node.parent && ids.get(node.parent)!,
        children: node.children.map((child) => ids.get(child)!),
      })),
    );
  },
  decode(text: string) {
    const list = JSON.parse(text) as NodeWithId[];
    const nodes = new Map(
      list.map(({ id, name }): [number, Node] => [id, { name, parent: null, children: [] }]),
    );
    for (const { id, parent, children } of list) {
      const node = nodes.get(id)!;
      node.parent = parent === null ? null : nodes.get(parent)!;
      node.children = children.map((child) => nodes.get(child)!);
    }
    return nodes.get(list[0]!.id);
  },
};

const nothingToDo = "nothing to map: it is JSON itself";

export const byHand: Peer = {
  name: "mapping by hand",
  parts: { a: nothingToDo, b: nothingToDo, c: { codec: richJob }, d: { codec: orders }, e: { codec: graph } },
};

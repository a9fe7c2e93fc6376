import type { Codec } from "../case.ts";
import type { Node } from "../graph.ts";

type Cells = [name: string, parent: number | null, children: number[]];

/** For e, where nothing ends without identity: a flat list by code for this one graph, with one Map. */
export const graph: Codec = {
  encode(root: Node) {
    const places = new Map<Node, number>([[root, 0]]);
    const list: Cells[] = [];
    // A Map goes on to what is added to it meanwhile.
    for (const { name, parent, children } of places.keys()) {
      const row: Cells = [name, parent && places.get(parent)!, []];
      for (const child of children) {
        row[2].push(places.size);
        places.set(child, places.size);
      }
      list.push(row);
    }
    return JSON.stringify(list);
  },
  decode(text: string) {
    const list = JSON.parse(text) as Cells[];
    const made = list.map(([name]): Node => ({ name, parent: null, children: [] }));
    for (const [at, [, parent, children]] of list.entries()) {
      const node = made[at]!;
      if (parent !== null) node.parent = made[parent]!;
      for (const child of children) node.children.push(made[child]!);
    }
    return made[0];
  },
};

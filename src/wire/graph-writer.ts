/** The tag `graph`, written. What it looks like is told in `graph.ts`. @module */
import type { Place } from "./place.ts";
import { valueKey } from "./tag.ts";

/** The column after some others, or the type before the first: shapes are the ways through these. */
export class Column {
  // Declared alone, as in `received.ts`.
  declare readonly column: unknown;
  declare readonly name: string;
  declare readonly isNode: boolean;
  declare readonly above: Column | undefined;
  /** The shape that ends here, by number. */
  shape = -1;
  /** The first of what may come next: most have but a few, which are looked through faster than in a Map. */
  readonly #few: Column[] = [];
  /** The others, by whether they are nodes. */
  #many: readonly [Map<string, Column>, Map<string, Column>] | undefined;

  constructor(above: Column | undefined, name: string, isNode: boolean) {
    this.above = above;
    this.name = name;
    this.isNode = isNode;
    this.column = isNode ? [name] : name;
  }

  after(name: string, isNode: boolean): Column {
    for (const column of this.#few) if (column.name === name && column.isNode === isNode) return column;
    let column = this.#many?.[isNode ? 1 : 0].get(name);
    if (column) return column;
    column = new Column(this, name, isNode);
    if (this.#few.length < 8) this.#few.push(column);
    else (this.#many ??= [new Map(), new Map()])[isNode ? 1 : 0].set(name, column);
    return column;
  }
}

/** The table, as it grows. */
export class GraphWriter {
  /** How many values there are in the shapes. */
  shapeNodes = 0;
  readonly #shapes: unknown[][] = [];
  readonly #nodes: unknown[] = [];
  readonly #start = new Column(undefined, "", false);

  /** The number of the shape that ends with a column. */
  shapeOf(last: Column): number {
    if (last.shape < 0) {
      const columns: unknown[] = [];
      for (let at = last; at.above; at = at.above) {
        columns.push(at.column);
        this.shapeNodes += at.isNode ? 2 : 1;
      }
      this.shapeNodes++;
      last.shape = this.#shapes.push(columns.toReversed()) - 1;
    }
    return last.shape;
  }

  /** Adds a node, in the order of numbers: its cells, after a first item that is overwritten. Its number. */
  add(row: unknown[], last: Column): number {
    row[0] = this.shapeOf(last);
    return this.#nodes.push(row) - 1;
  }

  type(name: string): Column {
    return this.#start.after(name, false);
  }

  /** Adds what an encoder has written. */
  addPlace({ container, keys, tag }: Place): number {
    if (tag?.layout === "scalar") return this.#nodes.push(container) - 1;
    let type = this.type(tag?.name ?? (keys ? "{}" : "[]"));
    if (tag?.layout === "value") return this.add([0, (container as never)[valueKey]], type);
    const content = (tag ? (container as never)[valueKey] : container) as object;
    if (Array.isArray(content))
      return this.add([0, ...(tag?.layout === "entries" ? content.flat() : content)], type);
    for (const key of Object.keys(content)) type = type.after(key, false);
    return this.add([0, ...(Object.values(content) as unknown[])], type);
  }

  /** The tag's content; the nodes are those that were added, unless told. */
  content(nodes: readonly unknown[] = this.#nodes): object {
    return { shapes: this.#shapes, nodes };
  }
}

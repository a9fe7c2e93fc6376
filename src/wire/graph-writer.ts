/**
 * The tag `graph`, written: data with much sharing, many cycles or great depth as a flat table of nodes.
 *
 * `{"shapes": [[type, key, …], …], "nodes": [[shape, cell, …], …]}`. A shape is a type (`{}` and `[]` for plain
 * objects and arrays, otherwise a tag's name) and, for objects, its keys. A node is the number of its shape and
 * its values: a JSON scalar as it is, another node as an array that holds its number, anything else as its tag.
 * A node comes after the nodes inside it, but for cycles; the last one is the value itself.
 *
 * @module
 */
import type { Frame } from "./frame.ts";
import { valueKey } from "./tag.ts";

/** Stands for a node in the cells that hold it; its number is known once the node is finished. */
export type Cell = [node: number];

/** The table, as it grows. */
export class GraphWriter {
  readonly #shapes: string[][] = [];
  readonly #nodes: unknown[][] = [];
  readonly #shapeNumbers = new Map<string, number>();

  /** Adds a finished frame; from now on its cell has its number. */
  add(frame: Frame): Cell {
    const cell = frame.product as Cell;
    const { type, keys, cells } = rowOf(frame);
    cell[0] = this.#nodes.push([this.#shapeOf(type, keys), ...cells]) - 1;
    return cell;
  }

  /** The tag's content. */
  get content(): object {
    return { shapes: this.#shapes, nodes: this.#nodes };
  }

  #shapeOf(type: string, keys: readonly string[]): number {
    const joined = [type, ...keys].join("\n");
    // Faster than JSON for keys as they are; a key may hold what parts them here, though.
    const text =
      joined.split("\n", keys.length + 2).length === keys.length + 1 ? joined : JSON.stringify(keys);
    let number = this.#shapeNumbers.get(text);
    if (number === undefined) {
      number = this.#shapes.push([type, ...keys]) - 1;
      this.#shapeNumbers.set(text, number);
    }
    return number;
  }
}

interface Row {
  readonly type: string;
  readonly keys: readonly string[];
  readonly cells: readonly unknown[];
}

function rowOf({ layout, tag, content }: Frame): Row {
  const type = tag?.name ?? (layout === "fields" ? "{}" : "[]");
  switch (layout) {
    case "fields":
      return { type, keys: Object.keys(content as object), cells: Object.values(content as object) };
    case "entries":
      return { type, keys: [], cells: (content as unknown[][]).flat() };
    case "value":
      return { type, keys: [], cells: [(content as { [valueKey]: unknown })[valueKey]] };
    default:
      return { type, keys: [], cells: content as unknown[] };
  }
}

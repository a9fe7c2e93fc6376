/**
 * What is left of the limits while a value is encoded. They are about the text's own tree, so that what can be
 * written can be read.
 *
 * @module
 */
import { checkLimit, type Limits } from "./limits.ts";

/** Counts, and throws a {@link LimitError} as soon as there is too much. */
export class Budget {
  readonly #limits: Limits;
  readonly #depth: number;
  readonly #what: string;
  /** Of the nodes, those that are no more text: they are gone through once more when they are read. */
  again = 0;
  #nodes = 0;
  #text = 0;

  /** `depth` is what the reader can take. */
  constructor(limits: Limits, depth: number, what: string) {
    this.#limits = limits;
    this.#depth = Math.min(limits.depth, depth);
    this.#what = what;
  }

  nodes(count: number): void {
    this.#nodes += count;
    checkLimit(this.#what, "nodes", this.#limits.nodes, this.#nodes);
  }

  /** What is met again, and gone through once more. */
  nodesAgain(count: number): void {
    this.again += count;
    this.nodes(count);
  }

  /** Text is most of what is long: too much of it is noticed before it is put together. */
  text(length: number): void {
    this.#text += length;
    checkLimit(this.#what, "bytes", this.#limits.bytes, this.#text);
  }

  depth(level: number): void {
    checkLimit(this.#what, "depth", this.#depth, level);
  }

  /** All of a piece of JSON that is written as it is, its own root not counted. */
  json(value: unknown, level: number): void {
    if (typeof value === "string") return this.text(value.length);
    let inside: unknown[] = [value];
    for (let depth = level; inside.length > 0; depth++) {
      const next: unknown[] = [];
      for (const each of inside) {
        if (typeof each === "string") this.text(each.length);
        if (typeof each !== "object" || each === null) continue;
        this.depth(depth);
        for (const one of Object.values(each)) next.push(one);
      }
      this.nodes(next.length);
      inside = next;
    }
  }
}

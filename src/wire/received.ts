/** What a decoder found in a text, before and after it is built. @module */
import { typeKey, valueKey, type Form, type Node, type Tag } from "./tag.ts";
import type { Step } from "./path.ts";
import type { Waiting } from "./waiting.ts";

/** An array or object of the wire's tree, by index or key. */
export type Container = Record<string | number, unknown>;

/** A place in the wire's tree: where something is, or is to be put. */
export interface Spot {
  readonly container: Container;
  readonly key: string | number;
  /** What the container belongs to; undefined at the top. */
  readonly parent: Received | undefined;
}

/** Something with values inside. */
export class Received implements Spot, Waiting {
  // Declared alone what the constructor sets: a field that is defined first is set twice, and of these there are many.
  declare readonly node: object;
  declare readonly container: Container;
  declare readonly key: string | number;
  declare readonly parent: Received | undefined;
  /** Its level of nesting in the text, from 1. */
  declare readonly level: number;
  /** The name of its tag; undefined for a plain object or array. */
  declare readonly name: string | undefined;
  declare readonly tag: Tag | undefined;
  declare readonly form: Form | undefined;
  /** What it is, or will be once it is filled; undefined before a class has made it. */
  declare product: unknown;
  isDone = false;
  waitsFor: Waiting | undefined;
  /** What was learned of a graph or a table when it was looked through. */
  plan: unknown;
  /** The nearest instance of a class at it or above. */
  declare readonly inClass: Received | undefined;
  /** Its number in the list of all, where those inside it come next. */
  order = 0;
  /** How many are inside it, itself counted; known when there are pointers. */
  size = 1;

  constructor(
    node: object,
    { container, key, parent }: Spot,
    level: number,
    product: unknown,
    name?: string,
    tag?: Tag,
    form?: Form,
  ) {
    this.node = node;
    this.container = container;
    this.key = key;
    this.parent = parent;
    this.level = level;
    this.product = product;
    this.name = name;
    this.tag = tag;
    this.form = form;
    const isMadeLast = tag ? !tag.open && tag.layout !== "scalar" : form?.isMadeLast;
    this.inClass = isMadeLast ? this : parent?.inClass;
  }

  /** Whether it is gone through once more when what it is in is read, as `Place.isReadAgain` has it. */
  get isReadAgain(): boolean {
    return this.inClass !== undefined || this.parent?.tag?.layout === "fields";
  }
}

/** The steps from the root to a spot. */
export function stepsTo(spot: Spot): Step[] {
  const steps: Step[] = [];
  for (let at: Spot = spot; at.parent; at = at.parent) {
    steps.unshift(...insideOf(at.parent.node, at.container), [at.container, at.key]);
  }
  return steps;
}

/** The steps from a node to a container that is part of it: its content, a pair of entries, a row. */
function insideOf(node: object, container: object): Step[] {
  if (node === container) return [];
  const { [typeKey]: name, [valueKey]: content } = node as Node;
  const steps: Step[] = [[node, valueKey]];
  if (content === container) return steps;
  let list = content as object[];
  if (!Array.isArray(content)) {
    const key = name === "graph" ? "nodes" : "rows";
    steps.push([list, key]);
    list = (content as Record<string, object[]>)[key]!;
  }
  if (list !== container) steps.push([list, list.indexOf(container)]);
  return steps;
}

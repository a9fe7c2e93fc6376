/** The containers that an encoder is writing. @module */
import { pathOf, type Step } from "./path.ts";
import type { Tag } from "./tag.ts";
import type { Waiting } from "./waiting.ts";

/** A container of the wire's tree, while its values are replaced, one by one, by what is written for them. */
export class Place implements Waiting {
  // Declared alone, as in `received.ts`.
  declare readonly parent: Place | undefined;
  /** Where it is in its parent's container. */
  declare readonly key: string | number;
  /** Its values, at first as they are in memory. */
  declare readonly container: object;
  /** The keys of an object; undefined for an array. */
  declare readonly keys: readonly (string | number)[] | undefined;
  declare readonly size: number;
  /** The tag that this container is the whole node of. */
  declare readonly tag: Tag | undefined;
  /** Its level of nesting in the text, from 1. */
  declare readonly level: number;
  /** The nearest place of a class's instance at it or above. */
  declare readonly inClass: Place | undefined;
  /** Which of its values comes next. */
  position = 0;
  isDone = false;
  /** Its arrays are a tag's own, not the user's: pairs of entries, rows. */
  ownArrays = false;
  waitsFor: Waiting | undefined;
  /** In a graph: what stands for it wherever it is. */
  cell: [number: number] | undefined;
  /** Of a table's rows: their class, and which of their cells are to be written still. */
  open: { readonly tag: Tag; readonly columns: readonly number[] } | undefined;

  constructor(
    parent: Place | undefined,
    key: string | number,
    container: object,
    keys: readonly (string | number)[] | undefined,
    tag?: Tag,
  ) {
    this.parent = parent;
    this.key = key;
    this.container = container;
    this.keys = keys;
    this.size = (keys ?? (container as unknown[])).length;
    this.tag = tag;
    this.level = parent ? parent.level + 1 : 0;
    this.inClass = tag && !tag.open && tag.layout !== "scalar" ? this : parent?.inClass;
  }

  /**
   * Whether what is in it is gone through once more when it is read: a class's fields are checked, an error's are
   * copied. What is met again there counts again, so that a short text cannot ask for much work.
   */
  get isReadAgain(): boolean {
    return this.inClass !== undefined || this.parent?.tag?.layout === "fields";
  }

  /** The steps from the root to a key in it; to itself without one. */
  steps(key?: string | number): Step[] {
    const steps: Step[] = key === undefined ? [] : [[this.container, key]];
    let { parent, key: at } = this as Place;
    // The outermost holds the whole value and is no step itself.
    for (; parent?.parent; { parent, key: at } = parent) steps.push([parent.container, at]);
    return steps.toReversed();
  }

  /** The way to a key in it, as a person writes it. */
  path(root: string, key: string | number): string {
    return this.parent ? pathOf(root, this.steps(key)) : root;
  }
}

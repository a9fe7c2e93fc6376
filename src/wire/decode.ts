/**
 * From text to the value it stands for, or a {@link DecodeError} that says where it does not.
 *
 * Decoding has two steps, so that a worker can fetch rows in between: {@link open} parses and looks through the
 * text, {@link Opened.decode} builds the value. Neither recurses: the first makes a list of all that has values
 * inside, the second goes through it from the inside out.
 *
 * @module
 */
import { DecodeError, LimitError, ValueError, attempt, describe, messageOf } from "../errors.ts";
import { Budget } from "./budget.ts";
import type { Lazy } from "./lazy.ts";
import { checkBytes, type Limits } from "./limits.ts";
import { parseJson } from "./parse-json.ts";
import { notingPassed } from "./passed.ts";
import { follow, pathOf, shortened } from "./path.ts";
import { isPlainText } from "./plain-text.ts";
import { quickReader, type Parsed } from "./quick-reader.ts";
import { Received, stepsTo, type Container, type Spot } from "./received.ts";
import type { Reference } from "./reference.ts";
import type { Registry } from "./registry.ts";
import {
  Malformed,
  checkShape,
  looksLikeTag,
  sizeOf,
  typeKey,
  valueKey,
  type Node,
  type Reading,
  type Tag,
} from "./tag.ts";
import { finish, wait } from "./waiting.ts";

/** What a decoder needs to know. */
export interface DecodeContext {
  readonly registry: Registry;
  readonly limits: Limits;
  readonly dates: "exact" | "round";
}

/** What takes the place of references. */
export interface Resolve {
  readonly row?: (reference: Reference) => unknown;
  readonly lazy?: (reference: Reference) => Lazy;
  /** What makes snapshots of a model of use; undefined where it is not known. */
  readonly snapshot?: Reading["bind"];
}

/** A text that was parsed and found within the limits. */
export interface Opened {
  /** The references in it that are to be loaded, each as often as it is there. */
  readonly references: readonly Reference[];
  /**
   * Builds the value, with what `resolve` gives in place of each reference: the reference itself unless told.
   * Once only: the parsed text is used up.
   */
  decode(resolve?: Resolve): unknown;
}

/**
 * Parses a text and looks through it, running no code of the user's yet, but for that of value classes in the fields of
 * references (`was`), which are whole before anything around them is.
 *
 * @throws DecodeError when it is no JSON, or holds what cannot be decoded
 * @throws LimitError when it is over a limit
 */
export function open(text: string, context: DecodeContext, root: string): Opened {
  const tree = parse(text, context.limits, root);
  if (isPlainText(text, context.limits)) return { references: [], decode: () => tree };
  const parsed: Parsed = { tree, isWhole: true };
  const quick = quickReader(parsed, text, context);
  const general = (): Decoder =>
    new Decoder(parsed.isWhole ? tree : parse(text, context.limits, root), context, root);
  if (!quick) return general();
  const decode = (resolve?: Resolve): unknown => {
    const read = attempt(() => ({ value: quick() }));
    // What a class refuses is read again, the general way, which says where it is.
    return read ? read.value : general().decode(resolve);
  };
  return { references: [], decode };
}

/**
 * Parses JSON that others wrote, in which nothing has a meaning of ours: what looks like a tag is data, and so is a key
 * `__proto__`, which is the object's own.
 *
 * @throws DecodeError when it is no JSON
 * @throws LimitError when it is over a limit
 */
export function openJson(text: string, limits: Limits, root: string): Opened {
  const tree = parse(text, limits, root);
  if (!isPlainText(text, limits)) {
    const budget = new Budget(limits, Infinity, root);
    budget.nodes(1);
    budget.json(tree, 1);
  }
  return { references: [], decode: () => tree };
}

function parse(text: string, limits: Limits, root: string): unknown {
  if (typeof text !== "string")
    throw new DecodeError({ path: root, expected: "text", found: describe(text) });
  checkBytes(text, limits, root);
  try {
    return parseJson(text);
  } catch {
    // The platform's own message quotes the text, which may be nobody's business.
    throw new DecodeError({ path: root, expected: "JSON", found: `${text.length} characters that are none` });
  }
}

function isLazy(stands: Reference | Lazy): stands is Lazy {
  return "reference" in stands;
}

/** One decoding of one text. */
export class Decoder implements Opened {
  readonly references: Reference[] = [];
  readonly reading: Reading;
  readonly budget: Budget;
  readonly #context: DecodeContext;
  readonly #root: string;
  readonly #top: Container;
  /** All that has values inside. What is inside another, or before it in the text, is later in the list. */
  readonly #list: Received[] = [];
  readonly #stack: Received[] = [];
  /** Where references are. */
  readonly #rows: (Spot & { readonly stands: Reference | Lazy })[] = [];
  readonly #pointers: Received[] = [];
  /** What pointers point at. */
  readonly #targets: Map<object, Received | undefined> | undefined;
  #isShared = false;
  #isUsed = false;

  /** @param around - the decoder of the text that has this tree as the fields of a reference */
  constructor(tree: unknown, context: DecodeContext, root: string, around?: Decoder) {
    const apart = around ? undefined : (tree: unknown) => this.#apart(tree);
    this.#context = context;
    this.#root = root;
    this.#top = { value: tree };
    const { limits, dates } = context;
    this.reading = { limits, dates, reserved: around?.reading.reserved ?? 0, apart };
    this.budget = new Budget(context.limits, Infinity, root);
    this.budget.nodes(1);
    this.inside(this.#top, undefined, 1);
    for (let received = this.#stack.pop(); received; received = this.#stack.pop()) {
      received.order = this.#list.push(received) - 1;
      this.#look(received);
    }
    if (this.#pointers.length > 0) this.#targets = new Map();
    for (const pointer of this.#pointers) {
      const target = follow((pointer.node as Node)[valueKey], tree);
      pointer.product = target;
      if (target) this.#targets!.set(target, undefined);
    }
  }

  decode({ row, lazy, snapshot }: Resolve = {}): unknown {
    this.reading.bind = snapshot;
    if (this.#isUsed) throw new Error("decode() was called twice on one opened text");
    this.#isUsed = true;
    for (const { container, key, stands } of this.#rows) {
      if (isLazy(stands)) container[key] = lazy ? lazy(stands.reference) : stands;
      else container[key] = row ? row(stands) : stands;
    }
    if (this.#pointers.length > 0) this.#measure();
    const build = (): void => {
      for (let at = this.#list.length - 1; at >= 0; at--) this.#build(this.#list[at]!);
    };
    if (this.#pointers.length > 0 || this.#isShared) notingPassed(build);
    else build();
    return this.#top["value"];
  }

  /** The tag of a name; undefined for one that is not known. */
  tagOf(name: string): Tag | undefined {
    return this.#context.registry.byName.get(name);
  }

  unknownType(name: string, spot: Spot): DecodeError {
    const path = pathOf(this.#root, stepsTo(spot));
    const known = [...this.#context.registry.types];
    const isOfRows = /^(ref|snapshot)s?$/.test(name);
    const expected = isOfRows ? "storedRows() among the wire's values" : "a type that is registered here";
    return new DecodeError({ path, expected, found: describe(name) }, { known, type: name });
  }

  /** Looks at the values in a container. */
  inside(container: Container | readonly unknown[], parent: Received | undefined, level: number): void {
    if (Array.isArray(container)) {
      const { length } = container;
      this.budget.nodes(length);
      for (let index = 0; index < length; index++) {
        const value: unknown = container[index];
        if (typeof value === "object" && value !== null)
          this.visit(value, container as never, index, parent, level);
      }
      return;
    }
    let keys = 0;
    for (const key in container) {
      keys++;
      const value = (container as Container)[key];
      if (key === "__proto__") throw this.error(parent!, "an object without a key __proto__", "one");
      // What all objects were given is no part of the text.
      if (typeof value === "object" && value !== null && Object.hasOwn(container, key))
        this.visit(value, container as Container, key, parent, level);
    }
    if (parent) this.budget.nodes(keys);
  }

  /** Reads a value without values inside at once, and puts others aside. */
  visit(
    value: object,
    container: Container,
    key: string | number,
    parent: Received | undefined,
    level: number,
  ): void {
    this.budget.depth(level);
    const isTag = (value as Node)[typeKey] !== undefined && looksLikeTag(value);
    if (isTag) this.#visitTag(value, container, key, parent, level);
    else this.#stack.push(new Received(value, { container, key, parent }, level, value));
  }

  #visitTag(
    node: Node,
    container: Container,
    key: string | number,
    parent: Received | undefined,
    level: number,
  ): void {
    const { [typeKey]: name, [valueKey]: content } = node;
    const spot = { container, key, parent };
    this.budget.nodes(2);
    const form = this.#context.registry.forms.get(name);
    if (form || name === "same") {
      const received = new Received(node, spot, level, undefined, name, undefined, form);
      if (name === "same") this.#pointers.push(received);
      this.#stack.push(received);
      return;
    }
    let tag = this.tagOf(name);
    if (!tag) throw this.unknownType(name, spot);
    if (tag.shared && Array.isArray(content)) tag = tag.shared;
    if (tag.layout === "scalar") {
      const value = this.#scalar(tag, content, spot, level);
      if (tag.identity) {
        const received = new Received(node, spot, level, value, name, tag);
        // It is built already: only pointers need it.
        received.isDone = true;
        this.#stack.push(received);
      } else this.#put(tag, value, spot);
      return;
    }
    let opened: unknown;
    try {
      checkShape(tag, content);
      opened = tag.open?.(content);
    } catch (error) {
      throw this.#wrong(error, name, spot);
    }
    this.#stack.push(new Received(node, spot, level, opened, name, tag));
  }

  /** Reads a cell of a graph, in its place; false when it is no scalar's tag. */
  visitScalar(cell: object, container: Container, key: number, graph: Received): boolean {
    const tag = looksLikeTag(cell) ? this.tagOf(cell[typeKey]) : undefined;
    if (tag?.layout !== "scalar") return false;
    this.budget.nodes(2);
    const spot = { container, key, parent: graph };
    const value = this.#scalar(tag, (cell as Node)[valueKey], spot, graph.level + 4);
    this.#put(tag, value, spot);
    return true;
  }

  #scalar(tag: Tag, content: unknown, spot: Spot, level: number): unknown {
    this.budget.json(content, level + 1);
    return this.read(tag, content, spot);
  }

  #put(tag: Tag, value: unknown, spot: Spot): void {
    if (tag.name === "ref") this.refer(spot, value as Reference | Lazy);
    else spot.container[spot.key] = value;
  }

  /** Notes where a reference is, for its row to take its place. */
  refer(spot: Spot, stands: Reference | Lazy): void {
    if (!isLazy(stands)) this.references.push(stands);
    this.#rows.push({ ...spot, stands });
  }

  #look(received: Received): void {
    const { node, name, tag, form, level, isDone } = received;
    if (isDone || name === "same") return;
    if (name === undefined) return this.inside(node as Container, received, level + 1);
    const content = (node as Node)[valueKey];
    if (form) {
      this.#isShared ||= name === "graph";
      this.guard(received, name, () => form.survey(received, this));
    } else if (tag!.layout === "value") this.#lookAt(content, received, level + 1);
    else this.#lookInto(content as Container, tag!.layout === "entries", received, level + 1);
  }

  #lookAt(content: unknown, received: Received, level: number): void {
    if (typeof content !== "object" || content === null) return;
    this.visit(content, received.node as Container, valueKey, received, level);
  }

  #lookInto(content: Container | unknown[], hasPairs: boolean, received: Received, level: number): void {
    this.budget.depth(level);
    if (!hasPairs) return this.inside(content, received, level + 1);
    const pairs = content as unknown[][];
    this.budget.nodes(pairs.length);
    if (pairs.length > 0) this.budget.depth(level + 1);
    for (const pair of pairs) this.inside(pair, received, level + 2);
  }

  /** How many there are inside each: with its number, this tells what is inside what. */
  #measure(): void {
    for (let at = this.#list.length - 1; at >= 0; at--) {
      const { parent, size, node } = this.#list[at]!;
      if (parent) parent.size += size;
      if (this.#targets!.has(node)) this.#targets!.set(node, this.#list[at]);
    }
  }

  #build(received: Received): void {
    const { node, name, tag, form, container, key } = received;
    // What is done was left as it was until now, for the pointers at it.
    if (!received.isDone) {
      if (!finish(received, received.parent) && received.inClass === received)
        throw this.error(received, `${name} with what is whole before it is made`, "a cycle through it");
      if (name === "same") received.product = this.#target(received);
      else if (form) received.product = this.guard(received, name!, () => form.read(received, this));
      else if (tag) received.product = this.read(tag, (node as Node)[valueKey], received, received.product);
    }
    container[key] = received.product;
  }

  #target(pointer: Received): unknown {
    const target = this.#targets!.get(pointer.product as object);
    const isThere =
      target !== undefined &&
      target.name !== "same" &&
      // What is before it in the text has a higher number, and is built.
      (target.order > pointer.order ||
        // A cycle: what it is in exists, empty, and no class would be given it so.
        (pointer.order < target.order + target.size &&
          target.product !== undefined &&
          target.inClass === pointer.inClass));
    if (isThere) {
      if (pointer.parent) wait(pointer.parent, target);
      if (pointer.isReadAgain) this.budget.nodesAgain(sizeOf(target.node, target.tag?.layout));
      return target.product;
    }
    throw this.error(
      pointer,
      "a pointer to an array, object, Map, Set, Error or value before it, and around no class that it is in",
      describe((pointer.node as Node)[valueKey]),
    );
  }

  /** The value of a tree that was written apart. What it costs beyond its text counts as part of the whole. */
  #apart(tree: unknown): unknown {
    const inside = new Decoder(tree, this.#context, this.#root, this);
    const value = inside.decode();
    this.budget.nodesAgain(inside.budget.again);
    this.reading.reserved = inside.reading.reserved;
    return value;
  }

  read(tag: Tag, content: unknown, spot: Spot, opened?: unknown): unknown {
    try {
      return tag.read(content, this.reading, opened);
    } catch (error) {
      throw this.#wrong(error, tag.name, spot);
    }
  }

  /** Runs what a tag, or a user's class behind it, does with received content. */
  guard<Result>(spot: Spot, name: string, run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      throw this.#wrong(error, name, spot);
    }
  }

  /** What to throw for what was thrown while content was read. */
  #wrong(error: unknown, name: string, spot: Spot): unknown {
    if (error instanceof LimitError) return error;
    if (error instanceof DecodeError) return name === "ref" ? this.#inFields(error, spot) : error;
    if (error instanceof Malformed) return this.error(spot, `${name}: ${error.expected}`, error.found);
    const found =
      error instanceof ValueError
        ? error.issues.map(({ path, message }) => `${path.join(".") || "the value"}: ${message}`).join("; ")
        : `content that it refuses: ${messageOf(error)}`;
    return this.error(spot, `a valid ${name}`, found, error);
  }

  /** The error of what was written apart, in its place in the whole. */
  #inFields(error: DecodeError, spot: Spot): DecodeError {
    const { path, expected, found } = error;
    const was = `${pathOf(this.#root, stepsTo(spot))}.was`;
    const at = { path: shortened(was + path.slice(this.#root.length)), expected, found };
    return new DecodeError(at, error as object);
  }

  error(spot: Spot, expected: string, found: string, cause?: unknown): DecodeError {
    const path = pathOf(this.#root, stepsTo(spot));
    return new DecodeError({ path, expected, found: shortened(found) }, { cause });
  }
}

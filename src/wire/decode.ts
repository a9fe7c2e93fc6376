/**
 * From text to the value it stands for, or a {@link DecodeError} that says where it does not.
 *
 * Decoding has two steps, so that a worker can fetch rows in between: {@link open} parses and surveys the
 * text, {@link Opened.decode} builds the value.
 *
 * @module
 */
import { DecodeError, LimitError, ValueError, describe, messageOf } from "../errors.ts";
import { Frame, pathOf, walk, type Visitor } from "./frame.ts";
import { checkBytes, type Limits } from "./limits.ts";
import { Lazy } from "./lazy.ts";
import { Reference } from "./reference.ts";
import { readGraph } from "./graph-reader.ts";
import { isPlainText } from "./plain-text.ts";
import { isSimpleText, revive } from "./revive.ts";
import { survey, type Survey } from "./survey.ts";
import { Malformed, looksLikeTag, valueKey, type Tag } from "./tag.ts";
import { tagsByName } from "./tags/index.ts";
import { referenceTag } from "./tags/reference.ts";
import type { ValueTags } from "./value-type.ts";

/** What a decoder needs to know. */
export interface DecodeContext {
  readonly values: ValueTags;
  readonly limits: Limits;
}

/** What takes the place of references. */
export interface Resolve {
  readonly row?: (reference: Reference) => unknown;
  readonly lazy?: (reference: Reference) => Lazy;
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

/** A text with tags in it. */
class Tagged implements Opened {
  readonly references: readonly Reference[];
  #tree: unknown;
  readonly #referenceOf: ReadonlyMap<object, Reference | Lazy>;
  readonly #survey: Survey;
  readonly #context: DecodeContext;
  readonly #root: string;
  #used = false;

  constructor(tree: unknown, context: DecodeContext, root: string) {
    this.#tree = tree;
    this.#context = context;
    this.#root = root;
    this.#survey = survey(tree, context.limits, root);
    const referenceOf = new Map<object, Reference | Lazy>();
    for (const node of this.#survey.references) {
      try {
        referenceOf.set(node, referenceTag.read((node as Node)[valueKey], context.limits, undefined));
      } catch {
        // It fails again when all is decoded, and then with the path to its place.
      }
    }
    this.#referenceOf = referenceOf;
    this.references = [...referenceOf.values()].filter((reference) => reference instanceof Reference);
  }

  decode(resolve: Resolve = {}): unknown {
    if (this.#used) throw new Error("decode() was called twice on one opened text");
    this.#used = true;
    const { row = (reference) => reference, lazy = (reference) => new Lazy(reference) } = resolve;
    const resolveNode: ResolveNode = (node) => {
      const found = this.#referenceOf.get(node);
      return found && { value: found instanceof Lazy ? lazy(found.reference) : row(found) };
    };
    const decoder = new Decoder(this.#context, this.#root, this.#survey.targets, resolveNode);
    const value = walk(this.#tree, decoder);
    this.#tree = undefined;
    return value;
  }
}

/**
 * Parses a text and looks through it, building nothing yet.
 *
 * @throws DecodeError when it is no JSON
 * @throws LimitError when it is over a limit
 */
export function open(text: string, context: DecodeContext, root: string): Opened {
  if (typeof text !== "string")
    throw new DecodeError({ path: root, expected: "text", found: describe(text) });
  checkBytes(text, context.limits, root);
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    // The platform's own message quotes the text, which may be nobody's business.
    throw new DecodeError({ path: root, expected: "JSON", found: `${text.length} characters that are none` });
  }
  if (isPlainText(text, context.limits)) return { references: [], decode: () => tree };
  const general = (again: unknown): Opened => new Tagged(again, context, root);
  if (!isSimpleText(text)) return general(tree);
  const decode = (): unknown => {
    const revived = revive(tree, (name) => tagOf(name, context), context.limits);
    // What the short way has used up is parsed again.
    return revived ? revived.value : general(JSON.parse(text)).decode();
  };
  return { references: [], decode };
}

type Node = { __type__: string; __value__: unknown };

/** What takes the place of a `ref` node; undefined for one that is malformed. */
type ResolveNode = (node: object) => { readonly value: unknown } | undefined;

class Decoder implements Visitor {
  readonly #context: DecodeContext;
  readonly #root: string;
  readonly #targets: ReadonlyMap<object, object>;
  readonly #resolve: ResolveNode;
  /** What the nodes that a `same` points at have become. */
  readonly #built = new Map<object, unknown>();
  readonly #wanted: ReadonlySet<object>;
  readonly #nodeOf = new Map<Frame, object>();

  constructor(
    context: DecodeContext,
    root: string,
    targets: ReadonlyMap<object, object>,
    resolve: ResolveNode,
  ) {
    this.#context = context;
    this.#root = root;
    this.#targets = targets;
    this.#wanted = new Set(targets.values());
    this.#resolve = resolve;
  }

  enter(value: unknown, above: Frame | undefined, slot: number): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return this.#frame(new Frame(above, "items", value, undefined, value), value);
    if (looksLikeTag(value)) return this.#tag(value, above, slot);
    if (Object.hasOwn(value, "__proto__")) {
      throw this.#error(above, slot, { expected: "an object without a key __proto__", found: "one" });
    }
    return this.#frame(new Frame(above, "fields", value, undefined, value), value);
  }

  leave(frame: Frame): unknown {
    const { tag } = frame;
    if (!tag) return frame.product;
    const content =
      frame.layout === "value" ? (frame.content as { [valueKey]: unknown })[valueKey] : frame.content;
    const value = this.#read(tag, content, frame.product, frame.parent, frame.slot);
    const node = this.#nodeOf.get(frame);
    if (node && tag.identity) this.#built.set(node, value);
    return value;
  }

  #frame(frame: Frame, node: object): Frame {
    if (this.#wanted.has(node)) {
      this.#nodeOf.set(frame, node);
      if (frame.product !== undefined) this.#built.set(node, frame.product);
    }
    return frame;
  }

  #tag(node: Node, above: Frame | undefined, slot: number): unknown {
    const { __type__: name, __value__: content } = node;
    if (name === "same") return this.#same(node, above, slot);
    const resolved = name === "ref" ? this.#resolve(node) : undefined;
    if (resolved) return resolved.value;
    if (name === "graph") return this.#graph(content, above, slot);
    const tag = this.#tagOf(name) ?? this.#unknownType(name, above, slot);
    if (tag.layout === "scalar") return this.#read(tag, content, undefined, above, slot);
    this.#checkShape(tag, content, above, slot);
    const product = tag.open && this.#guard(() => tag.open!(content), tag.name, above, slot);
    return this.#frame(
      new Frame(above, tag.layout, tag.layout === "value" ? node : content, tag, product),
      node,
    );
  }

  #tagOf(name: string): Tag | undefined {
    return tagOf(name, this.#context);
  }

  #unknownType(name: string, above: Frame | undefined, slot: number): never {
    const known = [...this.#context.values.byName.keys()];
    const path = pathOf(this.#root, above, slot);
    const error = { path, expected: "a type that is registered here", found: describe(name) };
    throw new DecodeError(error, { known });
  }

  #graph(content: unknown, above: Frame | undefined, slot: number): unknown {
    const reading = {
      limits: this.#context.limits,
      tagOf: (name: string) => this.#tagOf(name),
      scalar: (node: Node) => this.#tag(node, above, slot),
      unknownType: (name: string) => this.#unknownType(name, above, slot),
    };
    return this.#guard(() => readGraph(content, reading), "graph", above, slot);
  }

  #checkShape(tag: Tag, content: unknown, above: Frame | undefined, slot: number): void {
    const wrong = (expected: string): DecodeError =>
      this.#error(above, slot, { expected: `${tag.name} with ${expected}`, found: describe(content) });
    switch (tag.layout) {
      case "items":
        if (!Array.isArray(content)) throw wrong("an array of items");
        break;
      case "entries":
        if (!Array.isArray(content)) throw wrong("an array of entries");
        for (const entry of content) {
          if (!Array.isArray(entry) || entry.length !== 2) throw wrong("entries of two values each");
        }
        break;
      case "fields":
        if (typeof content !== "object" || content === null || Array.isArray(content))
          throw wrong("an object of fields");
        if (Object.hasOwn(content, "__proto__")) throw wrong("an object without a key __proto__");
        break;
      default:
    }
  }

  #same(node: object, above: Frame | undefined, slot: number): unknown {
    const target = this.#targets.get(node);
    if (!target || !this.#built.has(target) || this.#isInsideClass(target, above)) {
      throw this.#error(above, slot, {
        expected:
          "a pointer to an array, object, Map, Set, Error or value before it, and around no class that it is in",
        found: describe((node as { [valueKey]: unknown })[valueKey]),
      });
    }
    return this.#built.get(target);
  }

  /**
   * Whether a class's instance is being made inside the target, which is therefore not whole: the class would
   * check something that is filled afterwards.
   */
  #isInsideClass(target: object, above: Frame | undefined): boolean {
    let inClass = false;
    for (let frame = above; frame; frame = frame.parent) {
      inClass ||= frame.tag !== undefined && !frame.tag.open;
      if (this.#nodeOf.get(frame) === target) return inClass;
    }
    return false;
  }

  #read(tag: Tag, content: unknown, opened: unknown, above: Frame | undefined, slot: number): unknown {
    return this.#guard(() => tag.read(content, this.#context.limits, opened), tag.name, above, slot);
  }

  /** Runs what a tag, or a user's class behind it, does with received content. */
  #guard(run: () => unknown, name: string, above: Frame | undefined, slot: number): unknown {
    try {
      return run();
    } catch (error) {
      if (error instanceof LimitError || error instanceof DecodeError) throw error;
      if (error instanceof Malformed) {
        throw this.#error(above, slot, { expected: `${name}: ${error.expected}`, found: error.found });
      }
      const found =
        error instanceof ValueError
          ? error.issues.map(({ path, message }) => `${path.join(".") || "the value"}: ${message}`).join("; ")
          : `content that it refuses: ${messageOf(error)}`;
      throw this.#error(above, slot, { expected: `a valid ${name}`, found }, error);
    }
  }

  #error(
    above: Frame | undefined,
    slot: number,
    { expected, found }: { expected: string; found: string },
    cause?: unknown,
  ): DecodeError {
    const path = pathOf(this.#root, above, slot);
    return new DecodeError({ path, expected, found }, cause === undefined ? {} : { cause });
  }
}

function tagOf(name: string, { values }: DecodeContext): Tag | undefined {
  return tagsByName.get(name) ?? values.byName.get(name);
}

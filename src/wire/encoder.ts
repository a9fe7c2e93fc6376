/**
 * Builds the wire's tree of a value that is not plain, or its graph.
 *
 * @module
 */
import { LimitError, attempt, messageOf } from "../errors.ts";
import { adviceFor } from "./advice.ts";
import { Budget } from "./budget.ts";
import type { EncodeContext, EncodeSubject } from "./encode-context.ts";
import { Frame, pointerTo, walk, type Visitor } from "./frame.ts";
import { GraphWriter } from "./graph-writer.ts";
import { Lazy } from "./lazy.ts";
import { hasSymbols, isPlainArray, isPlainObject } from "./plain.ts";
import { Reference } from "./reference.ts";
import { Refusals } from "./refusals.ts";
import { Snapshot } from "./snapshot.ts";
import { typeKey, valueKey, type Tag } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";
import { tagsByPrototype } from "./tags/index.ts";
import { needsTag, numberTag } from "./tags/number.ts";
import { objectTag } from "./tags/object.ts";
import { undefinedTag } from "./tags/undefined.ts";

/** This much text of `same` pointers, and a graph is smaller and easier to read. */
const mostPointers = 32_768;

/** Thrown by a tree's encoder that has come to {@link mostPointers}. */
export const betterAsGraph = new Error("better as a graph");

/** One encoding of one value. */
export class Encoder implements Visitor {
  readonly types = new Set<string>();
  readonly refusals: Refusals;
  readonly #context: EncodeContext;
  readonly #budget: Budget;
  /** Where nodes go instead of into each other. */
  readonly #graph: GraphWriter | undefined;
  /** The first place of every object with identity. */
  readonly #places = new Map<object, Frame>();
  /** The frames that the walk is inside of. */
  readonly #open = new Set<Frame>();
  /** Those of them that are instances of classes, the innermost last. */
  readonly #classes: Frame[] = [];
  #pointers = 0;

  constructor(context: EncodeContext, subject: EncodeSubject, as: "tree" | "graph") {
    this.#context = context;
    this.refusals = new Refusals(subject.root);
    this.#graph = as === "graph" ? new GraphWriter() : undefined;
    // In a graph nothing is deeper than what is in a cell.
    this.#budget = new Budget(
      context.limits,
      as === "graph" ? Infinity : context.dialect.depth,
      subject.root,
    );
  }

  /** The wire's tree of a value; some of it missing where something was refused. */
  encode(value: unknown): unknown {
    if (this.#graph) {
      // The tag, its content, the nodes, a row, a cell.
      this.#budget.depth(5);
      this.#budget.nodes(6);
    }
    const tree = walk(value, this);
    return this.#graph ? { [typeKey]: "graph", [valueKey]: this.#graph.content } : tree;
  }

  enter(value: unknown, above: Frame | undefined, slot: number): unknown {
    this.#budget.nodes(1);
    switch (typeof value) {
      case "string":
        this.#budget.text(value.length);
        return value;
      case "boolean":
        return value;
      case "number":
        return needsTag(value) ? this.#scalar(numberTag, value, above, slot) : value;
      case "bigint":
        return this.#scalar(bigintTag, value, above, slot);
      case "undefined":
        return this.#scalar(undefinedTag, value, above, slot);
      case "object":
        return value === null ? null : this.#guarded(value, above, slot);
      default:
        return this.refusals.add(value, above, slot);
    }
  }

  leave(frame: Frame): unknown {
    this.#open.delete(frame);
    if (this.#classes.at(-1) === frame) this.#classes.pop();
    return this.#graph ? this.#graph.add(frame) : frame.product;
  }

  #scalar(tag: Tag, value: unknown, above: Frame | undefined, slot: number): unknown {
    const content = tag.write(value, this.#context.limits);
    this.#countTag(above, tag, content);
    const advice = this.#context.dialect.refusal(tag.name, content);
    return advice === undefined
      ? node(tag, content)
      : this.refusals.add(value, above, slot, tag.name, advice);
  }

  /** Reading an object may run code of the user's, which may throw. */
  #guarded(value: object, above: Frame | undefined, slot: number): unknown {
    try {
      return this.#object(value, above, slot);
    } catch (error) {
      if (error instanceof LimitError || error === betterAsGraph) throw error;
      const advice = `reading it throws: ${messageOf(error)}`;
      return this.refusals.add(value, above, slot, attempt(() => adviceFor(value).kind) ?? "object", advice);
    }
  }

  #object(value: object, above: Frame | undefined, slot: number): unknown {
    const place = this.#places.get(value);
    if (place && (this.#context.dialect.pointers || this.#open.has(place))) {
      return this.#same(place, value, above, slot);
    }
    if (Array.isArray(value)) {
      if (!isPlainArray(value)) return this.#refuseArray(value, above, slot);
      const content = value.slice();
      return this.#frame(value, above, "items", content, undefined, content);
    }
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === Object.prototype) return this.#plainObject(value, above, slot);
    const tag =
      prototype && (tagsByPrototype.get(prototype) ?? this.#context.values.byPrototype.get(prototype));
    if (tag) return this.#tagged(tag, value, above, slot);
    const reference = this.#referenceTo(value);
    if (reference) return this.#object(reference, above, slot);
    return this.refusals.add(value, above, slot);
  }

  #plainObject(value: object, above: Frame | undefined, slot: number): unknown {
    if (hasSymbols(value)) {
      return this.refusals.add(value, above, slot, "object with symbol keys", "use strings as its keys");
    }
    if (!isPlainObject(value)) return this.refusals.add(value, above, slot);
    if (Object.hasOwn(value, "__proto__")) {
      return this.refusals.add(
        value,
        above,
        slot,
        "object with a key __proto__",
        "use another key, or a Map",
      );
    }
    // A graph's nodes say what they are; they cannot be taken for tags.
    if (!this.#graph && this.#context.dialect.looksLikeTag(value))
      return this.#tagged(objectTag, value, above, slot);
    const content: Record<string, unknown> = { ...value };
    if (this.#context.dialect.omitsUndefined) omitUndefined(content);
    return this.#frame(value, above, "fields", content, undefined, content);
  }

  #tagged(tag: Tag, value: object, above: Frame | undefined, slot: number): unknown {
    if (hasSymbols(value) || (!tag.keepsProperties && Object.keys(value).length > 0)) {
      const kind = `${tag.name} with properties of its own`;
      return this.refusals.add(value, above, slot, kind, "send the properties beside it, in an object");
    }
    const unknownModel = this.#unknownModel(value);
    if (unknownModel !== undefined) {
      const advice = "no model has that name here; add it to `models`";
      return this.refusals.add(value, above, slot, `${tag.name} of ${unknownModel}`, advice);
    }
    let content: unknown;
    try {
      content = tag.write(value, this.#context.limits);
    } catch (error) {
      return this.refusals.written(error, tag, value, above, slot);
    }
    const advice = this.#context.dialect.refusal(tag.name, content);
    if (advice !== undefined) return this.refusals.add(value, above, slot, tag.name, advice);
    if (this.#context.values.byName.has(tag.name)) this.types.add(tag.name);
    this.#countTag(above, tag, content);
    if (tag.layout === "scalar") return node(tag, content);
    const whole = node(tag, content);
    return this.#frame(value, above, tag.layout, tag.layout === "value" ? whole : content, tag, whole);
  }

  #frame(
    value: object,
    above: Frame | undefined,
    layout: Frame["layout"],
    content: unknown,
    tag: Tag | undefined,
    product: unknown,
  ): Frame {
    const frame = new Frame(above, layout, content, tag, this.#graph ? [-1] : product);
    // A graph's node is a row with the number of its shape, and a cell with the row's.
    if (this.#graph) this.#budget.nodes(3);
    else this.#budget.depth(frame.inner);
    if (!tag || tag.identity) this.#places.set(value, frame);
    this.#open.add(frame);
    if (tag && !tag.open) this.#classes.push(frame);
    return frame;
  }

  /** A second place of one object: where the first is. */
  #same(place: Frame, value: object, above: Frame | undefined, slot: number): unknown {
    if (this.#open.has(place)) {
      if (!this.#context.dialect.pointers) {
        return this.refusals.add(
          value,
          above,
          slot,
          "cycle",
          "send a tree; the other side cannot read cycles",
        );
      }
      // A cycle. Every container on it must exist before its insides do, which a class's instance cannot.
      const innermost = this.#classes.at(-1);
      if (innermost && innermost.level >= place.level) {
        return this.refusals.add(
          value,
          above,
          slot,
          `cycle through ${innermost.tag!.name}`,
          "a value class is made from finished fields; keep the way back outside it, or send a reference",
        );
      }
    }
    if (this.#graph) {
      this.#budget.nodes(1);
      return place.product;
    }
    this.#budget.nodes(2);
    this.#budget.depth((above?.inner ?? 0) + 1);
    const pointer = pointerTo(place);
    this.#budget.text(pointer.length);
    this.#pointers += pointer.length;
    if (this.#pointers > mostPointers && this.#context.dialect.pointers) throw betterAsGraph;
    return { [typeKey]: "same", [valueKey]: pointer };
  }

  /** A tag's name and content, and the pairs of its entries, beside the values in it. */
  #countTag(above: Frame | undefined, tag: Tag, content: unknown): void {
    const level = this.#graph ? 5 : (above?.inner ?? 0) + 1;
    if (tag.layout === "scalar") {
      this.#budget.nodes(2);
      this.#budget.depth(level);
      this.#budget.json(content, level + 1);
    } else if (!this.#graph) {
      this.#budget.nodes(tag.layout === "value" ? 1 : 2);
      if (tag.layout === "entries") this.#budget.nodes((content as unknown[]).length);
    }
  }

  /** The model that something refers to, where there are models and none has its name. */
  #unknownModel(value: object): string | undefined {
    const { modelNames } = this.#context;
    const reference = value instanceof Lazy ? value.reference : value;
    if (!(reference instanceof Reference || reference instanceof Snapshot) || modelNames.size === 0)
      return undefined;
    return modelNames.has(reference.model) ? undefined : reference.model;
  }

  #referenceTo(value: object): Reference | undefined {
    for (const adapter of this.#context.models) {
      const model = adapter.modelOf?.(value);
      const key = model === undefined ? undefined : adapter.keyOf?.(model, value);
      if (model !== undefined && key !== undefined) return new Reference(model, key);
    }
    return undefined;
  }

  #refuseArray(value: readonly unknown[], above: Frame | undefined, slot: number): null {
    if (Object.getPrototypeOf(value) !== Array.prototype) return this.refusals.add(value, above, slot);
    const holes = Object.keys(value).filter((key) => /^\d+$/.test(key)).length < value.length;
    return holes
      ? this.refusals.add(value, above, slot, "array with holes", "fill them: Array.from(it)")
      : this.refusals.add(
          value,
          above,
          slot,
          "array with properties of its own",
          "send an object that holds both",
        );
  }
}

function omitUndefined(content: Record<string, unknown>): void {
  for (const key of Object.keys(content)) if (content[key] === undefined) delete content[key];
}

function node(tag: Tag, content: unknown): unknown {
  return { [typeKey]: tag.name, [valueKey]: content };
}

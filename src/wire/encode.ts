/**
 * From a value to the wire's tree and its text. All that cannot travel is found before anything is thrown.
 *
 * @module
 */
import { EncodeError, LimitError, ValueError, attempt, messageOf, type Refusal } from "../errors.ts";
import { adviceFor } from "./advice.ts";
import type { Dialect } from "./dialect.ts";
import { Frame, pathOf, pointerTo, segmentOf, walk, type Visitor } from "./frame.ts";
import { checkBytes, type Limits } from "./limits.ts";
import { hasSymbols, isPlain, isPlainArray, isPlainObject } from "./plain.ts";
import { Lazy } from "./lazy.ts";
import { Reference, type Key } from "./reference.ts";
import { Snapshot } from "./snapshot.ts";
import { stringify } from "./stringify.ts";
import { Unportable, typeKey, valueKey, type Tag } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";
import { tagsByPrototype } from "./tags/index.ts";
import { needsTag, numberTag } from "./tags/number.ts";
import { objectTag } from "./tags/object.ts";
import { undefinedTag } from "./tags/undefined.ts";
import type { ValueTags } from "./value-type.ts";

/** What the wire knows of an app's models. An `OrmAdapter` is one. */
export interface WireModels {
  readonly models: readonly { readonly name: string }[];
  /** The model of a row that knows its own. */
  modelOf?(row: object): string | undefined;
  keyOf?(model: string, row: object): Key | undefined;
}

/** What an encoder needs to know. */
export interface EncodeContext {
  readonly values: ValueTags;
  readonly models: readonly WireModels[];
  readonly modelNames: ReadonlySet<string>;
  readonly limits: Limits;
  readonly dialect: Dialect;
}

/** How errors speak of what is sent. */
export interface EncodeSubject {
  /** The first part of every path: `payload`. */
  readonly root: string;
  /** What cannot be sent: `this payload to task "posts.notify"`. */
  readonly what: string;
}

/** A text, and the names of the value classes in it. */
export interface Encoded {
  readonly text: string;
  readonly types: readonly string[];
}

/**
 * Encodes a value.
 *
 * @throws EncodeError when something in it cannot travel
 * @throws LimitError when it is over a limit
 */
export function encode(value: unknown, context: EncodeContext, subject: EncodeSubject): Encoded {
  // A getter or a proxy may throw; the general way then says where.
  if (attempt(() => isPlain(value, context.limits, context.dialect)) === true) {
    const text = JSON.stringify(value);
    checkBytes(text, context.limits, subject.root);
    return { text, types: [] };
  }
  const encoder = new Encoder(context, subject);
  const tree = walk(value, encoder);
  if (encoder.refused > 0) throw new EncodeError(subject.what, encoder.refusals, encoder.refused);
  const text = stringify(tree);
  checkBytes(text, context.limits, subject.root);
  return { text, types: [...encoder.types].sort() };
}

/** This many of the places that cannot travel are told; the others are counted. */
const mostRefusals = 100;

class Encoder implements Visitor {
  /** The first of what cannot travel, and how much there is. */
  readonly refusals: Refusal[] = [];
  refused = 0;
  readonly types = new Set<string>();
  readonly #context: EncodeContext;
  readonly #subject: EncodeSubject;
  /** The first place of every object with identity. */
  readonly #places = new Map<object, Frame>();
  /** The frames that the walk is inside of. */
  readonly #open = new Set<Frame>();
  #nodes = 0;
  #text = 0;

  constructor(context: EncodeContext, subject: EncodeSubject) {
    this.#context = context;
    this.#subject = subject;
  }

  enter(value: unknown, above: Frame | undefined, slot: number): unknown {
    this.#count(1);
    switch (typeof value) {
      case "string":
        this.#countText(value.length);
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
        return this.#refuse(value, above, slot);
    }
  }

  leave(frame: Frame): unknown {
    this.#open.delete(frame);
    return frame.product;
  }

  #scalar(tag: Tag, value: unknown, above: Frame | undefined, slot: number): unknown {
    this.#countTag(above, tag, undefined);
    const content = tag.write(value, this.#context.limits);
    const advice = this.#context.dialect.refusal(tag.name, content);
    return advice === undefined ? node(tag, content) : this.#refuse(value, above, slot, tag.name, advice);
  }

  /** Reading an object may run code of the user's, which may throw. */
  #guarded(value: object, above: Frame | undefined, slot: number): unknown {
    try {
      return this.#object(value, above, slot);
    } catch (error) {
      if (error instanceof LimitError) throw error;
      const advice = `reading it throws: ${messageOf(error)}`;
      return this.#refuse(value, above, slot, attempt(() => adviceFor(value).kind) ?? "object", advice);
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
    return this.#refuse(value, above, slot);
  }

  #plainObject(value: object, above: Frame | undefined, slot: number): unknown {
    if (hasSymbols(value)) {
      return this.#refuse(value, above, slot, "object with symbol keys", "use strings as its keys");
    }
    if (!isPlainObject(value)) return this.#refuse(value, above, slot);
    if (Object.hasOwn(value, "__proto__")) {
      return this.#refuse(value, above, slot, "object with a key __proto__", "use another key, or a Map");
    }
    if (this.#context.dialect.looksLikeTag(value)) return this.#tagged(objectTag, value, above, slot);
    const content: Record<string, unknown> = { ...value };
    if (this.#context.dialect.omitsUndefined) omitUndefined(content);
    return this.#frame(value, above, "fields", content, undefined, content);
  }

  #tagged(tag: Tag, value: object, above: Frame | undefined, slot: number): unknown {
    if (hasSymbols(value) || (!tag.keepsProperties && Object.keys(value).length > 0)) {
      const kind = `${tag.name} with properties of its own`;
      return this.#refuse(value, above, slot, kind, "send the properties beside it, in an object");
    }
    const unknownModel = this.#unknownModel(value);
    if (unknownModel !== undefined) {
      const advice = "no model has that name here; add it to `models`";
      return this.#refuse(value, above, slot, `${tag.name} of ${unknownModel}`, advice);
    }
    let content: unknown;
    try {
      content = tag.write(value, this.#context.limits);
    } catch (error) {
      return this.#refuseWritten(error, tag, value, above, slot);
    }
    const advice = this.#context.dialect.refusal(tag.name, content);
    if (advice !== undefined) return this.#refuse(value, above, slot, tag.name, advice);
    if (this.#context.values.byName.has(tag.name)) this.types.add(tag.name);
    this.#countTag(above, tag, content);
    if (tag.layout === "scalar") return node(tag, content);
    const product = node(tag, content);
    return this.#frame(value, above, tag.layout, tag.layout === "value" ? product : content, tag, product);
  }

  #frame(
    value: object,
    above: Frame | undefined,
    layout: Frame["layout"],
    content: unknown,
    tag: Tag | undefined,
    product: unknown,
  ): Frame {
    const frame = new Frame(above, layout, content, tag, product);
    this.#checkDepth(frame.inner);
    if (!tag || tag.identity) this.#places.set(value, frame);
    this.#open.add(frame);
    return frame;
  }

  /** A second place of one object: where the first is. */
  #same(place: Frame, value: object, above: Frame | undefined, slot: number): unknown {
    if (this.#open.has(place)) {
      if (!this.#context.dialect.pointers) {
        return this.#refuse(value, above, slot, "cycle", "send a tree; the other side cannot read cycles");
      }
      // A cycle. Every container on it must exist before its insides do, which a class's instance cannot.
      for (let frame = above; frame; frame = frame.parent) {
        if (frame.tag && !frame.tag.open) {
          return this.#refuse(
            value,
            above,
            slot,
            `cycle through ${frame.tag.name}`,
            "a value class is made from finished fields; keep the way back outside it, or send a reference",
          );
        }
        if (frame === place) break;
      }
    }
    this.#count(2);
    this.#checkDepth((above?.inner ?? 0) + 1);
    const pointer = pointerTo(place);
    this.#countText(pointer.length);
    return { [typeKey]: "same", [valueKey]: pointer };
  }

  // Limits are about the text's own tree, so that what can be written can be read.

  #count(nodes: number): void {
    const { limits } = this.#context;
    this.#nodes += nodes;
    if (this.#nodes > limits.nodes) {
      throw new LimitError(this.#subject.root, "nodes", limits.nodes, this.#nodes);
    }
  }

  /** Text is most of what is long: too much of it is noticed before it is put together. */
  #countText(length: number): void {
    const { limits } = this.#context;
    this.#text += length;
    if (this.#text > limits.bytes)
      throw new LimitError(this.#subject.root, "bytes", limits.bytes, this.#text);
  }

  /** A tag's name and content, and the pairs of its entries, beside the values in it. */
  #countTag(above: Frame | undefined, tag: Tag, content: unknown): void {
    this.#count(tag.layout === "value" ? 1 : 2);
    if (tag.layout === "entries") this.#count((content as unknown[]).length);
    if (tag.layout === "scalar") this.#checkDepth((above?.inner ?? 0) + 1);
  }

  #checkDepth(depth: number): void {
    const allowed = Math.min(this.#context.limits.depth, this.#context.dialect.depth);
    if (depth > allowed) throw new LimitError(this.#subject.root, "depth", allowed, depth);
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

  #refuse(value: unknown, above: Frame | undefined, slot: number, kind?: string, advice?: string): null {
    const general = kind === undefined || advice === undefined ? adviceFor(value) : { kind, advice };
    return this.#report({
      path: pathOf(this.#subject.root, above, slot),
      kind: kind ?? general.kind,
      advice: advice ?? general.advice,
    });
  }

  #report(refusal: Refusal): null {
    // The rest are counted: an error is to be read, and a list of rows may hold a hundred thousand alike.
    if (++this.refused <= mostRefusals) this.refusals.push(refusal);
    return null;
  }

  #refuseArray(value: readonly unknown[], above: Frame | undefined, slot: number): null {
    if (Object.getPrototypeOf(value) !== Array.prototype) return this.#refuse(value, above, slot);
    const holes = Object.keys(value).filter((key) => /^\d+$/.test(key)).length < value.length;
    return holes
      ? this.#refuse(value, above, slot, "array with holes", "fill them: Array.from(it)")
      : this.#refuse(
          value,
          above,
          slot,
          "array with properties of its own",
          "send an object that holds both",
        );
  }

  #refuseWritten(error: unknown, tag: Tag, value: object, above: Frame | undefined, slot: number): null {
    if (error instanceof LimitError) throw error;
    if (error instanceof ValueError) {
      const root = pathOf(this.#subject.root, above, slot);
      for (const { path, message } of error.issues) {
        this.#report({
          path: root + path.map(segmentOf).join(""),
          kind: `field of ${tag.name}`,
          advice: message,
        });
      }
      return null;
    }
    if (error instanceof Unportable) return this.#refuse(value, above, slot, tag.name, error.message);
    return this.#refuse(value, above, slot, tag.name, `it cannot be read as one: ${messageOf(error)}`);
  }
}

function omitUndefined(content: Record<string, unknown>): void {
  for (const key of Object.keys(content)) if (content[key] === undefined) delete content[key];
}

function node(tag: Tag, content: unknown): unknown {
  return { [typeKey]: tag.name, [valueKey]: content };
}

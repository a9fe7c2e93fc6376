/**
 * Builds the wire's tree of a value that is not plain, or its graph.
 *
 * @module
 */
import { LimitError, attempt, messageOf } from "../errors.ts";
import { adviceFor } from "./advice.ts";
import { Budget } from "./budget.ts";
import { Buffers } from "./buffers.ts";
import { withoutUndefined } from "./dialect.ts";
import type { Encoded } from "./encode.ts";
import type { EncodeContext, EncodeSubject } from "./encode-context.ts";
import type { Distinct } from "./distinct.ts";
import { Foreign } from "./foreign.ts";
import { GraphWriter } from "./graph-writer.ts";
import { reserve } from "./limits.ts";
import { parseJson } from "./parse-json.ts";
import { pointerOf } from "./path.ts";
import { Place } from "./place.ts";
import { hasProperties, hasSymbols, isData, isPlainArray } from "./plain.ts";
import type { Reference } from "./reference.ts";
import { Refusals } from "./refusals.ts";
import { listWriterOf } from "./registry.ts";
import { node, sizeOf, valueKey, type Tag, type Writing } from "./tag.ts";
import { finish, wait } from "./waiting.ts";
import { bigintTag } from "./tags/bigint.ts";
import { foreignTags } from "./tags/foreign.ts";
import { prototypeHere } from "./tags/index.ts";
import { needsTag, numberTag } from "./tags/number.ts";
import { arrayTag, bareTag, objectTag } from "./tags/object.ts";
import { symbolTag } from "./tags/text.ts";
import { undefinedTag } from "./tags/undefined.ts";

/** This much text of `same` pointers, and a graph is smaller and easier to read. */
const mostPointers = 32_768;

/** How a value is to be written: the encoder finds out on the way what suits it. */
export interface Way {
  /** As a flat table of nodes: much sharing, many cycles or great depth. */
  readonly graph: boolean;
  /** Arrays of instances as tables. */
  readonly tables: boolean;
  /** The memory that several values look at. */
  readonly buffers: ReadonlySet<unknown>;
}

/** Levels of a graph's text, whatever is in it. */
export const graphDepth = 10;

/** See `encode.ts`, which this cannot import. */
type Encode = (value: unknown, context: EncodeContext, subject: EncodeSubject) => Encoded;

/** Thrown when another way suits a value better. */
export class OtherWay extends Error {
  declare readonly way: Way;
  constructor(way: Way) {
    super("another way");
    this.way = way;
  }
}

/** A plain object or array, as opposed to what a tag stands for. */
type Kind = Tag | "plain" | undefined;

/** One encoding of one value. */
export class Encoder {
  readonly types = new Set<string>();
  readonly refusals: Refusals;
  readonly context: EncodeContext;
  readonly budget: Budget;
  readonly writing: Writing;
  /** The first place of every object with identity. */
  readonly places = new Map<object, Place>();
  /** The instances that are in lists of one form, once there is one. */
  inLists: Distinct | undefined;
  readonly #subject: EncodeSubject;
  readonly #way: Way;
  readonly #encode: Encode;
  readonly #graph: GraphWriter | undefined;
  #pointers = 0;

  /** @param encode - for what is written apart */
  constructor(context: EncodeContext, subject: EncodeSubject, way: Way, encode: Encode) {
    this.context = context;
    this.refusals = new Refusals(subject.root);
    this.#subject = subject;
    this.#way = way;
    this.#graph = way.graph ? new GraphWriter() : undefined;
    this.#encode = encode;
    const apart = subject.isApart ? undefined : (value: object) => this.#apart(value);
    this.writing = { limits: context.limits, buffers: new Buffers(way.buffers), apart };
    // In a graph nothing is deeper than what is in a node.
    this.budget = new Budget(context.limits, way.graph ? Infinity : context.dialect.depth, subject.root);
  }

  /** Whether the reader takes a graph, which has some depth whatever is in it. */
  get mayBeGraph(): boolean {
    return this.context.dialect.pointers && this.context.limits.depth >= graphDepth;
  }

  /** The wire's tree of a value; some of it missing where something was refused. */
  encode(value: unknown): unknown {
    this.budget.nodes(this.#way.graph ? 5 : 1);
    const top = { value };
    let place = new Place(undefined, "", top, ["value"]);
    for (;;) {
      if (place.position < place.size) {
        const at = place.position++;
        const key = place.keys ? place.keys[at]! : at;
        place = this.#enter((place.container as never)[key], place, key) ?? place;
      } else {
        this.#leave(place);
        if (!place.parent) break;
        place = place.parent;
      }
    }
    if (this.#graph) this.budget.nodes(this.#graph.shapeNodes);
    this.#checkBuffers();
    return this.#graph ? node("graph", this.#graph.content()) : top.value;
  }

  /** Writes a value in its place, or gives the place to go into. */
  #enter(value: unknown, above: Place, key: string | number): Place | undefined {
    switch (typeof value) {
      case "string":
        this.budget.text(value.length);
        return undefined;
      case "boolean":
        return undefined;
      case "number":
        return needsTag(value) ? this.#scalar(numberTag, value, above, key) : undefined;
      case "bigint":
        return this.#scalar(bigintTag, value, above, key);
      case "undefined":
        return this.#scalar(undefinedTag, value, above, key);
      case "symbol":
        return Symbol.keyFor(value) === undefined
          ? this.#refuse(value, above, key)
          : this.#scalar(symbolTag, value, above, key);
      case "object":
        return value === null ? undefined : this.#guarded(value, above, key);
      default:
        return this.#refuse(value, above, key);
    }
  }

  #leave(place: Place): void {
    if (place.cell) place.cell[0] = this.#graph!.addPlace(place);
    if (!finish(place, place.parent) && place.inClass === place) {
      this.#refuseCycle(place.container, place.parent!, place.key, place);
    }
  }

  /** Puts what stands for a value where it was. */
  #put(above: Place, key: string | number, written: unknown): undefined {
    (above.container as Record<string | number, unknown>)[key] = written;
  }

  #refuse(value: unknown, above: Place, key: string | number, kind?: string, advice?: string): undefined {
    return this.#put(above, key, this.refusals.add(value, above, key, kind, advice));
  }

  #refuseCycle(value: object, above: Place, key: string | number, through: Place | undefined): undefined {
    const advice = through
      ? "a value class is made from finished fields; keep the way back outside it, or send a reference"
      : "send a tree; the other side cannot read cycles";
    return this.#refuse(value, above, key, through ? `cycle through ${through.tag!.name}` : "cycle", advice);
  }

  #scalar(tag: Tag, value: unknown, above: Place, key: string | number): undefined {
    const content = tag.write(value, this.writing);
    const advice = this.context.dialect.refusal(tag.name, content);
    if (advice !== undefined) return this.#refuse(value, above, key, tag.name, advice);
    this.#countScalar(above, content);
    return this.#put(above, key, node(tag.name, content));
  }

  #countScalar(above: Place, content: unknown): void {
    // In a graph, a cell is at the same level whatever it is in.
    const level = this.#graph ? 5 : above.level + 1;
    this.budget.nodes(2);
    this.budget.depth(level);
    this.budget.json(content, level + 1);
  }

  /** Reading an object may run code of the user's, which may throw. */
  #guarded(value: object, above: Place, key: string | number): Place | undefined {
    try {
      return this.#object(value, above, key);
    } catch (error) {
      if (error instanceof LimitError || error instanceof OtherWay) throw error;
      const advice = `reading it throws: ${messageOf(error)}`;
      return this.#refuse(value, above, key, attempt(() => adviceFor(value).kind) ?? "object", advice);
    }
  }

  #object(value: object, above: Place, key: string | number): Place | undefined {
    if (above.open) return new Place(above, key, value, above.open.columns, above.open.tag);
    if (above.ownArrays) return this.#go(new Place(above, key, value, undefined));
    // A row of a table has no place that could be pointed at.
    if (this.inLists?.has(value)) throw new OtherWay({ ...this.#way, tables: false });
    const place = this.places.get(value);
    if (place && (this.context.dialect.pointers || !place.isDone))
      return this.#same(place, value, above, key);
    const kind = this.#kindOf(value);
    if (kind === undefined || this.#isRow(value, kind)) return this.#row(value, above, key);
    if (kind !== "plain") {
      const isReference = this.context.registry.rows?.isReference(value);
      return this.#tagged(kind, isReference ? this.refer(value as Reference) : value, above, key);
    }
    if (Array.isArray(value)) {
      const { graph, tables } = this.#way;
      const list =
        graph || !tables ? undefined : listWriterOf(value, this.context.registry)?.(value, above, key, this);
      if (list) {
        this.#put(above, key, list.container);
        return list.rows;
      }
      return this.#container(value, above, key, value.slice(), undefined);
    }
    const content = this.context.dialect.omitsUndefined ? withoutUndefined(value) : { ...value };
    return this.#container(value, above, key, content, Object.keys(content));
  }

  #isRow(value: object, kind: Kind): boolean {
    const isRow = this.context.registry.rows?.isRow;
    if (!isRow || Array.isArray(value)) return false;
    return (kind === "plain" || kind === bareTag || kind === objectTag) && isRow(value);
  }

  /** What a value is written as; undefined when it cannot travel. */
  #kindOf(value: object): Kind {
    const own = Object.getPrototypeOf(value) as object | null;
    if (own === null) return isData(value) ? bareTag : undefined;
    const { byPrototype } = this.context.registry;
    const tag = byPrototype.get(own);
    if (tag) return tag;
    const isHere = own === Object.prototype || own === Array.prototype;
    const prototype = isHere ? own : (prototypeHere(own) ?? own);
    if (Array.isArray(value)) {
      if (prototype !== Array.prototype) return undefined;
      return isPlainArray(value) ? "plain" : arrayTag;
    }
    if (prototype !== Object.prototype) return byPrototype.get(prototype);
    if (!isData(value)) return undefined;
    const isOdd = hasSymbols(value) || Object.hasOwn(value, "__proto__");
    return isOdd || this.context.dialect.looksLikeTag(value) ? objectTag : "plain";
  }

  #container(
    value: object,
    above: Place,
    key: string | number,
    content: object,
    keys: readonly string[] | undefined,
  ): Place {
    const place = new Place(above, key, content, keys);
    this.places.set(value, place);
    this.#place(place);
    return this.#go(place);
  }

  /** Puts a place's container, or its cell, where its value was. */
  #place(place: Place): void {
    if (this.#way.graph) {
      // The node, its shape's number, and what is in its cell.
      this.budget.nodes(3);
      place.cell = [-1];
    }
    this.#put(place.parent!, place.key, place.cell ?? place.container);
  }

  #go(place: Place): Place {
    this.budget.nodes(place.size);
    if (this.#graph && place.parent!.isReadAgain) this.budget.nodesAgain(place.size * 2);
    if (!this.#way.graph) this.budget.depth(place.level);
    return place;
  }

  #tagged(given: Tag, value: object, above: Place, key: string | number): Place | undefined {
    let tag = given;
    if (value instanceof Foreign) tag = foreignTags.get(value.tag)!;
    const { buffers } = this.writing;
    if (tag.shared && buffers.shared.has((value as ArrayBufferView).buffer)) tag = tag.shared;
    // Of bytes, expressions and the like, a property may hide what their class tells, seen or unseen.
    const hides = (name: string): boolean => name in (Object.getPrototypeOf(value) as object);
    if (
      tag.keepsProperties
        ? !tag.keepsSymbols && hasSymbols(value)
        : hasProperties(value) || (tag.identity && !tag.open && Object.getOwnPropertyNames(value).some(hides))
    ) {
      const kind = `${tag.name} with properties of its own`;
      return this.#refuse(value, above, key, kind, "send the properties beside it, in an object");
    }
    const unknownModel = this.context.registry.rows?.unknownModel(value);
    if (unknownModel !== undefined) {
      const advice = "no model has that name here; add it to `models`";
      return this.#refuse(value, above, key, `${tag.name} of ${unknownModel}`, advice);
    }
    buffers.at = [above, key, value];
    const { dialect } = this.context;
    let content: unknown;
    try {
      content = dialect.content(tag.name, tag.write(value, this.writing));
    } catch (error) {
      return this.#put(above, key, this.refusals.written(error, tag, value, above, key));
    }
    const advice = dialect.refusal(tag.name, content);
    if (advice !== undefined) return this.#refuse(value, above, key, tag.name, advice);
    if (tag.isClass) this.types.add(tag.name);
    return this.#tag(tag, value, content, above, key);
  }

  #tag(tag: Tag, value: object, content: unknown, above: Place, key: string | number): Place | undefined {
    const { layout, name, identity } = tag;
    if (layout === "scalar") this.#countScalar(above, content);
    else this.budget.nodes(2);
    const written = node(name, content);
    if (layout === "scalar" && !identity) return this.#put(above, key, written);
    const place = new Place(above, key, written, layout === "value" ? [valueKey] : [], tag);
    if (identity) this.places.set(value, place);
    this.#place(place);
    if (layout === "scalar") return place;
    if (!this.#way.graph) this.budget.depth(place.level);
    if (layout === "value") return place;
    const keys = layout === "fields" ? Object.keys(content as object) : undefined;
    const inside = new Place(place, valueKey, content as object, keys);
    inside.ownArrays = layout === "entries";
    return this.#go(inside);
  }

  /** A second place of one object: where the first is. */
  #same(place: Place, value: object, above: Place, key: string | number): undefined {
    const { pointers } = this.context.dialect;
    if (!place.isDone) {
      // A cycle. Every container on it must exist before its insides do, which a class's instance cannot.
      const { inClass } = above;
      if (!pointers) return this.#refuseCycle(value, above, key, undefined);
      if (inClass && (place.inClass === place || inClass !== place.inClass))
        return this.#refuseCycle(value, above, key, inClass);
    }
    wait(above, place);
    if (above.isReadAgain) this.budget.nodesAgain(sizeOf(place.container, place.tag?.layout));
    if (this.#way.graph) {
      this.budget.nodes(1);
      return this.#put(above, key, place.cell);
    }
    const pointer = pointerOf(place.steps());
    this.#pointers += pointer.length;
    if (this.#pointers > mostPointers && this.mayBeGraph) throw new OtherWay({ ...this.#way, graph: true });
    this.#countScalar(above, pointer);
    return this.#put(above, key, node("same", pointer));
  }

  /** What is sent for a reference. */
  refer(reference: Reference, row?: object): Reference {
    return this.#subject.refer?.(reference, row) ?? reference;
  }

  /** The tree of what is a text within the text. It counts as part of the whole, also in what it costs to read. */
  #apart(value: object): unknown {
    const { limits } = this.context;
    // What is deeper is a graph, so that the levels around it always have room.
    const depth = Math.max(Math.floor(limits.depth / 2), Math.min(limits.depth, graphDepth));
    const context = { ...this.context, limits: { ...limits, depth } };
    const { text, types, more } = this.#encode(value, context, {
      ...this.#subject,
      refer: undefined,
      isApart: true,
    });
    for (const type of types) this.types.add(type);
    if (more) {
      this.budget.nodesAgain(more.nodes);
      reserve(this.writing.buffers, more.reserved, limits);
    }
    return parseJson(text);
  }

  /** A row that knows its model travels as a reference; what is no row is refused. */
  #row(value: object, above: Place, key: string | number): Place | undefined {
    const found = this.context.registry.rows?.referenceTo(value);
    if (!found) return this.#refuse(value, above, key);
    if (Array.isArray(found)) return this.#refuse(value, above, key, ...(found as [string, string]));
    const reference = found as Reference;
    return this.#tagged(this.#kindOf(reference) as Tag, this.refer(reference, value), above, key);
  }

  /** What is known of memory only once all views are. */
  #checkBuffers(): void {
    const { buffers } = this.writing;
    // Where there are no pointers, each carries its own.
    if (!this.context.dialect.pointers) return;
    const once = buffers.once();
    if (once.size > buffers.shared.size) throw new OtherWay({ ...this.#way, buffers: once });
    for (const [above, key, value] of buffers.overlaps() as [Place, string | number, object][]) {
      const advice =
        "it shares part of its memory with another: send copies, value.slice(), or the whole beside them";
      this.refusals.add(value, above, key, adviceFor(value).kind, advice);
    }
  }
}

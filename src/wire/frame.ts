/**
 * Walking a tree without recursion, so that depth costs memory and never the stack. Encoder and decoder
 * both walk content whose values they replace in place, one by one, parents before children.
 *
 * @module
 */
import { valueKey, type Layout, type Tag } from "./tag.ts";

type Entries = [unknown, unknown][];
type Node = { [valueKey]: unknown };

/** One container on the way from the root to where the walk is. */
export class Frame {
  /** Where it sits; undefined at the root. Set by {@link walk}. */
  parent: Frame | undefined = undefined;
  slot = 0;
  /** Which of its values comes next. */
  position = 0;
  /** How many frames it is in. */
  readonly level: number;
  /** The deepest level of nesting, in the text, of what holds its values. */
  readonly inner: number;
  readonly layout: Layout;
  /** Holds its values, by `layout`; the tag itself for `value`, whose one value is the whole content. */
  readonly content: unknown;
  /** The tag whose content this is; undefined for a plain array or object. */
  readonly tag: Tag | undefined;
  /** What it becomes: the wire's node, or the value that a decoder opened. */
  readonly product: unknown;
  readonly #keys: readonly string[];
  readonly size: number;

  constructor(
    above: Frame | undefined,
    layout: Layout,
    content: unknown,
    tag: Tag | undefined,
    product: unknown,
  ) {
    this.level = above ? above.level + 1 : 0;
    // A tag is one level, its content another, and a pair of its entries a third.
    const levels = tag && layout !== "value" ? (layout === "entries" ? 3 : 2) : 1;
    this.inner = (above?.inner ?? 0) + levels;
    this.layout = layout;
    this.content = content;
    this.tag = tag;
    this.product = product;
    this.#keys = layout === "fields" ? Object.keys(content as object) : [];
    this.size =
      layout === "fields"
        ? this.#keys.length
        : layout === "value"
          ? 1
          : layout === "entries"
            ? (content as Entries).length * 2
            : (content as unknown[]).length;
  }

  get(slot: number): unknown {
    switch (this.layout) {
      case "fields":
        return (this.content as Record<string, unknown>)[this.#keys[slot]!];
      case "entries":
        return (this.content as Entries)[slot >> 1]![slot & 1];
      case "value":
        return (this.content as Node)[valueKey];
      default:
        return (this.content as unknown[])[slot];
    }
  }

  put(slot: number, value: unknown): void {
    switch (this.layout) {
      case "fields":
        (this.content as Record<string, unknown>)[this.#keys[slot]!] = value;
        break;
      case "entries":
        (this.content as Entries)[slot >> 1]![slot & 1] = value;
        break;
      case "value":
        (this.content as Node)[valueKey] = value;
        break;
      default:
        (this.content as unknown[])[slot] = value;
    }
  }

  /** How the value in a slot is written in JavaScript, after the way to this container. */
  segment(slot: number): string {
    switch (this.layout) {
      case "fields":
        // An error's own properties are one level deeper in its content than in the error.
        if (this.tag?.name === "error" && this.#keys[slot] === "properties") return "";
        return property(this.#keys[slot]!);
      case "entries": {
        const key = (this.content as Entries)[slot >> 1]![0];
        if (this.tag?.name === "object" && typeof key === "string") return property(key);
        if (slot % 2 === 0) return `.keys()[${slot >> 1}]`;
        const simple = typeof key === "string" || typeof key === "number" || typeof key === "boolean";
        return simple ? `.get(${JSON.stringify(key)})` : `.values()[${slot >> 1}]`;
      }
      case "value":
        return "";
      default:
        return this.tag ? `.values()[${slot}]` : `[${slot}]`;
    }
  }

  /** The RFC 6901 reference tokens of a slot, in the wire's own tree. */
  pointer(slot: number): string {
    const inside = this.tag ? "/__value__" : "";
    switch (this.layout) {
      case "fields":
        return `${inside}/${this.#keys[slot]!.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      case "entries":
        return `${inside}/${slot >> 1}/${slot & 1}`;
      case "value":
        return inside;
      default:
        return `${inside}/${slot}`;
    }
  }
}

/** One step of a path: `.name`, `["odd name"]`, `[3]`. */
export function segmentOf(key: string | number): string {
  return typeof key === "number" ? `[${key}]` : property(key);
}

function property(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** The way to a slot of a frame, as a person writes it: `payload.items[3].price`. */
export function pathOf(root: string, frame: Frame | undefined, slot?: number): string {
  const segments: string[] = [];
  let at = slot;
  for (let above = frame; above; above = above.parent) {
    if (at !== undefined) segments.push(above.segment(at));
    at = above.slot;
  }
  return root + segments.toReversed().join("");
}

/** The RFC 6901 pointer to a frame's own node, in the wire's tree. */
export function pointerTo(frame: Frame): string {
  const segments: string[] = [];
  for (let at: Frame = frame; at.parent; at = at.parent) segments.push(at.parent.pointer(at.slot));
  return segments.toReversed().join("");
}

/** What a walk does with what it meets. */
export interface Visitor {
  /** For a value in a slot (the root has no frame): what to put there, or a new frame to walk and put there. */
  enter(value: unknown, frame: Frame | undefined, slot: number): unknown;
  /** For a frame whose values are all done: what to put where it sits. */
  leave(frame: Frame): unknown;
}

/** Walks depth first, in order, and returns what the root became. */
export function walk(root: unknown, visitor: Visitor): unknown {
  const first = visitor.enter(root, undefined, 0);
  if (!(first instanceof Frame)) return first;
  let frame = first;
  for (;;) {
    const slot = frame.position;
    if (slot < frame.size) {
      frame.position++;
      const entered = visitor.enter(frame.get(slot), frame, slot);
      if (entered instanceof Frame) {
        entered.parent = frame;
        entered.slot = slot;
        frame = entered;
      } else {
        frame.put(slot, entered);
      }
    } else {
      const done = visitor.leave(frame);
      if (!frame.parent) return done;
      frame.parent.put(frame.slot, done);
      frame = frame.parent;
    }
  }
}

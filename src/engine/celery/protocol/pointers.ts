/**
 * The wire's `same` tags: a second place of one object is a pointer (RFC 6901) from the root of the text. In a body it
 * begins at the body, in a payload at the payload.
 *
 * @module
 */
import { edited } from "./edits.ts";
import type { Edit } from "./edits.ts";
import { nameOf } from "./pieces.ts";
import { scanText } from "./scanner.ts";

/** An object or array whose end is not read yet. */
interface Frame {
  readonly isObject: boolean;
  readonly start: number;
  names: Set<string>;
  name: string;
  type?: string;
  value?: { readonly start: number; readonly end: number };
  /** The value of `was`, of this object. */
  was?: { readonly start: number; readonly end: number };
  /** The same, of the object that is its `__value__`. */
  wasOfValue?: { readonly start: number; readonly end: number };
}

/**
 * The text with its pointers moved.
 *
 * What a reference says of a row as it was (`was`) is a text of its own, whose pointers begin there: they stay.
 *
 * @param move the new pointer for one; called in the order of the text with where it stands
 * @param what for errors
 */
export function movePointers(
  text: string,
  what: string,
  move: (pointer: string, at: number) => string,
): string {
  // In most texts there is none. A name may have been written with escapes, by others.
  if (!text.includes('same"') && !text.includes("\\u")) return text;
  const pointers = pointersIn(text, what);
  return edited(
    text,
    pointers.map(({ start, end, text: pointer }) => ({
      start,
      end,
      text: JSON.stringify(move(pointer, start)),
    })),
  );
}

function pointersIn(text: string, what: string): readonly Edit[] {
  let found: Edit[] = [];
  const frames: Frame[] = [];
  const ended = (start: number, end: number, inner?: Frame): void => {
    const frame = frames.at(-1);
    if (!frame?.isObject) return;
    if (frame.name === "__type__") {
      if (text[start] === '"') frame.type = nameOf(text.slice(start, end));
      else delete frame.type;
    } else if (frame.name === "__value__") {
      frame.value = { start, end };
      if (inner?.was) frame.wasOfValue = inner.was;
      else delete frame.wasOfValue;
    } else if (frame.name === "was") frame.was = { start, end };
  };
  scanText(text, what, {
    open(start, isObject) {
      frames.push({ isObject, start, names: new Set(), name: "" });
    },
    key(start, end) {
      const frame = frames.at(-1)!;
      frame.name = nameOf(text.slice(start, end));
      if (frame.names.size < 3) frame.names.add(frame.name);
    },
    string: ended,
    number(start, end) {
      ended(start, end);
    },
    special: ended,
    literal: ended,
    close(end) {
      const frame = frames.pop()!;
      const { value, type, names, wasOfValue } = frame;
      if (names.size === 2 && value && type === "same" && text[value.start] === '"')
        found.push({ ...value, text: nameOf(text.slice(value.start, value.end)) });
      if (names.size === 2 && type === "ref" && wasOfValue)
        found = found.filter(({ start }) => start < wasOfValue.start || start >= wasOfValue.end);
      ended(frame.start, end, frame);
    },
  });
  return found;
}

/** The parts of a pointer; undefined for what is none. */
export function partsOf(pointer: string): readonly string[] | undefined {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) return undefined;
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A name as a part of a pointer. */
export function pointerPart(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

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

interface Range {
  readonly start: number;
  readonly end: number;
}

/** An object or array whose end is not read yet. */
interface Frame {
  readonly isObject: boolean;
  readonly start: number;
  /** Up to three of its names: as many as tell a tag from another object. */
  readonly names: Set<string>;
  name: string;
  type?: string | undefined;
  value?: Range;
  /** The value of its `was`. */
  was?: Range;
  /** The same, of the object that is its `__value__`. */
  wasOfValue?: Range | undefined;
}

/**
 * The text with its pointers moved.
 *
 * What a reference says of a row as it was (`was`) is a text of its own, whose pointers begin there: they stay, as does
 * what is no pointer.
 *
 * @param move the new pointer for one
 * @param what for errors
 */
export function movePointers(text: string, what: string, move: (pointer: string) => string): string {
  // In most texts there is none. A name may have been written with escapes, by others.
  if (!text.includes('same"') && !text.includes("\\u")) return text;
  const edits: Edit[] = [];
  for (const { start, end } of pointersIn(text, what)) {
    const pointer = nameOf(text.slice(start, end));
    if (pointer === "" || pointer.startsWith("/"))
      edits.push({ start, end, text: JSON.stringify(move(pointer)) });
  }
  return edited(text, edits);
}

/** Where the contents of a text's `same` tags stand, in the order of the text. */
function pointersIn(text: string, what: string): readonly Range[] {
  const found: Range[] = [];
  const apart: Range[] = [];
  const frames: Frame[] = [];
  const valueEnds = (start: number, end: number, inner?: Frame): void => {
    const frame = frames.at(-1);
    if (!frame?.isObject) return;
    const { name } = frame;
    if (name === "__type__") frame.type = text[start] === '"' ? nameOf(text.slice(start, end)) : undefined;
    else if (name === "__value__") {
      frame.value = { start, end };
      frame.wasOfValue = inner?.was;
    } else if (name === "was") frame.was = { start, end };
  };
  const scalarEnds = (start: number, end: number): void => valueEnds(start, end);
  scanText(text, what, {
    open(start, isObject) {
      frames.push({ isObject, start, names: new Set(), name: "" });
    },
    key(start, end) {
      const frame = frames.at(-1)!;
      frame.name = nameOf(text.slice(start, end));
      if (frame.names.size < 3) frame.names.add(frame.name);
    },
    string: scalarEnds,
    number: scalarEnds,
    special: scalarEnds,
    literal: scalarEnds,
    close(end) {
      const frame = frames.pop()!;
      const { value, type, names, wasOfValue } = frame;
      if (names.size === 2 && value) {
        if (type === "same" && text[value.start] === '"') found.push(value);
        else if (type === "ref" && wasOfValue) apart.push(wasOfValue);
      }
      valueEnds(frame.start, end, frame);
    },
  });
  return outside(found, apart);
}

/** Those that are in none of these, which may be in each other; all in order. */
function outside(found: readonly Range[], apart: readonly Range[]): readonly Range[] {
  const inOrder = (one: Range, other: Range): number => one.start - other.start;
  const sorted = found.toSorted(inOrder);
  const ranges = apart.toSorted(inOrder);
  let next = 0;
  let until = -1;
  return sorted.filter(({ start }) => {
    while (next < ranges.length && ranges[next]!.start <= start) until = Math.max(until, ranges[next++]!.end);
    return start >= until;
  });
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

/** The numbers that JSON has no form for. @module */
import { describe } from "../../errors.ts";
import { Malformed, type Tag } from "../tag.ts";

const texts = new Map<unknown, number>([NaN, Infinity, -Infinity, -0].map((value) => [textOf(value), value]));

/** Whether `JSON.stringify` would change this number. */
export function needsTag(value: number): boolean {
  // Faster than Number.isFinite and Object.is, as measured: NaN and the infinities differ from themselves less themselves.
  return value - value !== 0 || (value === 0 && 1 / value < 0);
}

function textOf(value: number): string {
  return value === 0 ? "-0" : String(value);
}

export const numberTag: Tag<number> = {
  name: "number",
  layout: "scalar",
  identity: false,
  write: textOf,
  read(content) {
    const value = texts.get(content);
    if (value === undefined) throw new Malformed(`one of ${[...texts.keys()].join(", ")}`, describe(content));
    return value;
  },
};

/** The wire's text as a part of Python's JSON. @module */
import { PetioleError } from "../../../errors.ts";
import { malformed } from "./malformed.ts";
import { fromWireNumbers } from "./numbers.ts";
import { movePointers } from "./pointers.ts";
import { scanText } from "./scanner.ts";
import type { Visitor } from "./scanner.ts";

/**
 * The wire's text as Python's JSON, its pointers beginning at `root` of what it will be part of.
 *
 * @returns undefined for what is no JSON, or what UTF-8 cannot hold
 */
export function wireJson(text: string, root: string): string | undefined {
  if (!text.isWellFormed()) return undefined;
  try {
    scanText(text, "text", noSpecial);
  } catch (error) {
    if (error instanceof PetioleError) return undefined;
    throw error;
  }
  const moved = root === "" ? text : movePointers(text, "text", (pointer) => root + pointer);
  return fromWireNumbers(moved, "text");
}

/** Python's numbers beside JSON's are none of the wire's. */
export const noSpecial: Visitor = {
  special(start) {
    throw malformed("payload", `JSON at its character ${start}`, "NaN or Infinity");
  },
};

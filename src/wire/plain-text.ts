/**
 * The way most texts take: whether what `JSON.parse` gives is the value already, within the limits, as can be
 * told from the text alone.
 *
 * @module
 */
import type { Limits } from "./limits.ts";

/** Whether a text has no tag in it, no key `__proto__`, and cannot be over a limit. False when in doubt. */
export function isPlainText(text: string, limits: Limits): boolean {
  // Each value takes two characters at least: itself, and what parts it from the next.
  if (text.length / 2 > limits.nodes) return false;
  // The two begin alike, and most texts have neither.
  if (text.includes("__") && (text.includes("__type__") || text.includes("__proto__"))) return false;
  // The letters of a key may be written as escapes; `JSON.stringify` escapes only what comes before them.
  if (text.includes("\\u00") && /\\u00[4-7]/.test(text)) return false;
  return text.length / 2 <= limits.depth || opens(text, limits.depth) <= limits.depth;
}

/** How many arrays and objects open, strings that look so counted too; it stops counting beyond `enough`. */
function opens(text: string, enough: number): number {
  let count = 0;
  for (const opener of ["{", "["]) {
    for (let at = text.indexOf(opener); at >= 0 && count <= enough; at = text.indexOf(opener, at + 1))
      count++;
  }
  return count;
}

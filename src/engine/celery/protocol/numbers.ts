/**
 * Numbers between Python's JSON and the wire's text. Everything else stays byte for byte.
 *
 * Python has integers of any size and writes `NaN` and `Infinity`; in the wire's text a number is a double. So that none
 * is changed on its way:
 *
 * | Python's JSON | wire |
 * |---|---|
 * | `NaN`, `Infinity`, `-Infinity`, and what is too large for a double, `1e400`, which is infinite in Python too | the tag `number` |
 * | an integer that a double may not hold, beyond 2^53 | the tag `bigint` |
 * | `9007199254740994.0`, a float | `9007199254740994`, as JavaScript writes that double |
 *
 * @module
 */
import type { Edit } from "./edits.ts";
import { edited } from "./edits.ts";
import { scanText } from "./scanner.ts";

/** What may be a number that differs; in most texts there is none, so that they need not be read. */
const suspectOfPython = /NaN|Infinity|\d{16}|[eE]\+?\d{3}/;
const suspectOfWire = /\d{16}/;

/** The wire's text for Python's JSON. */
export function toWireNumbers(text: string, what: string): string {
  if (!suspectOfPython.test(text)) return text;
  const edits: Edit[] = [];
  scanText(text, what, {
    special(start, end) {
      edits.push({ start, end, text: tag("number", text.slice(start, end)) });
    },
    number(start, end, isInteger) {
      if (end - start < 5) return;
      const digits = text.slice(start, end);
      if (isInteger) {
        if (digits.length > 15 && !Number.isSafeInteger(Number(digits)))
          edits.push({ start, end, text: tag("bigint", digits) });
        return;
      }
      const value = Number(digits);
      if (!Number.isFinite(value)) edits.push({ start, end, text: tag("number", String(value)) });
      else if (
        digits.endsWith(".0") &&
        !Number.isSafeInteger(value) &&
        JSON.stringify(value) === digits.slice(0, -2)
      )
        edits.push({ start, end, text: digits.slice(0, -2) });
    },
  });
  return edited(text, edits);
}

/** Python's JSON for the wire's text, whose numbers are doubles: what Python would take for an integer is a float there. */
export function fromWireNumbers(text: string, what: string): string {
  if (!suspectOfWire.test(text)) return text;
  const edits: Edit[] = [];
  scanText(text, what, {
    number(start, end, isInteger) {
      if (!isInteger || end - start < 16) return;
      if (!Number.isSafeInteger(Number(text.slice(start, end)))) edits.push({ start: end, end, text: ".0" });
    },
  });
  return edited(text, edits);
}

function tag(type: string, value: string): string {
  return `{"__type__":"${type}","__value__":"${value}"}`;
}

/** Dates in a column that says that its cells are: milliseconds, `"NaN"` for an invalid one. @module */
import { describe } from "../errors.ts";
import { hasProperties } from "./plain.ts";
import { Malformed } from "./tag.ts";

/** Whether a value is a Date, and nothing beside. */
export function isPlainDate(value: unknown): value is Date {
  // Not by `isOf`: here engines know the prototype, and do not ask.
  return (
    typeof value === "object" &&
    value !== null &&
    Object.getPrototypeOf(value) === Date.prototype &&
    !hasProperties(value)
  );
}

/** The cell for a Date. Throws for what only looks like one. */
export function cellOfDate(date: Date): number | "NaN" {
  const time = Date.prototype.getTime.call(date);
  return Number.isNaN(time) ? "NaN" : time;
}

/** The Date of a cell. @throws Malformed */
export function dateOfCell(cell: unknown): Date {
  // Faster than Number.isInteger.
  if (typeof cell === "number" && Math.floor(cell) === cell && Math.abs(cell) <= 8.64e15)
    return new Date(cell);
  if (cell === "NaN") return new Date(NaN);
  throw new Malformed("milliseconds", describe(cell));
}

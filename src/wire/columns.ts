/** What the columns of tables and of snapshots have in common. @module */
import { dateOfCell } from "./date-cell.ts";
import type { Reading } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";

/** A column's name and what its cells are, `""` where it does not say; to be checked. */
export function columnOf(column: unknown): readonly [name: unknown, kind: unknown] {
  const says = Array.isArray(column) && column.length === 2 && column[1] !== "";
  return says ? (column as [unknown, unknown]) : [column, ""];
}

/** The value of a cell whose column says what it is. */
export function readCell(cell: unknown, kind: "datetime" | "bigint", reading: Reading): unknown {
  return kind === "bigint" ? bigintTag.read(cell, reading, undefined) : dateOfCell(cell);
}

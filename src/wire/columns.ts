/** What the columns of tables and of snapshots have in common. @module */

/** A column's name and what its cells are, `""` where it does not say; to be checked. */
export function columnOf(column: unknown): readonly [name: unknown, kind: unknown] {
  const says = Array.isArray(column) && column.length === 2 && column[1] !== "";
  return says ? (column as [unknown, unknown]) : [column, ""];
}

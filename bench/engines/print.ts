/** What was measured, as lines. @module */
import { type Row, isMet } from "../row.ts";

const head = ["", "ours", "peer", "ratio", "asked"];

/** The rows of one case. */
export function block(title: string, rows: readonly Row[], notes: readonly string[]): string {
  const lines = [head, ...rows.map(cells)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const table = lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
  return [title, ...table, ...notes, ""].join("\n");
}

function cells(row: Row): string[] {
  const { metric, ours, theirs, ratio, bar, lowerIsBetter } = row;
  const asked = bar === null ? "" : `${lowerIsBetter ? "≤" : "≥"} ${bar}${isMet(row) ? "" : "  MISSED"}`;
  return [metric, figure(ours, row.unit), figure(theirs, row.unit), ratio.toFixed(2), asked];
}

function figure(value: number, unit: Row["unit"]): string {
  if (unit === "bytes") return `${(value / 2 ** 20).toFixed(1)} MiB`;
  return `${unit === "ms" ? value.toFixed(2) : Math.round(value).toLocaleString("en")} ${unit}`;
}

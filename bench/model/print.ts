/** What was measured, as lines. @module */
import { type Row, isMet } from "../row.ts";
import type { Loading } from "./load.ts";

const head = ["", "load", "decode and load", "queries", "load µs", "by hand µs"];

export function loadingTable(loadings: readonly Loading[]): string {
  const lines = [head, ...loadings.map(cells)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join("  "),
    )
    .join("\n");
}

function cells({ rows, queries, firstQueries }: Loading): string[] {
  const [load, run] = rows as [Row, Row, Row];
  return [
    `${load.case}: ${load.peer}`,
    load.ratio.toFixed(2),
    run.ratio.toFixed(2),
    firstQueries === queries ? String(queries) : `${queries} (${firstQueries} at first)`,
    load.ours.toFixed(0),
    load.theirs.toFixed(0),
  ];
}

export function verdict(row: Row): string {
  const { metric, ratio, bar, lowerIsBetter } = row;
  const wanted = `${lowerIsBetter ? "≤" : "≥"} ${bar!.toFixed(2)}`;
  return `${row.case}: ${metric} ${ratio.toFixed(2)} is${isMet(row) ? "" : " NOT"} ${wanted}`;
}

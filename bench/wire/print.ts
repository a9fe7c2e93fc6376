/** A case as a block of lines. @module */
import { isMet } from "../row.ts";
import { cases, type CaseName } from "./cases.ts";
import type { Comparison, Score } from "./compare.ts";

const head = ["", "encode", "decode", "bytes", "encode µs", "decode µs", "bytes"];

/** Ratios to JSON on the left, absolute figures on the right, what is asked of ours below. */
export function block(name: CaseName, { json, ours, others, rows }: Comparison): string {
  const lines = [head, ...[json, ours, ...others].map(cells)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const table = lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  "),
  );
  const asked = rows
    .filter(({ bar }) => bar !== null)
    .map((row) => {
      const { metric, ratio, bar, lowerIsBetter } = row;
      const than = `${lowerIsBetter ? "≤" : "≥"} ${bar!.toFixed(2)}`;
      return `${metric} ${ratio.toFixed(2)} ${isMet(row) ? "is" : "is NOT"} ${than}`;
    });
  const notes = others.flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`]));
  return [`${name}: ${cases[name].title}`, ...table, `asked: ${asked.join(", ")}`, ...notes, ""].join("\n");
}

function cells({ name, encode, decode, bytes }: Score): string[] {
  return [
    name,
    encode.ratio.toFixed(3),
    decode.ratio.toFixed(3),
    bytes.ratio.toFixed(2),
    encode.micros.toFixed(2),
    decode.micros.toFixed(2),
    String(bytes.count),
  ];
}

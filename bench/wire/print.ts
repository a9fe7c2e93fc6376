/** A case as a block of lines. @module */
import { isMet, type Row } from "../row.ts";
import { cases, type CaseName } from "./cases.ts";
import type { Comparison, Score } from "./compare.ts";
import type { Lineup } from "./lineup.ts";

const head = ["", "encode", "decode", "bytes", "encode µs", "decode µs", "bytes"];

/** Ratios to JSON on the left, absolute figures on the right, below them what is asked of ours. */
export function block(name: CaseName, comparison: Comparison, absent: Lineup["absent"]): string {
  const { json, ours, others, rows } = comparison;
  const lines = [
    head,
    ...[json, ours, ...others].map((score) => cells(score, json)),
    ...absent.map((peer) => [peer.name, ...head.slice(1).map(() => "–")]),
  ];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const table = lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  "),
  );
  const asked = rows.filter(({ bar }) => bar !== null).map(verdict);
  const notes = [
    ...others.flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`])),
    ...absent.map((peer) => `${peer.name}: – (${peer.reason})`),
  ];
  return [`${name}: ${cases[name].title}`, ...table, `asked of ours: ${asked.join(", ")}`, ...notes, ""].join(
    "\n",
  );
}

function cells({ name, encode, decode, bytes }: Score, json: Score): string[] {
  return [
    name,
    encode.speed.toFixed(3),
    decode.speed.toFixed(3),
    (bytes / json.bytes).toFixed(2),
    encode.micros.toFixed(2),
    decode.micros.toFixed(2),
    String(bytes),
  ];
}

function verdict(row: Row): string {
  const { metric, ratio, bar, lowerIsBetter } = row;
  const wanted = `${lowerIsBetter ? "≤" : "≥"} ${bar!.toFixed(2)}`;
  return `${metric} ${ratio.toFixed(2)} is${isMet(row) ? "" : " NOT"} ${wanted}`;
}

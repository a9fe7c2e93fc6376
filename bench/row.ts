/** What a benchmark writes with `--json`. @module */
import { writeFileSync } from "node:fs";

/** One figure of ours, and of one peer, from one run. */
export interface Row {
  readonly case: string;
  readonly metric: string;
  /** Our figure, in `unit`. */
  readonly ours: number;
  /** Whom it is compared with, and the version. */
  readonly peer: string;
  /** The peer's figure. */
  readonly theirs: number;
  readonly unit: "µs" | "ms" | "tasks/s" | "claims/s" | "bytes" | "queries";
  /** Of speeds, ours to theirs: higher is better. With `lowerIsBetter`, of the figures. */
  readonly ratio: number;
  /** The ratio asked for; null where there is none. */
  readonly bar: number | null;
  readonly lowerIsBetter: boolean;
}

/** Whether a row is as good as asked, where something is asked. */
export function isMet({ ratio, bar, lowerIsBetter }: Row): boolean {
  // What is printed has two digits, and that is what is judged.
  return bar === null || (lowerIsBetter ? rounded(ratio) <= bar : rounded(ratio) >= bar);
}

function rounded(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}

export function writeRows(path: string, rows: readonly Row[]): void {
  writeFileSync(path, `${JSON.stringify({ node: process.versions.node, rows }, null, 2)}\n`);
}

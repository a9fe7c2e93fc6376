/** What the run prints. @module */
import type { Outcome } from "./fault.ts";

/** One line: `sqlite: sent 10000, done 10000, lost 0, repeated 37 (killed 40, …) in 21 s`. */
export function lineOf(name: string, outcome: Outcome): string {
  const { sent, done, lost, repeated, refused, happened, measured, milliseconds } = outcome;
  const counts = Object.entries({ ...happened, "late result refused": refused })
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${what} ${count}`);
  const times = Object.entries(measured).map(([what, time]) => `${what} ${seconds(time)}`);
  const details = [...counts, ...times].join(", ");
  return (
    `${name}: sent ${sent}, done ${done}, lost ${lost}, repeated ${repeated}` +
    `${details === "" ? "" : ` (${details})`} in ${seconds(milliseconds)}`
  );
}

/** Whether all that must hold did. */
export function isGood({ sent, done, lost, problems }: Outcome): boolean {
  return lost === 0 && done === sent && problems.length === 0;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}

/** Timing several ways of doing one thing side by side, so that the ratios hold on a machine with other work. @module */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { busyNow } from "./clock.ts";

/** How long to measure for. */
export interface Effort {
  /** The least that one sample takes. */
  readonly sampleMs: number;
  /** How often each way is sampled. */
  readonly rounds: number;
  /** How long each way runs before: on a busy machine, the threads that compile take their time. */
  readonly warmUpMs: number;
}

export const fullEffort: Effort = { sampleMs: 20, rounds: 21, warmUpMs: 250 };
/** For whether it works at all: the figures mean nothing. */
export const quickEffort: Effort = { sampleMs: 0.2, rounds: 2, warmUpMs: 0.2 };

/** Something to be timed. What it returns is used, so that none of it can be left out. */
export type Work = () => unknown;

setFlagsFromString("--expose-gc");
/** Collects what nobody uses any more. With `last-resort`, the space that is free then goes back to the system. */
export const collect = runInNewContext("gc") as (
  options?: { type: "minor" } | { type: "major"; flavor: "last-resort" },
) => void;

let used = 0;

/** Texts that are put together lazily are put together here: whoever sends one must do that as well. */
function use(result: unknown): void {
  used ^= typeof result === "string" ? result.charCodeAt(result.length >> 1) : Number(result === undefined);
}

function time(work: Work, times: number): number {
  const start = busyNow();
  for (let at = 0; at < times; at++) use(work());
  return busyNow() - start;
}

/** Runs each for a while, untimed. */
export function warmUp(works: readonly Work[], { warmUpMs }: Effort): void {
  for (const work of works) {
    for (let times = 1, spent = 0; spent < warmUpMs; times *= 2) spent += time(work, times);
  }
}

/** How many times to run it for a sample. */
function timesFor(work: Work, sampleMs: number): number {
  for (let times = 1; ; times *= 2) {
    const took = time(work, times);
    if (took >= sampleMs / 2) return Math.max(1, Math.ceil((times * sampleMs) / took));
  }
}

/**
 * Samples each of the works, which are warm, in turn, round after round, beginning with another one each time. The
 * result has the milliseconds of one run, by work, by round: those of one round were taken next to each other.
 */
export function sideBySide(works: readonly Work[], effort: Effort): number[][] {
  collect();
  const times = works.map((work) => timesFor(work, effort.sampleMs));
  const taken = works.map((): number[] => []);
  for (let round = 0; round < effort.rounds; round++) {
    for (let turn = 0; turn < works.length; turn++) {
      const at = (round + turn) % works.length;
      // What the one before has left behind is not this one's to clear.
      collect({ type: "minor" });
      taken[at]!.push(time(works[at]!, times[at]!) / times[at]!);
    }
  }
  return taken;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How many times as fast the one is as the other: the median of the ratios, round by round. */
export function speed(one: readonly number[], other: readonly number[]): number {
  return median(one.map((took, round) => other[round]! / took));
}

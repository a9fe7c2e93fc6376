/** Timing what waits for a database. @module */
import { busyNow } from "../clock.ts";
import { type Effort, collect } from "../measure.ts";

/** Something to be timed. */
export type Waiting = () => Promise<unknown>;

async function time(work: Waiting, times: number): Promise<number> {
  const start = busyNow();
  for (let at = 0; at < times; at++) await work();
  return busyNow() - start;
}

/** How many times to run it for a sample, when it is warm. */
async function timesFor(work: Waiting, { warmUpMs, sampleMs }: Effort): Promise<number> {
  for (let spent = 0, times = 1; ; times *= 2) {
    const took = await time(work, times);
    spent += took;
    if (spent >= warmUpMs && took >= sampleMs / 2) return Math.max(1, Math.ceil((times * sampleMs) / took));
  }
}

/**
 * Samples two works in turn, round after round, each of them first every other time. The result has the milliseconds of
 * one run, by work, by round: those of one round were taken next to each other.
 */
export async function inPairs(
  pair: readonly [Waiting, Waiting],
  effort: Effort,
): Promise<[number[], number[]]> {
  const times = [await timesFor(pair[0], effort), await timesFor(pair[1], effort)] as const;
  const taken: [number[], number[]] = [[], []];
  collect();
  for (let round = 0; round < effort.rounds; round++) {
    for (const at of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      // What the one before has left behind is not this one's to clear.
      collect({ type: "minor" });
      taken[at].push((await time(pair[at], times[at])) / times[at]);
    }
  }
  return taken;
}

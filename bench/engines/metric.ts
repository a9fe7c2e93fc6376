/** What is measured of an engine, and how a round of it gives that. @module */
import type { Row } from "../row.ts";
import { drain, endToEnd, idleLatency, type Size } from "./rounds.ts";
import type { Place } from "./side.ts";

export type Metric =
  | "enqueue, 50 in flight"
  | "process, concurrency 10"
  | "process, concurrency 50"
  | "end to end"
  | "idle latency p50";

/** Idle workers: so many tasks, 50 ms apart. */
const idle: Size = { warmUp: 5, count: 40 };
const quickIdle: Size = { warmUp: 1, count: 3 };

/** A round: fresh processes on a fresh place, and the figures that they give. */
export interface Round {
  readonly gives: readonly Metric[];
  run(side: string, place: Place, size: Size): Promise<readonly number[]>;
}

function draining(concurrency: 10 | 50): Round {
  return {
    gives: ["enqueue, 50 in flight", `process, concurrency ${concurrency}`],
    async run(side, place, size) {
      const { enqueue, process } = await drain(side, place, concurrency, size);
      return [enqueue, process];
    },
  };
}

const rounds: readonly Round[] = [
  draining(10),
  draining(50),
  { gives: ["end to end"], run: async (side, place, size) => [await endToEnd(side, place, 50, size)] },
  {
    gives: ["idle latency p50"],
    run: async (side, place, { count }) => [await idleLatency(side, place, count < 100 ? quickIdle : idle)],
  },
];

/** The rounds that give some of these metrics and nothing else. Enqueueing is measured before each processing. */
export function roundsFor(metrics: readonly Metric[]): readonly Round[] {
  return rounds.filter(({ gives }) => metrics.includes(gives.at(-1)!));
}

/** How a metric's figures are written, and which is the better one. */
export function scaleOf(metric: Metric): Pick<Row, "unit" | "lowerIsBetter"> {
  return metric === "idle latency p50"
    ? { unit: "ms", lowerIsBetter: true }
    : { unit: "tasks/s", lowerIsBetter: false };
}

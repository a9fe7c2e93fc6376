/** What a claim costs behind a few tasks that wait, and behind many. @module */
import { Petiole } from "petiole";
import { sqlite } from "petiole/engine/sqlite";
import { median, speed } from "../measure.ts";
import type { Row } from "../row.ts";
import { noteOf, outcomeOf, type Note, type Outcome } from "./payload.ts";
import type { Place } from "./side.ts";

export interface Depths {
  readonly few: number;
  readonly many: number;
  readonly rounds: number;
}

const batch = 1000;
/** A worker's default concurrency. */
const limit = 10;
const claimsInSample = 20;

/** An app whose file always holds about as many waiting tasks. */
async function filled({ at }: Place, depth: number) {
  const app = new Petiole({ engine: sqlite(at) });
  const task = app.task<Note, Outcome>("bench.note");
  for (let n = 0; n < depth; n += batch)
    await task.enqueueMany(
      Array.from({ length: Math.min(batch, depth - n) }, (_, index) => noteOf(n + index)),
    );
  return {
    /** Milliseconds of a claim, the average of some. */
    async sample(): Promise<number> {
      let spent = 0;
      for (let times = 0; times < claimsInSample; times++) {
        const before = performance.now();
        const claimed = await app.engine.claim({
          queues: ["default"],
          limit,
          lease: 30_000,
          worker: "bench",
        });
        spent += performance.now() - before;
        if (claimed.length !== limit) throw new Error(`a claim found ${claimed.length} of ${limit} tasks`);
        const result = JSON.stringify(outcomeOf(noteOf(0)));
        await app.engine.settle(claimed.map(({ lease }) => ({ kind: "complete", lease, result })));
        await task.enqueueMany(claimed.map((_, index) => noteOf(index)));
      }
      return spent / claimsInSample;
    },
    close: () => app.close(),
  };
}

/** Both in this process, in turn, each of them first every other time. */
export async function measureClaims(
  fresh: () => Promise<Place>,
  { few, many, rounds }: Depths,
): Promise<Row> {
  const small = await filled(await fresh(), few);
  const large = await filled(await fresh(), many);
  const taken = { small: [] as number[], large: [] as number[] };
  for (let round = -2; round < rounds; round++) {
    const samples = { small: 0, large: 0 };
    for (const which of round % 2 === 0 ? (["small", "large"] as const) : (["large", "small"] as const))
      samples[which] = await { small, large }[which].sample();
    if (round < 0) continue;
    taken.small.push(samples.small);
    taken.large.push(samples.large);
  }
  await small.close();
  await large.close();
  return {
    case: "SQLite engine",
    metric: `claim with ${counted(many)} waiting`,
    ours: 1000 / median(taken.large),
    peer: `the same with ${counted(few)}`,
    theirs: 1000 / median(taken.small),
    unit: "claims/s",
    ratio: speed(taken.large, taken.small),
    bar: 0.8,
    lowerIsBetter: false,
  };
}

function counted(number: number): string {
  return number.toLocaleString("en");
}

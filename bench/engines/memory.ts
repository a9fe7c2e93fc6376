/** How much memory a worker takes after many tasks, beside what it took after few. @module */
import { median } from "../measure.ts";
import type { Row } from "../row.ts";
import { residents } from "./rounds.ts";
import type { Store } from "./stores.ts";

export interface Lengths {
  readonly few: number;
  readonly many: number;
  readonly rounds: number;
}

export async function measureMemory(
  engine: string,
  side: string,
  store: Store,
  { few, many, rounds }: Lengths,
): Promise<Row> {
  const before: number[] = [];
  const after: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [first, last] = await residents(side, await store.fresh(), few, many);
    before.push(first);
    after.push(last);
  }
  return {
    case: `memory of a worker, ${engine}`,
    metric: `resident size after ${many.toLocaleString("en")} tasks`,
    ours: median(after),
    peer: `the same worker after ${few.toLocaleString("en")}`,
    theirs: median(before),
    unit: "bytes",
    ratio: median(after.map((size, round) => size / before[round]!)),
    bar: 1.2,
    lowerIsBetter: true,
  };
}

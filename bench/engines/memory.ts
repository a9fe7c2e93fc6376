/** How much memory a worker takes after many tasks, beside what it took after few. @module */
import type { Row } from "../row.ts";
import { residents } from "./rounds.ts";
import type { Resident } from "./side.ts";
import type { Store } from "./stores.ts";

export interface Lengths {
  readonly few: number;
  readonly many: number;
}

/** What a worker keeps is asked for; what the engine of JavaScript holds besides, while it is busy, stands beside it. */
export async function measureMemory(
  engine: string,
  side: string,
  store: Store,
  { few, many }: Lengths,
): Promise<readonly Row[]> {
  const [before, after] = await residents(side, await store.fresh(), few, many);
  const rowOf = (kind: keyof Resident, addition: string, bar: number | null): Row => ({
    case: `memory of a worker, ${engine}`,
    metric: `resident size after ${many.toLocaleString("en")} tasks${addition}`,
    ours: after[kind],
    peer: `the same worker after ${few.toLocaleString("en")}`,
    theirs: before[kind],
    unit: "bytes",
    ratio: after[kind] / before[kind],
    bar,
    lowerIsBetter: true,
  });
  return [rowOf("collected", ", garbage collected", 1.2), rowOf("atOnce", ", garbage and all", null)];
}

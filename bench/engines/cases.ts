/** Everything that can be measured, by the name that `--case` takes. @module */
import type { Row } from "../row.ts";
import { measureClaims } from "./claims.ts";
import { hold, whyNot } from "./contest.ts";
import { contests } from "./contests.ts";
import { measureMemory } from "./memory.ts";
import type { StoreKind, Stores } from "./stores.ts";

export interface Case {
  /** Ours that is measured. */
  readonly engine: string;
  readonly title: string;
  /** What it cannot do without. */
  readonly stores: readonly StoreKind[];
  readonly notes: readonly string[];
  /** Why it cannot be measured, though the stores are there; undefined where it can. */
  whyNot?(stores: Stores): Promise<string | undefined>;
  /** @param quick only whether it works: the figures mean nothing */
  run(stores: Stores, quick: boolean): Promise<readonly Row[]>;
}

function contestCases(): [string, Case][] {
  return Object.entries(contests).map(([name, contest]) => {
    const { ours, peer, peerName, note } = contest;
    const quickly = { ...contest, pairs: 1, size: { warmUp: 20, count: 50 } };
    return [
      name,
      {
        engine: ours.side.replace("petiole-", ""),
        title: `${contest.case}, beside ${peerName}`,
        stores: [ours.store, peer.store],
        notes: note === undefined ? [] : [note],
        whyNot: (stores) => whyNot(contest, stores),
        run: (stores, quick) => hold(quick ? quickly : contest, stores),
      },
    ];
  });
}

const claim: Case = {
  engine: "sqlite",
  title: "SQLite engine: claims of 10 tasks",
  stores: ["file"],
  notes: [],
  async run(stores, quick) {
    const file = await stores.of("file");
    const depths = quick ? { few: 100, many: 1000, rounds: 1 } : { few: 1000, many: 1_000_000, rounds: 31 };
    return [await measureClaims(() => file.fresh(), depths)];
  },
};

function memoryCase(engine: string, title: string, kind: StoreKind): Case {
  return {
    engine,
    title: `Memory of a worker, ${title}`,
    stores: [kind],
    notes: [],
    async run(stores, quick) {
      const lengths = quick ? { few: 50, many: 100 } : { few: 10_000, many: 100_000 };
      return measureMemory(title, `petiole-${engine}`, await stores.of(kind), lengths);
    },
  };
}

export const cases: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(contestCases()),
  claim,
  "memory-sqlite": memoryCase("sqlite", "SQLite engine", "file"),
  "memory-bullmq": memoryCase("bullmq", "BullMQ engine", "redis"),
  "memory-pg-boss": memoryCase("pg-boss", "pg-boss engine", "postgres"),
};

/** Ours and a peer in pairs, round after round. @module */
import { median } from "../measure.ts";
import type { Row } from "../row.ts";
import { type Metric, roundsFor, scaleOf } from "./metric.ts";
import { drain, type Size } from "./rounds.ts";
import type { StoreKind, Stores } from "./stores.ts";

/** Who takes part, by the name of a module in `sides/`, and on what. */
export interface Entrant {
  readonly side: string;
  readonly store: StoreKind;
}

export interface Contest {
  /** As the rows call it. */
  readonly case: string;
  readonly ours: Entrant;
  readonly peer: Entrant;
  /** Name and version of the peer, with what it runs on. */
  readonly peerName: string;
  /** What is measured, with the ratio asked for, where one is. */
  readonly metrics: Readonly<Partial<Record<Metric, number | null>>>;
  /** Options that somebody would ask about. */
  readonly note?: string;
  /** The peer is known not to run everywhere: it is tried first, and left out with its reason. */
  readonly trial?: boolean;
  /** How many pairs of each round. */
  readonly pairs: number;
  /** Tasks of each round. */
  readonly size: Size;
}

/** Why the peer cannot be measured, in its own words; undefined when it can, or was never in doubt. */
export async function whyNot(contest: Contest, stores: Stores): Promise<string | undefined> {
  const { peer, trial = false } = contest;
  if (!trial) return undefined;
  const store = await stores.of(peer.store);
  try {
    await drain(peer.side, await store.fresh(), 10, { warmUp: 5, count: 5 });
    return undefined;
  } catch (error) {
    return (error as Error).message.split("\n", 1)[0];
  }
}

/** Runs the pairs, each of the two first every other time. A row for each metric, in the order of the contest's. */
export async function hold(contest: Contest, open: Stores): Promise<readonly Row[]> {
  const { ours, peer, metrics, pairs, size } = contest;
  const names = Object.keys(metrics) as Metric[];
  const figures = new Map(names.map((name) => [name, { ours: [] as number[], theirs: [] as number[] }]));
  const stores = { ours: await open.of(ours.store), theirs: await open.of(peer.store) };
  const sides = { ours: ours.side, theirs: peer.side };
  for (let pair = 0; pair < pairs; pair++) {
    for (const { gives, run } of roundsFor(names)) {
      for (const who of pair % 2 === 0 ? (["ours", "theirs"] as const) : (["theirs", "ours"] as const)) {
        const found = await run(sides[who], await stores[who].fresh(), size);
        for (const [index, metric] of gives.entries()) figures.get(metric)?.[who].push(found[index]!);
      }
    }
  }
  return names.map((metric) => {
    const { ours, theirs } = figures.get(metric)!;
    return {
      case: contest.case,
      metric,
      ours: median(ours),
      peer: contest.peerName,
      theirs: median(theirs),
      ratio: median(ours.map((figure, pair) => figure / theirs[pair]!)),
      bar: metrics[metric]!,
      ...scaleOf(metric),
    };
  });
}

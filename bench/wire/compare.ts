/** One case, with everyone in it measured. @module */
import { median, sideBySide, speed, warmUp, type Effort } from "../measure.ts";
import type { Row } from "../row.ts";
import type { Bars } from "./case.ts";
import { cases, type CaseName } from "./cases.ts";
import type { Lineup, Ready } from "./lineup.ts";

/** How one contender did. */
export interface Score {
  readonly name: string;
  readonly note: string | undefined;
  readonly encode: Timing;
  readonly decode: Timing;
  readonly bytes: number;
}

export interface Timing {
  /** Against JSON: higher is faster. */
  readonly speed: number;
  readonly micros: number;
}

export interface Comparison {
  readonly json: Score;
  readonly ours: Score;
  readonly others: readonly Score[];
  /** Ours against JSON, with the bars, then ours against each of the others. */
  readonly rows: readonly Row[];
}

const directions = ["encode", "decode"] as const;

/** Milliseconds of one run, by round. */
type Samples = Readonly<Record<(typeof directions)[number], readonly number[]>>;

/** Measures each of the others next to ours and JSON, whose figures are of all those samples. */
export function compare(name: CaseName, { json, ours, others }: Lineup, effort: Effort): Comparison {
  warmUp([json.encode, ours.encode, json.decode, ours.decode], effort);
  const met = others.map((other) => {
    warmUp([other.encode, other.decode], effort);
    return { other, samples: meet([json, ours, other], effort) };
  });
  const all = {
    json: joined(met.map(({ samples }) => samples[0])),
    ours: joined(met.map(({ samples }) => samples[1])),
  };
  return {
    json: scoreOf(json, all.json, all.json),
    ours: scoreOf(ours, all.ours, all.json),
    others: met.map(({ other, samples }) => scoreOf(other, samples[2], samples[0])),
    rows: [
      ...rowsOf(name, ours, all.ours, json, all.json, cases[name].bars),
      ...met.flatMap(({ other, samples }) => rowsOf(name, ours, samples[1], other, samples[2])),
    ],
  };
}

function meet(three: readonly [Ready, Ready, Ready], effort: Effort): [Samples, Samples, Samples] {
  const encode = sideBySide(
    three.map((it) => it.encode),
    effort,
  );
  const decode = sideBySide(
    three.map((it) => it.decode),
    effort,
  );
  const samples = (at: number): Samples => ({ encode: encode[at]!, decode: decode[at]! });
  return [samples(0), samples(1), samples(2)];
}

function joined(parts: readonly Samples[]): Samples {
  return { encode: parts.flatMap(({ encode }) => encode), decode: parts.flatMap(({ decode }) => decode) };
}

function scoreOf({ name, note, bytes }: Ready, its: Samples, json: Samples): Score {
  const timing = (direction: keyof Samples): Timing => ({
    speed: speed(its[direction], json[direction]),
    micros: median(its[direction]) * 1000,
  });
  return { name, note, bytes, encode: timing("encode"), decode: timing("decode") };
}

function rowsOf(name: CaseName, own: Ready, mine: Samples, peer: Ready, theirs: Samples, bars?: Bars): Row[] {
  const timings = directions.map((metric): Row => ({
    case: name,
    metric,
    ours: median(mine[metric]) * 1000,
    peer: peer.name,
    theirs: median(theirs[metric]) * 1000,
    unit: "µs",
    ratio: speed(mine[metric], theirs[metric]),
    bar: bars?.[metric] ?? null,
    lowerIsBetter: false,
  }));
  const bytes: Row = {
    case: name,
    metric: "bytes",
    ours: own.bytes,
    peer: peer.name,
    theirs: peer.bytes,
    unit: "bytes",
    ratio: own.bytes / peer.bytes,
    bar: bars?.bytes ?? null,
    lowerIsBetter: true,
  };
  return [...timings, bytes];
}

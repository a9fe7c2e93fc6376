/** One case, everyone in it measured. @module */
import { median, sideBySide, speed, type Effort } from "../measure.ts";
import type { Row } from "../row.ts";
import { cases, type CaseName } from "./cases.ts";
import { json, ours, ready, type Contender, type Ready } from "./contender.ts";

/** How one contender did: ratios to JSON, higher is faster, and absolute figures. */
export interface Score {
  readonly name: string;
  readonly note: string | undefined;
  readonly encode: { readonly ratio: number; readonly micros: number };
  readonly decode: { readonly ratio: number; readonly micros: number };
  readonly bytes: { readonly ratio: number; readonly count: number };
}

export interface Comparison {
  readonly json: Score;
  readonly ours: Score;
  readonly others: readonly Score[];
  /** Ours against JSON, with the bars, then ours against each of the others. */
  readonly rows: readonly Row[];
}

type Direction = "encode" | "decode";

/** The milliseconds of one run: of JSON, of ours and of one other, taken side by side. */
type Triple = readonly [json: number[], ours: number[], other: number[]];

export function compare(name: CaseName, others: readonly Contender[], effort: Effort): Comparison {
  const [plain, own, ...rest] = [json(name), ours, ...others].map((contender) => ready(contender, name)) as [
    Ready,
    Ready,
    ...Ready[],
  ];
  const taken = { encode: triples("encode"), decode: triples("decode") };

  function triples(direction: Direction): Triple[] {
    return rest.map(
      (other) =>
        sideBySide([plain[direction], own[direction], other[direction]], effort) as unknown as Triple,
    );
  }

  /** Where ours and JSON are in all triples, all count. */
  function all(direction: Direction, who: 0 | 1): number[] {
    return taken[direction].flatMap((triple) => triple[who]);
  }

  function score(of: Ready, samples: (direction: Direction) => [json: number[], its: number[]]): Score {
    const of1 = (direction: Direction) => {
      const [base, its] = samples(direction);
      return { ratio: speed(base, its), micros: median(its) * 1000 };
    };
    const bytes = { ratio: of.bytes / plain.bytes, count: of.bytes };
    return { name: of.name, note: of.note, encode: of1("encode"), decode: of1("decode"), bytes };
  }

  const jsonScore = score(plain, (direction) => [all(direction, 0), all(direction, 0)]);
  const ownScore = score(own, (direction) => [all(direction, 0), all(direction, 1)]);
  const otherScores = rest.map((other, at) =>
    score(other, (direction) => [taken[direction][at]![0], taken[direction][at]![2]]),
  );

  const rowsAgainst = (peer: Score, ratioOf: (direction: Direction) => number, hasBar: boolean): Row[] => [
    ...(["encode", "decode"] as const).map((metric): Row => ({
      case: name,
      metric,
      ours: ownScore[metric].micros,
      peer: peer.name,
      theirs: peer[metric].micros,
      unit: "µs",
      ratio: ratioOf(metric),
      bar: hasBar ? cases[name].bars[metric] : null,
      lowerIsBetter: false,
    })),
    {
      case: name,
      metric: "bytes",
      ours: own.bytes,
      peer: peer.name,
      theirs: peer.bytes.count,
      unit: "bytes",
      ratio: own.bytes / peer.bytes.count,
      bar: hasBar ? cases[name].bars.bytes : null,
      lowerIsBetter: true,
    },
  ];
  const rows = [
    ...rowsAgainst(jsonScore, (direction) => ownScore[direction].ratio, true),
    ...otherScores.flatMap((peer, at) =>
      rowsAgainst(peer, (direction) => speed(taken[direction][at]![2], taken[direction][at]![1]), false),
    ),
  ];
  return { json: jsonScore, ours: ownScore, others: otherScores, rows };
}

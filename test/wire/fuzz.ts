/**
 * Throws changed texts at the decoder: `npm run test:fuzz -- --texts 1000000 --seed N`; with `--all`, it goes on after
 * failures.
 *
 * Whatever the text is: decoding gives a value or throws an error of ours; what it gives can be sent again, and is then
 * the same; no prototype is changed, no global reached, no text run; memory does not grow; no text takes seconds.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { corpus } from "./corpus.ts";
import { Guard, wrongWith } from "./guard.ts";
import { mutate } from "./mutate.ts";
import { wire } from "./places.ts";
import { Random } from "./random.ts";
import { difference } from "./same.ts";

/** How much to try. It ends with whichever comes first. */
export interface FuzzOptions {
  readonly seed: number;
  readonly texts: number;
  readonly milliseconds?: number;
  /** Called every ten thousand texts. */
  readonly report?: (summary: FuzzSummary) => void;
  /** Called for each text that does what none may. Unless told, the first is thrown. */
  readonly failed?: (failure: FuzzFailure) => void;
}

/** What became of the texts. */
export interface FuzzSummary {
  readonly seed: number;
  readonly texts: number;
  readonly decoded: number;
  /** By the code of the error. */
  readonly refused: Readonly<Record<string, number>>;
  readonly milliseconds: number;
  /** The most that memory has grown, in bytes. */
  readonly grown: number;
}

/** A text that does what no text may. */
export class FuzzFailure extends Error {
  constructor(seed: number, index: number, text: string, what: string) {
    const shown = text.length > 2_000 ? `${text.slice(0, 2_000)}… (${text.length} characters)` : text;
    super(`${what}\n  seed ${seed}, text ${index}: ${shown}`);
    this.name = "FuzzFailure";
  }
}

const many = 10_000;
/** Memory that a process takes and keeps whatever it decodes. */
const mostGrown = 700 * 1024 * 1024;
/** No small text takes this long, however busy the machine is; one that seems to is tried again. */
const longest = 3_000;

/**
 * Tries texts.
 *
 * @throws FuzzFailure at the first that does what none may
 */
export function fuzz(options: FuzzOptions): FuzzSummary {
  const { seed, texts, milliseconds = Infinity, report, failed } = options;
  const random = new Random(seed);
  // Nothing is made for the first time under the guard's eyes.
  for (const text of corpus) attempt(text);
  const guard = new Guard();
  const began = performance.now();
  const memory = process.memoryUsage.rss();
  const refused: Record<string, number> = {};
  let [index, decoded, grown] = [0, 0, 0];
  const summary = (): FuzzSummary => {
    const elapsed = Math.round(performance.now() - began);
    return { seed, texts: index, decoded, refused: { ...refused }, milliseconds: elapsed, grown };
  };
  let recent: string[] = [];
  for (; index < texts && performance.now() - began < milliseconds; index++) {
    const text = mutate(random.pick(corpus), random);
    const fail = (what: string): void => {
      const failure = new FuzzFailure(seed, index, text, what);
      if (!failed) throw failure;
      failed(failure);
    };
    const started = performance.now();
    const outcome = attempt(text);
    if (performance.now() - started > longest && takesLong(text)) fail("takes long");
    if (outcome.wrong !== undefined) fail(outcome.wrong);
    else if (outcome.code === undefined) decoded++;
    else refused[outcome.code] = (refused[outcome.code] ?? 0) + 1;
    recent.push(text);
    if (recent.length < 1_000) continue;
    const changes = guard.changes();
    if (changes.length > 0) fail(`one of the last ${recent.length} texts changed ${changes.join(", ")}`);
    grown = Math.max(grown, process.memoryUsage.rss() - memory);
    if (grown > mostGrown) fail(`the last ${recent.length} texts took ${grown} bytes`);
    recent = [];
    if ((index + 1) % many === 0) report?.(summary());
  }
  const changes = guard.changes();
  if (changes.length > 0) throw new FuzzFailure(seed, index, "", `changed ${changes.join(", ")}`);
  return summary();
}

/** What became of one text: `code` when it was refused, `wrong` when something happened that may not. */
function attempt(text: string): { readonly code?: string; readonly wrong?: string } {
  let value: unknown;
  try {
    value = wire.decode(text);
  } catch (error) {
    const wrong = wrongWith(error);
    return wrong === undefined ? { code: (error as { code: string }).code } : { wrong };
  }
  try {
    const again = wire.encode(value);
    const found = difference(value, wire.decode(again));
    if (found !== undefined) return { wrong: `what was decoded changes when it is sent again: ${found}` };
    if (wire.encode(wire.decode(again)) !== again)
      return { wrong: "what was decoded is written in two ways" };
  } catch (error) {
    // A text may show memory in parts that overlap, without the whole; that is read, and not written.
    const overlap = String(error).includes("shares part of its memory");
    if (overlap) return {};
    return { wrong: `what was decoded cannot be sent again: ${String(error).slice(0, 500)}` };
  }
  return {};
}

function takesLong(text: string): boolean {
  const started = performance.now();
  attempt(text);
  return performance.now() - started > longest;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { texts: { type: "string" }, seed: { type: "string" }, all: { type: "boolean" } },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
  const texts = Number(values.texts ?? 1_000_000);
  console.log(`${texts} texts, seed ${seed}, from ${corpus.length} valid ones`);
  try {
    const show = ({ texts, decoded, refused, milliseconds, grown }: FuzzSummary): void => {
      const kinds = Object.entries(refused).map(([code, count]) => `${code} ${count}`);
      const [seconds, megabytes] = [(milliseconds / 1000).toFixed(1), (grown / 1024 / 1024).toFixed(0)];
      console.log(`${texts} texts: decoded ${decoded}, ${kinds.join(", ")}; ${seconds} s, ${megabytes} MiB`);
    };
    const report = (summary: FuzzSummary): void => {
      if (summary.texts % (many * 10) < many) show(summary);
    };
    let failures = 0;
    const failed = ({ message }: FuzzFailure): void => {
      failures++;
      console.error(message);
    };
    show(fuzz({ seed, texts, report, ...(values.all ? { failed } : {}) }));
    if (failures > 0) throw new Error(`${failures} texts did what none may.`);
    console.log("Only errors of ours; no prototype, no global and no text was touched.");
  } catch (error) {
    console.error(error instanceof FuzzFailure ? error.message : error);
    process.exitCode = 1;
  }
}

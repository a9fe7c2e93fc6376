/** All faults done to one engine. @module */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../wire/random.ts";
import { Effects } from "./effects.ts";
import { loadEngine, traitsOf } from "./engines.ts";
import { totalOf, type Fault, type Outcome, type Scene } from "./fault.ts";
import { clock } from "./faults/clock.ts";
import { cut } from "./faults/cut.ts";
import { frozen } from "./faults/frozen.ts";
import { full } from "./faults/full.ts";
import { killed } from "./faults/killed.ts";
import { recovery } from "./faults/recovery.ts";
import { restarted } from "./faults/restarted.ts";
import { together } from "./faults/together.ts";
import { Round } from "./round.ts";

/** In the order in which they are done. */
export const faults: readonly Fault[] = [recovery, killed, restarted, cut, frozen, clock, full, together];

/** What to do to which engine. */
export interface SuiteOptions {
  readonly engine: string;
  /** How many tasks, over all faults. */
  readonly tasks: number;
  readonly seed: number;
  /** Less of everything, so that it takes seconds. */
  readonly isShort?: boolean;
  /** Only those of these names. */
  readonly only?: readonly string[];
  readonly signal?: AbortSignal;
  /** Told what came of each fault, or why it was left out. */
  readonly tell?: (fault: string, result: Outcome | string) => void;
}

/** Does the faults one after another. Rejects where the engine cannot be had. */
export async function runFaults(options: SuiteOptions): Promise<Outcome> {
  const { engine, seed, isShort = false, tell = () => {} } = options;
  const module = await loadEngine(engine);
  if (module.missing !== undefined) throw new Error(`${engine} cannot be had: ${module.missing}`);
  const folder = await mkdtemp(join(tmpdir(), "petiole-faults-"));
  const effectsFile = join(folder, "effects.db");
  const effects = new Effects(effectsFile);
  const store = await module.start({ durable: true });
  const signal = options.signal ?? new AbortController().signal;
  const traits = traitsOf(engine);
  const scene: Scene = { engine, module, traits, store, effects, effectsFile, isShort, signal };
  const outcomes: Outcome[] = [];
  const doOne = async ({ fault, first, tasks }: Planned): Promise<void> => {
    // Of its own, so that a fault alone does what it does among the others.
    const random = new Random(seed + faults.indexOf(fault) * 1009);
    const outcome = await runFault(fault, new Round(scene, random, first, tasks));
    tell(fault.name, outcome);
    outcomes.push(outcome);
  };
  const began = performance.now();
  try {
    const plan = planned(scene, options, tell);
    // While one waits for a lease of its own, others go on beside it, where there is little time.
    const isBeside = ({ fault }: Planned): boolean =>
      isShort && fault.waits === true && traits.recovery > 10_000;
    const [beside, rest] = [plan.filter(isBeside), plan.filter((each) => !isBeside(each))];
    const [calm, alone] = [
      rest.filter(({ fault }) => fault.stopsServer !== true),
      rest.filter(({ fault }) => fault.stopsServer),
    ];
    const both = [inOrder(beside, doOne), inOrder(calm, doOne)];
    // Both are over before the store is closed, also when one has failed.
    await Promise.allSettled(both);
    await Promise.all(both);
    await inOrder(alone, doOne);
  } finally {
    effects.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
  return { ...totalOf(outcomes), milliseconds: performance.now() - began };
}

async function runFault(fault: Fault, round: Round): Promise<Outcome> {
  try {
    await fault.run(round);
    return await round.finish();
  } finally {
    await round.close();
  }
}

/** A fault with its tasks, by their numbers. */
interface Planned {
  readonly fault: Fault;
  readonly first: number;
  readonly tasks: number;
}

async function inOrder(plan: readonly Planned[], run: (one: Planned) => Promise<void>): Promise<void> {
  for (const one of plan) await run(one);
}

/** Who gets how many of the tasks. */
function planned(scene: Scene, options: SuiteOptions, tell: Required<SuiteOptions>["tell"]): Planned[] {
  const { only, tasks } = options;
  const fit = faults.filter((fault) => {
    if (only && !only.includes(fault.name)) return false;
    const reason = fault.unfit(scene);
    if (reason !== undefined) tell(fault.name, reason);
    return reason === undefined;
  });
  const counted = fit.reduce((sum, { tasks }) => sum + ("count" in tasks ? tasks.count : 0), 0);
  const shares = fit.reduce((sum, { tasks }) => sum + ("share" in tasks ? tasks.share : 0), 0);
  let left = Math.max(tasks - counted, 0);
  let sharesLeft = shares;
  let next = 0;
  return fit.map((fault) => {
    const first = next;
    if ("count" in fault.tasks) next += fault.tasks.count;
    else {
      const count = Math.round((left * fault.tasks.share) / sharesLeft);
      left -= count;
      sharesLeft -= fault.tasks.share;
      next += count;
    }
    return { fault, first, tasks: next - first };
  });
}

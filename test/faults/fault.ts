/** What a fault is, and what comes of a round of it. @module */
import type { EngineModule, EngineStore } from "../engines/engine-store.ts";
import type { Effects } from "./effects.ts";
import type { Traits } from "./engines.ts";
import type { Round } from "./round.ts";

/** The engine that faults are done to, and what they have in common. */
export interface Scene {
  /** Its name. */
  readonly engine: string;
  readonly module: EngineModule;
  readonly traits: Traits;
  readonly store: EngineStore;
  readonly effects: Effects;
  readonly effectsFile: string;
  /** Less of everything, so that it takes seconds. */
  readonly isShort: boolean;
  readonly signal: AbortSignal;
}

/** Something that goes wrong, and what must hold all the same. */
export interface Fault {
  readonly name: string;
  /** How many of the tasks are its own: a weight, or a number that it needs. */
  readonly tasks: { readonly share: number } | { readonly count: number };
  /** The server is stopped: nothing else can be done to it at the time. */
  readonly stopsServer?: boolean;
  /** Most of its time is waiting for a lease. */
  readonly waits?: boolean;
  /** Why it cannot be done to this engine, or here; undefined where it can. */
  unfit(scene: Scene): string | undefined;
  /** Sends {@link Round.tasks} tasks and does what is wrong to whoever works. What must hold of every task is checked after it. */
  run(round: Round): Promise<void>;
}

/** What came of tasks, and what was done. */
export interface Outcome {
  /** Accepted by the engine. */
  readonly sent: number;
  /** Succeeded, with their effect there. */
  readonly done: number;
  /** The effect is not there, or the engine does not know the task any more, or it is at no end, or at another. */
  readonly lost: number;
  /** Runs that had an effect, the first of each task apart. */
  readonly repeated: number;
  /** Late results that were refused, as the workers say. */
  readonly refused: number;
  /** What was done, and how often. */
  readonly happened: Readonly<Record<string, number>>;
  /** What was measured, in milliseconds: the longest. */
  readonly measured: Readonly<Record<string, number>>;
  /** What must not be. */
  readonly problems: readonly string[];
  readonly milliseconds: number;
}

/** All of these together. */
export function totalOf(outcomes: readonly Outcome[]): Outcome {
  const happened: Record<string, number> = {};
  for (const outcome of outcomes) {
    for (const [what, count] of Object.entries(outcome.happened))
      happened[what] = (happened[what] ?? 0) + count;
  }
  const measured: Record<string, number> = {};
  for (const outcome of outcomes) {
    for (const [what, time] of Object.entries(outcome.measured))
      measured[what] = Math.max(measured[what] ?? 0, time);
  }
  const sum = (of: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  return {
    sent: sum(({ sent }) => sent),
    done: sum(({ done }) => done),
    lost: sum(({ lost }) => lost),
    repeated: sum(({ repeated }) => repeated),
    refused: sum(({ refused }) => refused),
    happened,
    measured,
    problems: outcomes.flatMap(({ problems }) => problems),
    milliseconds: sum(({ milliseconds }) => milliseconds),
  };
}

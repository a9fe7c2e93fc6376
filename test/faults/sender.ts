/** The side that sends: each task is accepted once, whatever happens to the engine meanwhile. @module */
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../../src/engine.ts";
import { makeApp, replacing, type Errand } from "./app.ts";

/** How long a send may be refused until it is given up, in milliseconds. */
const patience = 60_000;

/** How the tasks of a send behave; see {@link Errand}. */
export interface Manner {
  readonly first?: number | ((number: number) => number);
  readonly later?: number | ((number: number) => number);
  /** How many characters each has too much. */
  readonly ballast?: number;
}

/** Sends numbered tasks. */
export class Sender {
  readonly engine: Engine;
  /** The ids of the accepted tasks, by number. */
  readonly accepted = new Map<number, string>();
  /** What the engine said when it refused. */
  readonly refusals: unknown[] = [];
  readonly #app: ReturnType<typeof makeApp>;
  readonly #signal: AbortSignal;
  #next: number;

  /** @param first the number of the first task */
  constructor(engine: Engine, first: number, signal: AbortSignal) {
    this.engine = engine;
    this.#next = first;
    this.#signal = signal;
    this.#app = makeApp(replacing(engine, { send: (batch) => this.#repeat(() => engine.send(batch)) }));
  }

  /** Sends so many, together. Resolves to their numbers once they are accepted. */
  async send(count: number, { first = 0, later = 0, ballast = 0 }: Manner = {}): Promise<number[]> {
    const errands = Array.from({ length: count }, (): Errand => {
      const number = this.#next++;
      const times = { first: valueOf(first, number), later: valueOf(later, number) };
      return { number, due: new Date(0), ...times, ...(ballast > 0 && { ballast: "x".repeat(ballast) }) };
    });
    const handles = await this.#app.errand.enqueueMany(errands);
    for (const [index, { number }] of errands.entries()) this.accepted.set(number, handles[index]!.id);
    return errands.map(({ number }) => number);
  }

  async close(): Promise<void> {
    await this.#app.app.close();
  }

  /** The same batch, so that what was accepted although the engine seemed to refuse it is there once. */
  async #repeat<Result>(send: () => Promise<Result>): Promise<Result> {
    const deadline = performance.now() + patience;
    for (let attempt = 1; ; attempt++) {
      this.#signal.throwIfAborted();
      try {
        return await send();
      } catch (error) {
        this.refusals.push(error);
        if (performance.now() > deadline) throw error;
        await sleep(Math.min(20 * attempt, 500));
      }
    }
  }
}

function valueOf(value: number | ((number: number) => number), number: number): number {
  return typeof value === "number" ? value : value(number);
}

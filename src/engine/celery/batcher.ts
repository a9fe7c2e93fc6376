/**
 * Calls that are made while others are under way, taken together.
 *
 * @module
 */

interface Call<T, R> {
  readonly items: readonly T[];
  readonly resolve: (answers: readonly R[]) => void;
  readonly reject: (error: unknown) => void;
}

/** How a {@link Batcher} takes calls together. */
export interface BatcherOptions {
  /** Whether one batch waits for the one before; else there is one for each turn of the event loop. */
  readonly oneByOne?: boolean;
}

/** Takes calls together, whose items are dealt with in their order, and all of a call's together. */
export class Batcher<T, R> {
  readonly #run: (items: readonly T[]) => Promise<readonly R[]>;
  readonly #oneByOne: boolean;
  #calls: Call<T, R>[] = [];
  #asked = false;

  constructor(
    run: (items: readonly T[]) => Promise<readonly R[]>,
    { oneByOne = false }: BatcherOptions = {},
  ) {
    this.#run = run;
    this.#oneByOne = oneByOne;
  }

  /** Resolves with an answer for each item. */
  add(items: readonly T[]): Promise<readonly R[]> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ items, resolve, reject });
      if (this.#asked) return;
      this.#asked = true;
      setImmediate(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const calls = this.#calls;
    this.#calls = [];
    const running = this.#do(calls);
    if (this.#oneByOne) await running;
    this.#asked = this.#calls.length > 0;
    if (this.#asked) setImmediate(() => void this.#flush());
  }

  async #do(calls: readonly Call<T, R>[]): Promise<void> {
    try {
      const answers = await this.#run(calls.flatMap((call) => call.items));
      let at = 0;
      for (const call of calls) call.resolve(answers.slice(at, (at += call.items.length)));
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
  }
}

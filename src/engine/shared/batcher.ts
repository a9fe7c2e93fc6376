/**
 * Calls of one turn of the event loop, taken together.
 *
 * @module
 */

interface Call<T, R> {
  readonly items: readonly T[];
  readonly resolve: (answers: readonly R[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * So many items go together, unless one call has more: while Redis is at them, this process makes the next. A script also
 * keeps everybody else waiting.
 */
const together = 25;

/** Takes calls together, whose items are dealt with in their order, and all of a call's together. */
export class Batcher<T, R> {
  readonly #run: (items: readonly T[]) => Promise<readonly R[]>;
  #calls: Call<T, R>[] = [];
  #count = 0;
  #timer: NodeJS.Immediate | undefined;

  constructor(run: (items: readonly T[]) => Promise<readonly R[]>) {
    this.#run = run;
  }

  /** Resolves with an answer for each item. */
  add(items: readonly T[]): Promise<readonly R[]> {
    return new Promise((resolve, reject) => {
      if (this.#count + items.length > together) this.flush();
      this.#calls.push({ items, resolve, reject });
      this.#count += items.length;
      if (this.#count >= together) this.flush();
      else this.#timer ??= setImmediate(() => this.flush());
    });
  }

  /** Does now what waits. */
  flush(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    if (this.#calls.length === 0) return;
    const calls = this.#calls;
    this.#calls = [];
    this.#count = 0;
    void this.#do(calls);
  }

  async #do(group: readonly Call<T, R>[]): Promise<void> {
    try {
      const answers = await this.#run(group.flatMap((call) => call.items));
      let at = 0;
      for (const call of group) call.resolve(answers.slice(at, (at += call.items.length)));
    } catch (error) {
      for (const call of group) call.reject(error);
    }
  }
}

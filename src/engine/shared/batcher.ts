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

/** So many items go together at most, unless one call has more: a script keeps everybody else waiting. */
const together = 250;

/** Takes calls together, whose items are dealt with in their order, and all of a call's together. */
export class Batcher<T, R> {
  readonly #run: (items: readonly T[]) => Promise<readonly R[]>;
  #calls: Call<T, R>[] = [];
  #timer: NodeJS.Immediate | undefined;

  constructor(run: (items: readonly T[]) => Promise<readonly R[]>) {
    this.#run = run;
  }

  /** Resolves with an answer for each item. */
  add(items: readonly T[]): Promise<readonly R[]> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ items, resolve, reject });
      this.#timer ??= setImmediate(() => this.flush());
    });
  }

  /** Does now what waits. */
  flush(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    const calls = this.#calls;
    this.#calls = [];
    let group: Call<T, R>[] = [];
    let count = 0;
    for (const call of calls) {
      if (count > 0 && count + call.items.length > together) {
        void this.#do(group);
        group = [];
        count = 0;
      }
      group.push(call);
      count += call.items.length;
    }
    if (group.length > 0) void this.#do(group);
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

/** When handlers were started, in the worker's process. @module */

interface Waiting {
  readonly count: number;
  readonly resolve: () => void;
}

/** Takes down each start at the cost of two numbers. */
export class Starts {
  readonly #now: () => number;
  /** By their order. */
  readonly #inOrder: Float64Array;
  /** By the task's `n`: the first start of each. */
  readonly #byTask: Float64Array;
  #count = 0;
  #waiting: Waiting | undefined;

  constructor(capacity: number, now: () => number) {
    this.#now = now;
    // Written once, so that the pages are there from the beginning, and count for nobody's growth.
    this.#inOrder = new Float64Array(capacity).fill(1).fill(0);
    this.#byTask = new Float64Array(capacity).fill(1).fill(0);
  }

  began(n: number): void {
    const at = this.#now();
    this.#byTask[n] ||= at;
    this.#inOrder[this.#count++] = at;
    if (this.#waiting !== undefined && this.#count >= this.#waiting.count) this.#waiting.resolve();
  }

  /** Resolves once there were so many. */
  async until(from: number, count: number): Promise<{ readonly first: number; readonly last: number }> {
    if (this.#count < count) await new Promise<void>((resolve) => (this.#waiting = { count, resolve }));
    this.#waiting = undefined;
    return { first: this.#inOrder[from - 1]!, last: this.#inOrder[count - 1]! };
  }

  of(from: number, count: number): readonly number[] {
    return [...this.#byTask.subarray(from, from + count)];
  }
}

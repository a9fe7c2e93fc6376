/**
 * Batches: whatever one turn of the event loop asks for goes to the server in one statement.
 *
 * @module
 */
import { isUnreachable } from "./errors.ts";

interface Pending<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result | Promise<Result>) => void;
  readonly reject: (error: unknown) => void;
}

/** Does many things at once, in the order in which they were asked for; one batch at a time. */
export class Batcher<Item, Result> {
  readonly #run: (items: readonly Item[]) => Promise<readonly (Result | Promise<Result>)[]>;
  readonly #most: number;
  #pending: Pending<Item, Result>[] = [];
  #running: Promise<void> | undefined;

  /**
   * @param run does a batch, and resolves to what comes of each; to a promise, where that does not concern the batch
   * @param most how many go into one batch
   */
  constructor(run: (items: readonly Item[]) => Promise<readonly (Result | Promise<Result>)[]>, most: number) {
    this.#run = run;
    this.#most = most;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ item, resolve, reject });
      this.#running ??= this.#work();
    });
  }

  /** Resolves once nothing is left to do. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #work(): Promise<void> {
    while (this.#pending.length > 0) {
      // The end of this turn: all that it asks for is here by then.
      await nextTurn();
      const batch = this.#pending.splice(0, this.#most);
      try {
        await this.#do(batch);
      } catch (error) {
        // One that cannot be done shall not take the others with it. A server that is away is away for all.
        if (batch.length === 1 || isUnreachable(error)) for (const { reject } of batch) reject(error);
        else for (const one of batch) await this.#do([one]).catch(one.reject);
      }
    }
    this.#running = undefined;
  }

  async #do(batch: readonly Pending<Item, Result>[]): Promise<void> {
    const results = await this.#run(batch.map(({ item }) => item));
    for (let index = 0; index < batch.length; index++) batch[index]!.resolve(results[index]!);
  }
}

/** The end of this turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Those who wait for the next of something.
 *
 * @module
 */

/** Hands each thing to the one who has waited longest. */
export class Waiters<Thing> {
  readonly #waiting = new Set<{
    readonly give: (thing: Thing) => void;
    readonly fail: (error: unknown) => void;
  }>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Waits for the next. Whoever gave up is given nothing. */
  next(signal: AbortSignal | undefined, changed: () => void): Promise<Thing> {
    return new Promise((resolve, reject) => {
      const over = (): void => {
        this.#waiting.delete(waiter);
        signal?.removeEventListener("abort", aborted);
      };
      const waiter = {
        give: (thing: Thing) => {
          over();
          resolve(thing);
        },
        fail: (error: unknown) => {
          over();
          reject(error as Error);
        },
      };
      const aborted = (): void => {
        waiter.fail(signal!.reason);
        changed();
      };
      signal?.addEventListener("abort", aborted);
      this.#waiting.add(waiter);
      changed();
    });
  }

  /** False when nobody waits. */
  give(thing: Thing): boolean {
    const [first] = this.#waiting;
    first?.give(thing);
    return first !== undefined;
  }

  fail(error: unknown): void {
    for (const { fail } of this.#waiting) fail(error);
  }
}

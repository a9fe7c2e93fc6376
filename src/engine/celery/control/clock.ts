/**
 * Celery's logical clock: by it, events of several workers are put in order.
 *
 * @module
 */

/** A clock of Lamport's. */
export class LogicalClock {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  /** Something happens here. */
  forward(): number {
    return (this.#value += 1);
  }

  /** Something is heard of that happened elsewhere. Whatever is no such time is left alone. */
  adjust(other: unknown): void {
    if (typeof other !== "number" || !Number.isSafeInteger(other) || other < 0 || other > 2 ** 50) return;
    this.#value = Math.max(this.#value, other) + 1;
  }
}

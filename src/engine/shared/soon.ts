/**
 * Calling somebody soon.
 *
 * @module
 */

/** Calls back soon after it was woken: once, however often it is woken meanwhile. */
export class Soon {
  readonly #call: () => void;
  #asked = false;
  #stopped = false;

  constructor(call: () => void) {
    this.#call = call;
  }

  wake(): void {
    if (this.#asked || this.#stopped) return;
    this.#asked = true;
    queueMicrotask(() => {
      this.#asked = false;
      if (!this.#stopped) this.#call();
    });
  }

  /** Never calls again. */
  stop(): void {
    this.#stopped = true;
  }
}

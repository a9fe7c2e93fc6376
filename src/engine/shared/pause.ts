/**
 * Waiting for a while, unless something happens before.
 *
 * @module
 */

/** A pause that can be ended. It does not keep the process alive. */
export class Pause {
  #over: (() => void) | undefined;

  /** Until it is ended, or so many milliseconds. One at a time. */
  for(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        this.#over = undefined;
        resolve();
      };
      const timer = setTimeout(over, milliseconds).unref();
      this.#over = over;
    });
  }

  /** Ends the pause, if there is one. */
  end(): void {
    this.#over?.();
  }
}

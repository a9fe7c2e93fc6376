/**
 * Looking again and again for what nobody tells of.
 *
 * @module
 */

/** How a {@link Lookout} looks. Times in milliseconds. */
export interface LookoutOptions {
  /** How often to look in any case. */
  readonly interval: () => number;
  /** Whether the process shall live as long as this is looking. */
  readonly keepsAlive: boolean;
  /** How long to rest at least between two looks. */
  readonly rest: number;
  readonly look: () => Promise<void>;
}

/** Looks when asked to, one look at a time, and every now and then in any case. A look that fails is no failure. */
export class Lookout {
  readonly #options: LookoutOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #wanted = false;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  get isStarted(): boolean {
    return this.#timer !== undefined;
  }

  /** Starts looking; safe to call again. */
  start(): void {
    if (this.#timer === undefined) this.#later();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Looks now, or once it has rested from the last look. */
  look(): void {
    if (this.#timer === undefined) return;
    this.#wanted = true;
    if (!this.#looking) void this.#look();
  }

  #later(): void {
    const timer = setTimeout(() => this.look(), this.#options.interval());
    this.#timer = this.#options.keepsAlive ? timer : timer.unref();
  }

  async #look(): Promise<void> {
    this.#looking = true;
    while (this.#wanted && this.#timer !== undefined) {
      this.#wanted = false;
      await this.#options.look().catch(() => undefined);
      if (this.#timer === undefined) break;
      clearTimeout(this.#timer);
      this.#later();
      await new Promise((resolve) => {
        setTimeout(resolve, this.#options.rest);
      });
    }
    this.#looking = false;
  }
}

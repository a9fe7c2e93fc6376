/**
 * What an engine opens with its first use, and lets go of when it is closed.
 *
 * @module
 */

/** What is open. */
interface Closable {
  /** Begins to close: tells whoever waits that it will. */
  stop?(): void;
  /** Closes, once the calls under way have ended. */
  close(): Promise<void>;
}

/** How an {@link Opening} opens. */
export interface OpeningOptions<Store> {
  readonly open: () => Promise<Store>;
  /** Makes the error for calls after `close`. */
  readonly closed: () => Error;
  /** After how many milliseconds listeners try again where it could not be opened. */
  readonly retryAfter: number;
}

/** Opens at the first use, and again after an opening that failed; is closed once. */
export class Opening<Store extends Closable> {
  readonly #options: OpeningOptions<Store>;
  #opening: Promise<Store> | undefined;
  #store: Store | undefined;
  #closing: Promise<void> | undefined;
  /**
   * How many calls are under way. No Set of them: one that is always added to and deleted from makes itself anew now and
   * then, and each keeps alive what is in the next, with all that was answered.
   */
  #calls = 0;
  #lastOver: () => void = () => {};

  constructor(options: OpeningOptions<Store>) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** What is open, if it is. */
  get store(): Store | undefined {
    return this.#store;
  }

  /** What is open; opens it if need be. */
  opened(): Promise<Store> {
    if (this.isClosed) return Promise.reject(this.#options.closed());
    this.#opening ??= this.#options.open().then(
      (store) => (this.#store = store),
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  /** Does something that `close` waits for; at once where it is open, so that calls keep their order. */
  call<T>(work: (store: Store) => Promise<T>): Promise<T> {
    if (this.isClosed) return Promise.reject(this.#options.closed());
    const call = this.#store === undefined ? this.opened().then(work) : work(this.#store);
    this.#calls++;
    call.then(this.#over, this.#over);
    return call;
  }

  readonly #over = (): void => {
    if (--this.#calls === 0) this.#lastOver();
  };

  /**
   * Listens, once it is open. `failed` is called whenever it could not be opened, which is tried again and again;
   * `late` when there was a time during which nobody listened.
   *
   * @returns stops it
   */
  listen(listen: (store: Store) => () => void, failed?: () => void, late?: () => void): () => void {
    if (this.isClosed) throw this.#options.closed();
    if (this.#store !== undefined) return listen(this.#store);
    let stop: (() => void) | undefined;
    let stopped = false;
    const isOver = (): boolean => stopped || this.isClosed;
    const attach = async (): Promise<void> => {
      try {
        const store = await this.opened();
        if (isOver()) return;
        stop = listen(store);
        if (late !== undefined) queueMicrotask(() => void (isOver() || late()));
      } catch {
        if (isOver()) return;
        // It may open one day.
        setTimeout(attach, this.#options.retryAfter).unref();
        failed?.();
      }
    };
    void attach();
    return () => {
      stopped = true;
      stop?.();
    };
  }

  /** Refuses further calls, and closes when those under way have ended. */
  close(): Promise<void> {
    this.#closing ??= this.#letGo();
    return this.#closing;
  }

  async #letGo(): Promise<void> {
    const store = await this.#opening?.catch(() => undefined);
    this.#store = undefined;
    store?.stop?.();
    if (this.#calls > 0) await new Promise<void>((resolve) => (this.#lastOver = resolve));
    await store?.close();
  }
}

/**
 * Waiting for a Redis: until it is there, and for what it answers.
 *
 * @module
 */

/** The calls that wait until the server is there. */
export class Waiting {
  readonly #calls = new Set<{ readonly ready: () => void; readonly failed: () => void }>();

  /**
   * Until the server is there. Once the deadline (by `performance.now()`) is over, or nobody is to wait any more, it
   * rejects with what `failure` gives.
   */
  until(deadline: number, failure: () => Error): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const over = (end: () => void): void => {
      clearTimeout(timer);
      this.#calls.delete(call);
      end();
    };
    const call = { ready: () => over(resolve), failed: () => over(() => reject(failure())) };
    const timer = setTimeout(call.failed, Math.max(0, deadline - performance.now()));
    this.#calls.add(call);
    return promise;
  }

  /** The server is there: all go on. */
  ready(): void {
    for (const { ready } of this.#calls) ready();
  }

  /** Nobody waits any longer. */
  failed(): void {
    for (const { failed } of this.#calls) failed();
  }
}

/**
 * What a server answers. Where the deadline (by `performance.now()`) is over before, it is there and says nothing, frozen or
 * cut off without a word: `renew` makes another connection, which may do better, and this rejects.
 */
export async function answerInTime<Answer>(
  asking: Promise<Answer>,
  deadline: number,
  renew: () => void,
): Promise<Answer> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => {
      renew();
      reject(new Error("there was no answer in time"));
    },
    Math.max(1, deadline - performance.now()),
  );
  asking.catch(() => undefined);
  try {
    return await Promise.race([asking, late]);
  } finally {
    clearTimeout(timer);
  }
}

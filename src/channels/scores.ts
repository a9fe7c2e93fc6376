/**
 * Times as channels_redis keeps them: seconds since 1970, by which messages lie in their order and expire.
 *
 * @module
 */

/** The times of one layer. */
export class Scores {
  #last = 0;

  /** Now in seconds, never twice the same: messages of one score lie in the order of their random bytes. */
  next(): string {
    this.#last = Math.max(Date.now() * 1000, this.#last + 1);
    return (this.#last / 1_000_000).toFixed(6);
  }
}

/** The latest second that has expired, of what lasts for so many. */
export function latestExpired(expiry: number): string {
  return String(Math.floor(Date.now() / 1000) - expiry);
}

/** When what came at a score is gone. */
export function expiresAt(score: string, expiry: number): Date {
  return new Date((Number(score) + expiry) * 1000);
}

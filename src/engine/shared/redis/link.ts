/**
 * One connection to Redis, whichever client it is made of.
 *
 * @module
 */

/** A part of a command. */
export type Part = string | Uint8Array;

/** What a link tells. */
export interface LinkListener {
  /** There is a connection, for the first time or again. */
  ready?(): void;
  /** A message came on a channel. */
  message?(channel: string, message: Uint8Array): void;
}

/**
 * A connection of our own. It connects again by itself for as long as it is open, queues nothing and repeats
 * nothing. It does not keep the process alive unless it is told so.
 */
export interface Link {
  readonly isReady: boolean;
  /** Why there is no connection, as far as it is known. */
  readonly problem: unknown;
  listen(listener: LinkListener): () => void;
  /** Sends a command. Texts in its reply are buffers. */
  send(command: readonly Part[]): Promise<unknown>;
  /**
   * Hears a channel, or all that are like a pattern, for as long as this connection lasts; to be called again when there is
   * another. What is heard by a pattern is told under that.
   */
  subscribe(channel: string, isPattern?: boolean): Promise<void>;
  unsubscribe(channel: string, isPattern?: boolean): Promise<void>;
  /** Whether it keeps the process alive. */
  keepAlive(yes: boolean): void;
  /** Drops the connection, and makes another: this one is there, and says nothing. */
  renew(): void;
  close(): void;
}

/** After how many milliseconds to connect again. */
export function retryDelay(times: number): number {
  return Math.min(50 * (times + 1), 1000);
}

/** Those who listen to a link. */
export class LinkListeners {
  readonly #listeners = new Set<LinkListener>();

  add(listener: LinkListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  ready(): void {
    for (const listener of this.#listeners) listener.ready?.();
  }

  message(channel: string, message: Uint8Array): void {
    for (const listener of this.#listeners) listener.message?.(channel, message);
  }
}

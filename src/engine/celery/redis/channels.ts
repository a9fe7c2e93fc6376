/**
 * Messages between processes, by Redis's channels.
 *
 * @module
 */
import type { Link } from "../../shared/redis/link.ts";

/** Called with each message, and without one whenever it has begun, or begun again, to hear: whatever was before, it missed. */
export type Hear = (message: Buffer | undefined) => void;

/** Listens to channels, through reconnects. */
export class Channels {
  readonly #link: Link;
  readonly #listeners = new Map<string, Set<Hear>>();
  readonly #patterns = new Set<string>();
  #closed = false;

  constructor(link: Link) {
    this.#link = link;
    // To listen is no reason to stay alive.
    link.keepAlive(false);
    link.listen({
      ready: () => {
        for (const [channel, listeners] of this.#listeners) this.#subscribe(channel, listeners);
      },
      message: (channel, { buffer, byteOffset, byteLength }) => {
        const message = Buffer.from(buffer, byteOffset, byteLength);
        for (const hear of this.#listeners.get(channel) ?? []) hear(message);
      },
    });
  }

  /** Hears a channel, or all that are like a pattern of Redis's. Returns the function that stops it. */
  listen(channel: string, hear: Hear, isPattern = false): () => void {
    if (isPattern) this.#patterns.add(channel);
    const listeners = this.#listeners.get(channel) ?? new Set();
    listeners.add(hear);
    this.#listeners.set(channel, listeners);
    // Redis takes commands in their order: what is sent after this is heard.
    if (this.#link.isReady) this.#subscribe(channel, new Set([hear]));
    return () => {
      if (!listeners.delete(hear) || listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      if (this.#link.isReady) this.#link.unsubscribe(channel, isPattern).catch(() => undefined);
    };
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#link.close();
  }

  #subscribe(channel: string, told: ReadonlySet<Hear>): void {
    this.#link.subscribe(channel, this.#patterns.has(channel)).then(
      () => {
        if (this.#closed) return;
        const listeners = this.#listeners.get(channel);
        for (const hear of told) if (listeners?.has(hear)) hear(undefined);
      },
      // The connection broke: again when it is there again.
      () => undefined,
    );
  }
}

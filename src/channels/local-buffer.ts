/**
 * Messages to process-local channels that came while nobody here waited for them.
 *
 * @module
 */

interface Kept<Message> {
  readonly message: Message;
  /** When it has expired, in milliseconds since the process began. */
  readonly until: number;
}

/** At most so many channels have messages here; what came first goes first. */
const mostChannels = 1000;

/** Keeps them for as long as Redis would. */
export class LocalBuffer<Message> {
  readonly #kept = new Map<string, Kept<Message>[]>();
  readonly #lasts: number;

  /** @param expiry in seconds */
  constructor(expiry: number) {
    this.#lasts = expiry * 1000;
  }

  /** Keeps one. Returns the channels of which messages were thrown away for it. */
  put(channel: string, message: Message, capacity: number): string[] {
    this.#sweep();
    const queue = this.#kept.get(channel) ?? [];
    this.#kept.set(channel, queue);
    queue.push({ message, until: performance.now() + this.#lasts });
    const dropped: string[] = [];
    if (queue.length > capacity) {
      queue.shift();
      dropped.push(channel);
    }
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostChannels && oldest !== undefined) {
      this.#kept.delete(oldest);
      dropped.push(oldest);
    }
    return dropped;
  }

  take(channel: string): Message | undefined {
    this.#sweep();
    const queue = this.#kept.get(channel);
    const first = queue?.shift();
    if (queue?.length === 0) this.#kept.delete(channel);
    return first?.message;
  }

  #sweep(): void {
    const now = performance.now();
    for (const [channel, queue] of this.#kept) {
      while (queue.length > 0 && queue[0]!.until <= now) queue.shift();
      if (queue.length === 0) this.#kept.delete(channel);
    }
  }
}

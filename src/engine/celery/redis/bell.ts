/**
 * Hearing at once of what arrives in a queue, from whichever program.
 *
 * @module
 */
import { Pause } from "../../shared/pause.ts";
import type { Link } from "../../shared/redis/link.ts";

/** For how many seconds it waits in Redis at a time, after which a connection that is dead is noticed. */
const block = 5;

/** How a {@link Bell} behaves. */
export interface BellOptions {
  /** The list that it listens to. */
  readonly list: string;
  readonly ring: () => void;
  /** After how many milliseconds it is set again by itself, once it has rung. */
  readonly rest: number;
  /** For how many milliseconds an answer may be late. */
  readonly timeout: number;
}

/**
 * Rings when there is something in a list: it moves the next message to where it is, which loses nothing whatever breaks
 * in between. Having rung it is quiet until it is set again.
 */
export class Bell {
  readonly #link: Link;
  readonly #options: BellOptions;
  #stopped = false;
  readonly #pause = new Pause();
  #isSet = false;

  constructor(link: Link, options: BellOptions) {
    this.#link = link;
    this.#options = options;
    link.keepAlive(false);
    link.listen({ ready: () => this.#pause.end() });
    void this.#listen();
  }

  /** From now on it rings again. */
  set(): void {
    this.#isSet = true;
    this.#pause.end();
  }

  stop(): void {
    this.#stopped = true;
    this.#pause.end();
    this.#link.close();
  }

  async #listen(): Promise<void> {
    const { list, ring, rest, timeout } = this.#options;
    while (!this.#stopped) {
      if (!this.#link.isReady) {
        await this.#pause.for(rest);
        continue;
      }
      this.#isSet = false;
      const late = setTimeout(() => this.#link.renew(), block * 1000 + timeout).unref();
      try {
        const found = await this.#link.send(["BLMOVE", list, list, "RIGHT", "RIGHT", String(block)]);
        if (found === null || this.#stopped) continue;
        ring();
        // What it was set for meanwhile may be what it rang for.
        if (!this.#isSet) await this.#pause.for(rest);
      } catch {
        // The connection broke, or the key is no list: the looks now and then go on.
        if (!this.#stopped) await this.#pause.for(Math.min(rest, 200));
      } finally {
        clearTimeout(late);
      }
    }
  }
}

/** Telling browsers what has changed, as server-sent events: an event is HTML, parts of the page as they are now. */
import type { SSEStreamingApi } from "hono/streaming";

/** How soon a browser that has lost its stream asks for another, in milliseconds. */
const retry = 1000;
/** A browser is sent no more than one event in so many milliseconds: nobody sees more. */
const rest = 50;

/** One browser: of each part, the latest that it has not been sent. */
class Browser {
  readonly #waiting = new Map<string, string>();
  #wake = (): void => {};
  hasLeft = false;

  put(part: string, html: string): void {
    this.#waiting.set(part, html);
    this.#wake();
  }

  leave(): void {
    this.hasLeft = true;
    this.#wake();
  }

  /** What waits, once there is something; nothing when it has left, or after so many milliseconds. */
  async take(patience: number): Promise<string> {
    if (this.#waiting.size === 0 && !this.hasLeft) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patience);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const html = [...this.#waiting.values()].join("\n");
    this.#waiting.clear();
    return html;
  }
}

/** The browsers that look on. */
export class Live {
  readonly #browsers = new Set<Browser>();
  readonly #everything: () => Promise<string>;
  readonly #heartbeat: number;
  #reading: Promise<string> | undefined;
  #closed = false;

  /**
   * `everything`: all that changes, as it is now. `heartbeat`: how often an idle stream is written to, in
   * milliseconds, to find out whether anybody is there.
   */
  constructor(everything: () => Promise<string>, { heartbeat = 20_000 } = {}) {
    this.#everything = everything;
    this.#heartbeat = heartbeat;
  }

  /** How many browsers there are. */
  get size(): number {
    return this.#browsers.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Tells all browsers of a part of the page. */
  publish(part: string, html: string): void {
    // Whoever comes later was not told of this: it must be in what that one reads.
    this.#reading = undefined;
    for (const browser of this.#browsers) browser.put(part, html);
  }

  /**
   * Tells a browser everything, then what changes, until it goes away. What it is too slow to take waits, of each
   * part the latest alone.
   */
  async tell(stream: SSEStreamingApi): Promise<void> {
    const browser = new Browser();
    stream.onAbort(() => browser.leave());
    // From here on it misses nothing: what changes while everything is read comes after it.
    this.#browsers.add(browser);
    try {
      await stream.writeSSE({ data: await this.#read(), retry });
      while (!browser.hasLeft) {
        const html = await browser.take(this.#heartbeat);
        await (html === "" ? stream.write(":\n\n") : stream.writeSSE({ data: html }));
        if (!browser.hasLeft) await stream.sleep(rest);
      }
    } finally {
      this.#browsers.delete(browser);
      // While nobody looks on, nothing is published.
      if (this.#browsers.size === 0) this.#reading = undefined;
    }
  }

  /** Everything. Browsers that come at once, as all do after a restart, share one reading. */
  #read(): Promise<string> {
    if (this.#reading) return this.#reading;
    const reading = this.#everything().finally(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    this.#reading = reading;
    return reading;
  }

  /** Ends every stream. Browsers ask for another by themselves, of whoever is there then. */
  close(): void {
    this.#closed = true;
    for (const browser of this.#browsers) browser.leave();
  }
}

/**
 * Removing tasks that have ended long ago.
 *
 * @module
 */
import type { Database } from "./database.ts";

/** About so many tasks are removed, and at most so many looked at, in one statement. */
const mostAtOnce = 500;
/** How often to sweep, in milliseconds, where nothing said when. */
const interval = 30_000;

/** What `own.sweep` gives. */
interface Swept {
  /** How many were to be removed, as it seemed. */
  readonly removed: number;
  /** Where to go on. */
  readonly last: number;
  /** In how many milliseconds the next is to be removed. */
  readonly next: number | null;
}

/** Sweeps now and then, and when something is to be removed of which that was said. */
export class Sweeper {
  readonly #database: Database;
  #timer: NodeJS.Timeout | undefined;
  #at = Infinity;
  #after = 0;
  #sweeping: Promise<void> | undefined;
  #stopped = false;

  constructor(database: Database) {
    this.#database = database;
    // Not all processes at once.
    this.in(interval * (0.5 + Math.random() / 2));
  }

  /** Something is to be removed in so many milliseconds. */
  in(span: number): void {
    const at = performance.now() + span;
    if (this.#stopped || at >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = setTimeout(
      () => {
        this.#sweeping = this.#sweep().finally(() => (this.#sweeping = undefined));
      },
      Math.max(span, 1),
    ).unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    this.#at = Infinity;
    let next: number | null = null;
    try {
      let removed: number;
      do {
        const swept = await this.#database.json<Swept>(
          "removing old tasks",
          `SELECT ${this.#database.names.own}.sweep($1::int, $2::bigint) AS json`,
          [mostAtOnce, this.#after],
        );
        ({ removed, next, last: this.#after } = swept);
      } while (removed >= mostAtOnce && !this.#stopped);
    } catch {
      // The next time.
    }
    // Not without rest, should others keep from it what is to be removed.
    this.in(Math.min(interval, Math.max(next ?? interval, 50)));
  }
}

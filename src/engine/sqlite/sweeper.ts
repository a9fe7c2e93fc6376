/**
 * When old tasks are removed.
 *
 * @module
 */
import type { Changes, Committer } from "./committer.ts";
import type { Retention } from "./retention.ts";

/** Records that are to be kept for less than the usual time are removed no more often than this, in milliseconds. */
const grain = 250;

/** No longer than this many milliseconds between two sweeps. */
const longestPause = 60_000;

/** Sweeps now and then, and when the time of a record has come that was to be kept for a short time only. */
export class Sweeper {
  readonly #retention: Retention;
  readonly #committer: Committer;
  readonly #pause: number;
  /** When to sweep, besides now and then; no later than the longest pause from now. */
  readonly #times = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #at = Infinity;
  #stopped = false;

  /** `usual` is how long records are kept unless told, in milliseconds. */
  constructor(retention: Retention, committer: Committer, usual: number) {
    this.#retention = retention;
    this.#committer = committer;
    this.#pause = Math.min(longestPause, Math.max(50, usual / 4));
    this.#plan(this.#usualPause());
  }

  /** What this process has committed. */
  committed({ removals }: Changes): void {
    const now = Date.now();
    for (const removal of removals) {
      const time = Math.ceil(removal / grain) * grain;
      // What comes later is found by sweeping now and then.
      if (time > now + longestPause) continue;
      this.#times.add(time);
      if (time < this.#at) this.#plan(time - now);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Not the same in every process, so that they take turns. */
  #usualPause(): number {
    return this.#pause * (0.5 + Math.random() / 2);
  }

  #plan(pause: number): void {
    clearTimeout(this.#timer);
    this.#at = Date.now() + pause;
    this.#timer = setTimeout(() => void this.#sweep(), pause).unref();
  }

  async #sweep(): Promise<void> {
    let more = false;
    try {
      if (this.#retention.isDue()) {
        more = await this.#committer.run("removing old tasks", () => this.#retention.remove());
      }
    } catch {
      // Nobody asked for it: the next sweep will do it, and a file that is broken tells everybody else.
    }
    if (this.#stopped) return;
    const now = Date.now();
    for (const time of this.#times) if (time <= now) this.#times.delete(time);
    this.#plan(more ? 10 : Math.min(this.#usualPause(), Math.min(...this.#times) - now));
  }
}

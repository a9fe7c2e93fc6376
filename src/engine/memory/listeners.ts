/**
 * Telling listeners that there may be something to claim.
 *
 * @module
 */
import { Soon } from "../shared/soon.ts";

interface Listener {
  readonly queues: ReadonlySet<string>;
  readonly call: Soon;
}

/** What the listeners are told about. */
export interface Readiness {
  /** Whether a claim on these queues may find something. */
  readonly isReady: (queues: ReadonlySet<string>, now: number) => boolean;
  /** The next time after this at which something becomes ready by itself; Infinity when nothing will. */
  readonly nextTime: (after: number) => number;
}

const longestTimer = 2 ** 31 - 1;

/** Calls listeners, now and when a time has come. Its timer does not keep the process alive. */
export class Listeners {
  readonly #readiness: Readiness;
  readonly #now: () => number;
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | undefined;
  /** What was due by then was told. */
  #told: number;

  constructor(readiness: Readiness, now: () => number) {
    this.#readiness = readiness;
    this.#now = now;
    this.#told = now();
  }

  add(queues: readonly string[], call: () => void): () => void {
    const listener: Listener = { queues: new Set(queues), call: new Soon(call) };
    this.#listeners.add(listener);
    if (this.#readiness.isReady(listener.queues, this.#now())) listener.call.wake();
    this.timesChanged();
    return () => {
      listener.call.stop();
      this.#listeners.delete(listener);
      this.timesChanged();
    };
  }

  /** Something is ready in this queue. */
  ready(queue: string): void {
    for (const listener of this.#listeners) if (listener.queues.has(queue)) listener.call.wake();
  }

  /** Sets the timer anew: something may become ready earlier, or later, than it was set to. */
  timesChanged(): void {
    clearTimeout(this.#timer);
    if (this.#listeners.size === 0) return;
    // What was told once is not told again and again while nobody claims; whatever came due since then is.
    const at = this.#readiness.nextTime(this.#told);
    if (at === Infinity) return;
    const delay = Math.min(Math.max(at - this.#now(), 1), longestTimer);
    this.#timer = setTimeout(() => this.#look(), delay).unref();
  }

  clear(): void {
    for (const listener of this.#listeners) listener.call.stop();
    this.#listeners.clear();
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#told = this.#now();
    for (const listener of this.#listeners) {
      if (this.#readiness.isReady(listener.queues, this.#told)) listener.call.wake();
    }
    this.timesChanged();
  }
}

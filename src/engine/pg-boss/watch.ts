/**
 * Telling whoever watches a task that it has changed.
 *
 * @module
 */
import { jobId } from "./ids.ts";
import { Lookout } from "./lookout.ts";
import type { Tasks } from "./tasks.ts";

interface Watched {
  /** Who answers for it: known after the first look. */
  job: string | undefined;
  /** How it was when it was looked at last; null when it was not there, undefined when it was not looked at. */
  seen: string | null | undefined;
  readonly listeners: Set<() => void>;
}

/** A task that changes all the time is told of no more often than once in so many milliseconds. */
const rest = 10;

/** Hears of changes from this process's own doings, from notices, and from looking now and then. */
export class TaskWatch {
  readonly #tasks: Tasks;
  readonly #lookout: Lookout;
  /** By the job of the id that is watched. */
  readonly #watched = new Map<string, Watched>();
  readonly #ids = new Map<string, string>();

  constructor(tasks: Tasks, interval: () => number) {
    this.#tasks = tasks;
    this.#lookout = new Lookout({ interval, rest, keepsAlive: false, look: () => this.#look() });
  }

  /** See {@link Engine.watch}. */
  listen(id: string, listener: () => void): () => void {
    const own = jobId(id);
    const watched: Watched = this.#watched.get(own) ?? {
      job: undefined,
      seen: undefined,
      listeners: new Set(),
    };
    this.#watched.set(own, watched);
    this.#ids.set(own, id);
    // One of its own for each call, even if two give the same.
    const call = (): void => listener();
    watched.listeners.add(call);
    this.#lookout.start();
    this.#lookout.look();
    return () => {
      watched.listeners.delete(call);
      if (watched.listeners.size === 0 && this.#watched.get(own) === watched) {
        this.#watched.delete(own);
        this.#ids.delete(own);
      }
      if (this.#watched.size === 0) this.#lookout.stop();
    };
  }

  /** Jobs have changed; without any: some may have. */
  changed(jobs: readonly string[] | undefined): void {
    if (this.#watched.size === 0) return;
    const isWatched =
      jobs === undefined ||
      [...this.#watched].some(
        ([own, { job }]) => job === undefined || jobs.includes(job) || jobs.includes(own),
      );
    if (isWatched) this.#lookout.look();
  }

  stop(): void {
    for (const { listeners } of this.#watched.values()) listeners.clear();
    this.#watched.clear();
    this.#lookout.stop();
  }

  async #look(): Promise<void> {
    for (const [own, watched] of this.#watched) {
      // A task that is not there yet may be sent, or become one for which another answers.
      if (watched.job === undefined || watched.seen === null)
        watched.job = await this.#tasks.answering(this.#ids.get(own) ?? own);
    }
    const jobs = [...new Set([...this.#watched.values()].map(({ job }) => job))].filter(
      (job) => job !== undefined,
    );
    const found = await this.#tasks.signatures(jobs);
    for (const watched of this.#watched.values()) {
      if (watched.job === undefined) continue;
      const current = found.get(watched.job) ?? null;
      if (current === watched.seen) continue;
      const isFirst = watched.seen === undefined;
      watched.seen = current;
      // What changed between the call and the first look is not known: better one call too many.
      if (isFirst && current === null) continue;
      for (const call of watched.listeners) {
        queueMicrotask(() => {
          if (watched.listeners.has(call)) call();
        });
      }
    }
  }
}

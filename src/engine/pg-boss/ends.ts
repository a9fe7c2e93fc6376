/**
 * Telling whoever waits that a task has ended.
 *
 * @module
 */
import type { TaskRecord } from "../../engine.ts";
import { Lookout } from "./lookout.ts";
import type { Tasks } from "./tasks.ts";

interface Waiter {
  readonly resolve: (record: TaskRecord | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** At most so many tasks are looked up at once. */
const mostAtOnce = 500;

/** Hears of ends from this process's own doings, from notices, and from looking now and then. */
export class EndWatch {
  readonly #tasks: Tasks;
  readonly #lookout: Lookout;
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** Jobs that are to be looked up at the next look; undefined for all. */
  #wanted: Set<string> | undefined = new Set();

  constructor(tasks: Tasks, interval: () => number) {
    this.#tasks = tasks;
    this.#lookout = new Lookout({
      // Every time all of them: of what pg-boss's own workers end, nobody tells.
      interval: () => {
        this.#wanted = undefined;
        return interval();
      },
      keepsAlive: true,
      rest: 1,
      look: () => this.#look(),
    });
  }

  /** Resolves once the job has ended, or as undefined when it is not there. */
  wait(job: string, signal?: AbortSignal): Promise<TaskRecord | undefined> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#remove(job, waiter);
        reject(signal?.reason);
      };
      const done = (): void => signal?.removeEventListener("abort", abort);
      const waiter: Waiter = {
        resolve: (record) => {
          done();
          resolve(record);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      signal?.addEventListener("abort", abort, { once: true });
      const waiters = this.#waiters.get(job) ?? new Set();
      this.#waiters.set(job, waiters.add(waiter));
      // First listen, then look: what ends in between is heard.
      this.#want([job]);
    });
  }

  /** Jobs have ended; without any: some may have. */
  ended(jobs: readonly string[] | undefined): void {
    if (this.#waiters.size === 0) return;
    const awaited = jobs?.filter((job) => this.#waiters.has(job));
    if (awaited?.length !== 0) this.#want(awaited);
  }

  /** Rejects everybody who waits. */
  stop(error: unknown): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.reject(error);
    this.#waiters.clear();
    this.#lookout.stop();
  }

  #want(jobs: readonly string[] | undefined): void {
    this.#lookout.start();
    if (jobs === undefined) this.#wanted = undefined;
    else for (const job of jobs) this.#wanted?.add(job);
    this.#lookout.look();
  }

  async #look(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = new Set();
    const jobs = [...(wanted ?? this.#waiters.keys())].filter((job) => this.#waiters.has(job));
    for (let start = 0; start < jobs.length; start += mostAtOnce) {
      const some = jobs.slice(start, start + mostAtOnce);
      const found = await this.#tasks.ends(some);
      for (const job of some) {
        const record = found.get(job);
        if (record === undefined && found.has(job)) continue;
        const waiters = this.#waiters.get(job);
        this.#waiters.delete(job);
        for (const waiter of waiters ?? []) waiter.resolve(record);
      }
    }
    if (this.#waiters.size === 0) this.#lookout.stop();
  }

  #remove(job: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(job);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(job);
    if (this.#waiters.size === 0) this.#lookout.stop();
  }
}

/**
 * The workers of this process, as one node among Celery's.
 *
 * @module
 */
import type { ClaimRequest, WorkerAbout } from "../../../engine.ts";

/** So many queues may be added by remote control: each is asked whenever a worker has nothing to do. */
const mostAdded = 100;

/** So many may be cancelled: whoever asks for that may be anyone. */
const mostCancelled = 1000;

interface Known {
  queues: readonly string[];
  about: WorkerAbout | undefined;
}

/** Knows who claims here. */
export class Workers {
  readonly #known = new Map<string, Known>();
  readonly #added = new Set<string>();
  readonly #cancelled = new Set<string>();
  /** Tasks that were begun, by name. */
  readonly total = new Map<string, number>();
  processed = 0;

  /** A worker claims. */
  seen({ worker, queues, about }: ClaimRequest): void {
    const known = this.#known.get(worker);
    if (known === undefined) this.#known.set(worker, { queues, about });
    else {
      known.queues = queues;
      known.about = about;
    }
  }

  /** A worker claims no more. */
  gone(worker: string): void {
    this.#known.delete(worker);
  }

  /** A task was begun. */
  began(task: string): void {
    this.processed += 1;
    this.total.set(task, (this.total.get(task) ?? 0) + 1);
    // Names come from others.
    if (this.total.size > 10_000) this.total.delete(this.total.keys().next().value!);
  }

  /** The queues that a worker takes from, with what remote control has added and without what it has cancelled. */
  queuesOf(queues: readonly string[]): readonly string[] {
    if (this.#added.size === 0 && this.#cancelled.size === 0) return queues;
    return [...new Set([...queues, ...this.#added])].filter((queue) => !this.#cancelled.has(queue));
  }

  /** Of these queues, those that were asked for by none but remote control. */
  addedOf(queues: readonly string[], asked: readonly string[]): readonly string[] {
    return this.#added.size === 0 ? [] : queues.filter((queue) => !asked.includes(queue));
  }

  /** False where no more may be added. */
  addQueue(queue: string): boolean {
    if (!this.#added.has(queue) && this.#added.size >= mostAdded) return false;
    this.#cancelled.delete(queue);
    this.#added.add(queue);
    return true;
  }

  /** False where no more may be cancelled. */
  cancelQueue(queue: string): boolean {
    if (!this.#cancelled.has(queue) && this.#cancelled.size >= mostCancelled) return false;
    this.#added.delete(queue);
    this.#cancelled.add(queue);
    return true;
  }

  /** All queues that are taken from. */
  get queues(): readonly string[] {
    const all = [...this.#known.values()].flatMap(({ queues }) => queues);
    return this.queuesOf([...new Set(all)]);
  }

  /** The names of the tasks that workers here run, in alphabetical order; none where no worker tells. */
  get tasks(): readonly string[] {
    const names = [...this.#known.values()].flatMap(({ about }) => about?.tasks() ?? []);
    return [...new Set(names)].sort();
  }

  /** Whether a task may be run here: also where no worker tells. */
  mayRun(task: string): boolean {
    const { abouts } = this;
    return abouts.length === 0 || abouts.some((about) => about.tasks().includes(task));
  }

  /** How many tasks run here at the same time. */
  get concurrency(): number {
    return this.abouts.reduce((sum, { concurrency }) => sum + concurrency, 0);
  }

  get abouts(): readonly WorkerAbout[] {
    return [...this.#known.values()].flatMap(({ about }) => about ?? []);
  }
}

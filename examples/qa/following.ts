/** Following tasks: the web process keeps itself told of each task that is on its way, for all browsers at once. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine, Progress, Reference, TaskState } from "petiole";

/** A task, by name, about a row of the database. */
export interface Errand {
  readonly task: string;
  readonly about: Reference;
}

/** How far a task has come. */
export interface Standing {
  readonly state: TaskState;
  readonly progress?: Progress | undefined;
}

interface Followed extends Errand {
  readonly id: string;
  standing: Standing;
  stop(): void;
}

/**
 * Follows the newest task of each name about each row until it has succeeded. One that ended in another way is
 * followed on, for a person may have it retried. There is one watch for a task, and none for what is done: a page
 * full of old posts costs nothing.
 */
export class Following {
  readonly #engine: Engine;
  readonly #onChange: (errand: Errand) => Promise<void>;
  readonly #followed = new Map<string, Followed>();

  /** `onChange` is called for one change of a task after another; when it rejects, again. */
  constructor(engine: Engine, onChange: (errand: Errand) => Promise<void>) {
    this.#engine = engine;
    this.#onChange = onChange;
  }

  /** Follows a task, in place of an older one of the same name about the same row. */
  follow({ task, about }: Errand, id: string): void {
    const key = keyOf(task, about);
    const before = this.#followed.get(key);
    if (before?.id === id) return;
    before?.stop();
    const followed: Followed = { task, about, id, standing: { state: "waiting" }, stop: () => {} };
    this.#followed.set(key, followed);
    void this.#watch(followed, () => this.#followed.get(key) === followed);
  }

  /** How far each task that has not succeeded has come by now. */
  standings(): (errand: Errand) => Standing | undefined {
    const standings = new Map([...this.#followed].map(([key, { standing }]) => [key, standing]));
    return ({ task, about }) => standings.get(keyOf(task, about));
  }

  stop(): void {
    for (const { stop } of this.#followed.values()) stop();
    this.#followed.clear();
  }

  async #watch(followed: Followed, isWanted: () => boolean): Promise<void> {
    let wake = (): void => {};
    followed.stop = this.#engine.watch(followed.id, () => wake());
    while (isWanted()) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      try {
        const record = await this.#engine.find(followed.id);
        if (!isWanted()) return;
        // One that is no longer kept succeeded long ago.
        const { state, progress } = record ?? { state: "succeeded" };
        followed.standing = { state, progress };
        await this.#onChange(followed);
        if (state !== "succeeded") await changed;
        else if (isWanted()) {
          this.#followed.delete(keyOf(followed.task, followed.about));
          followed.stop();
        }
      } catch (error) {
        if (isWanted()) console.error(error);
        await sleep(1000, undefined, { ref: false });
      }
    }
  }
}

function keyOf(task: string, about: Reference): string {
  return `${task} ${about.identity}`;
}

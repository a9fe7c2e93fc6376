/**
 * Telling listeners that there may be something to claim.
 *
 * @module
 */
import type { Database } from "./database.ts";
import { Lookout } from "./lookout.ts";
import { Soon } from "../shared/soon.ts";
import { toQueue } from "./queue-names.ts";

interface Listener {
  readonly queues: ReadonlySet<string>;
  readonly call: Soon;
}

const longestTimer = 2 ** 31 - 1;

/**
 * Hears of ready tasks from this process's own doings, from the others' notices, from a timer that is set for the next
 * time of a task or end of a lease, and, so that nothing is missed for long, from looking every now and then. Queues
 * are named as pg-boss names them. Times come as spans, measured by the server's clock.
 */
export class ReadyWatch {
  readonly #database: Database;
  readonly #lookout: Lookout;
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  /** When a lane that a claim found full may have room by itself, by `performance.now()`. */
  #roomAt = Infinity;

  constructor(database: Database, interval: () => number) {
    this.#database = database;
    this.#lookout = new Lookout({ interval, keepsAlive: false, rest: 1, look: () => this.#look() });
  }

  /** See {@link Engine.onReady}. */
  listen(queues: readonly string[], call: () => void): () => void {
    const listener: Listener = { queues: new Set(queues.map(toQueue)), call: new Soon(call) };
    this.#listeners.add(listener);
    this.#lookout.start();
    this.#lookout.look();
    return () => {
      listener.call.stop();
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  /** Queues have something; without any: look. */
  ready(queues: Iterable<string> | undefined): void {
    if (this.#listeners.size === 0) return;
    if (queues === undefined) {
      this.#lookout.look();
      return;
    }
    for (const queue of queues) {
      for (const listener of this.#listeners) if (listener.queues.has(queue)) listener.call.wake();
    }
  }

  /** There may be something in so many milliseconds. */
  in(span: number): void {
    if (this.#listeners.size > 0) this.#setTimer(performance.now() + span);
  }

  /** A claim has found a lane full that may have room in so many milliseconds. */
  roomIn(span: number): void {
    this.#roomAt = Math.min(this.#roomAt, performance.now() + span);
    this.in(span);
  }

  stop(): void {
    for (const { call } of this.#listeners) call.stop();
    this.#listeners.clear();
    this.#lookout.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = this.#roomAt = Infinity;
  }

  /** Wakes those for whom something is ready now, and sets the timer for the others. */
  async #look(): Promise<void> {
    const queues = [...new Set([...this.#listeners].flatMap((listener) => [...listener.queues]))];
    const now = performance.now();
    const hasRoom = this.#roomAt <= now;
    if (hasRoom) this.#roomAt = Infinity;
    let looks: readonly (readonly [boolean, number | null])[];
    try {
      looks = await this.#database.json(
        "looking for tasks",
        `SELECT ${this.#database.names.own}.look($1::text[]) AS json`,
        [queues],
      );
    } catch (error) {
      // Whoever claims is told why.
      for (const listener of this.#listeners) listener.call.wake();
      throw error;
    }
    const ready = new Set(queues.filter((_, index) => looks[index]?.[0] === true));
    let next = this.#roomAt - now;
    for (const [, span] of looks) if (span !== null) next = Math.min(next, span);
    for (const listener of this.#listeners) {
      if ([...listener.queues].some((queue) => ready.has(queue))) listener.call.wake();
    }
    clearTimeout(this.#timer);
    this.#timerAt = Infinity;
    if (next !== Infinity) this.in(next);
  }

  #setTimer(at: number): void {
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    // A millisecond more: the server's clock has moved on by then for sure.
    const span = Math.min(Math.max(at - performance.now(), 0) + 1, longestTimer);
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#lookout.look();
    }, span).unref();
  }
}

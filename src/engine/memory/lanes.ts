/**
 * How much more may run of the lanes that have limits.
 *
 * @module
 */
import type { LaneLimit } from "../../engine.ts";
import type { Entry } from "./entry.ts";

type Limits = ReadonlyMap<string, LaneLimit>;

/** Remembers when tasks of lanes with a rate were started. */
export class Lanes {
  readonly #starts = new Map<string, number[]>();

  /** What was started then was not run: it does not count. */
  giveBack(lane: string, at: number | undefined): void {
    const starts = this.#starts.get(lane) ?? [];
    const index = at === undefined ? -1 : starts.indexOf(at);
    if (index >= 0) this.#starts.set(lane, starts.toSpliced(index, 1));
  }

  /** What these limits leave for one claim. */
  rooms(limits: Limits | undefined, running: Iterable<Entry>, now: number): Rooms {
    return new Rooms(limits ?? new Map(), running, this.#starts, now);
  }
}

/** What is left of each lane during one claim. */
export class Rooms {
  readonly #limits: Limits;
  readonly #running: Iterable<Entry>;
  readonly #starts: Map<string, number[]>;
  readonly #now: number;
  readonly #rooms = new Map<string, number>();

  constructor(limits: Limits, running: Iterable<Entry>, starts: Map<string, number[]>, now: number) {
    this.#limits = limits;
    this.#running = running;
    this.#starts = starts;
    this.#now = now;
  }

  /** How many more of this lane may start; Infinity for one without limits. */
  of(lane: string): number {
    const limit = lane === "" ? undefined : this.#limits.get(lane);
    if (limit === undefined) return Infinity;
    const room = this.#rooms.get(lane) ?? this.#count(lane, limit);
    this.#rooms.set(lane, room);
    return room;
  }

  /** One of this lane starts. */
  take(lane: string): void {
    const room = this.of(lane);
    if (room === Infinity) return;
    this.#rooms.set(lane, room - 1);
    if (this.#limits.get(lane)?.rate !== undefined) {
      this.#starts.set(lane, [...(this.#starts.get(lane) ?? []), this.#now]);
    }
  }

  /** When one of the lanes that turned out to be full may have room by itself; Infinity when none will. */
  nextTime(): number {
    let next = Infinity;
    for (const [lane, room] of this.#rooms) {
      if (room > 0) continue;
      const limit = this.#limits.get(lane);
      const [oldest] = this.#starts.get(lane) ?? [];
      if (limit?.rate !== undefined && oldest !== undefined) next = Math.min(next, oldest + limit.rate.per);
      for (const entry of this.#live(lane)) next = Math.min(next, entry.leaseUntil);
    }
    return next;
  }

  #count(lane: string, { concurrency = Infinity, rate }: LaneLimit): number {
    const room = concurrency - this.#live(lane).length;
    if (rate === undefined) return room;
    const starts = (this.#starts.get(lane) ?? []).filter((at) => at > this.#now - rate.per);
    this.#starts.set(lane, starts);
    return Math.min(room, rate.limit - starts.length);
  }

  /** What runs of this lane. What lost its lease does not: it starts once more with its next claim. */
  #live(lane: string): Entry[] {
    return [...this.#running].filter((entry) => entry.lane === lane && entry.leaseUntil > this.#now);
  }
}

/**
 * How much more may run of the lanes that have limits.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { LaneLimit } from "../../engine.ts";
import { distinct } from "./distinct.ts";
import { readableColumn } from "../shared/text.ts";

/** The limits of a claim, by lane. */
export type Limits = ReadonlyMap<string, LaneLimit>;

/** What runs and what was started, of the lanes in the file. Lanes are named as they are stored. */
export class Lanes {
  readonly #live: StatementSync;
  readonly #leaseEnd: StatementSync;
  readonly #started: StatementSync;
  readonly #oldest: StatementSync;
  readonly #start: StatementSync;
  readonly #queues: StatementSync;

  constructor(database: DatabaseSync) {
    const live = "FROM tasks WHERE state = 'running' AND lane <> '' AND lane = ? AND lease_until > ?";
    this.#live = database.prepare(`SELECT count(*) AS count ${live}`);
    this.#leaseEnd = database.prepare(`SELECT min(lease_until) AS time ${live}`);
    // What began far ahead of now was written down before the clock was set back.
    const counted = "FROM starts WHERE lane = ? AND at > ? AND at <= ?";
    this.#started = database.prepare(`SELECT sum(count) AS count ${counted}`);
    this.#oldest = database.prepare(`SELECT min(at) AS time ${counted} AND count > 0`);
    this.#start = database.prepare(
      `INSERT INTO starts (lane, at, counted_until, count) VALUES (?, ?, ?, ?)
       ON CONFLICT (lane, at) DO UPDATE
       SET count = count + excluded.count, counted_until = max(counted_until, excluded.counted_until)`,
    );
    const waiting = "SELECT min(queue) FROM tasks WHERE state = 'waiting' AND lane <> '' AND lane = $lane";
    this.#queues = database.prepare(distinct("queue", waiting));
  }

  /** What these limits leave for one claim. */
  rooms(limits: Limits | undefined, now: number): Rooms {
    return new Rooms(this, limits ?? new Map(), now);
  }

  /** The queues in which tasks of a lane wait. */
  queuesOf(lane: string): string[] {
    return this.#queues.all({ $lane: lane }).map((row) => readableColumn(String(row["queue"])));
  }

  /** How many more may start now. What lost its lease does not run: it starts once more with its next claim. */
  room(lane: string, { concurrency, rate }: LaneLimit, now: number): number {
    let room = Infinity;
    if (concurrency !== undefined) room = concurrency - Number(this.#live.get(lane, now)?.["count"]);
    if (rate === undefined) return room;
    const started = this.#started.get(lane, now - rate.per, now + rate.per)?.["count"];
    return Math.min(room, rate.limit - Number(started ?? 0));
  }

  /** When a full lane may have room by itself: a start counts no more, or a lease runs out. Infinity for never. */
  nextRoom(lane: string, { concurrency, rate }: LaneLimit, now: number): number {
    const leaseEnd = concurrency === undefined ? null : this.#leaseEnd.get(lane, now)?.["time"];
    const start =
      rate === undefined ? null : this.#oldest.get(lane, now - rate.per, now + rate.per)?.["time"];
    return Math.min(
      typeof leaseEnd === "number" ? leaseEnd : Infinity,
      typeof start === "number" ? start + (rate?.per ?? 0) : Infinity,
    );
  }

  /** Remembers that so many were started. */
  started(lane: string, count: number, per: number, now: number): void {
    this.#start.run(lane, now, Math.ceil(now + per), count);
  }
}

/** What is left of each lane during one claim. */
export class Rooms {
  readonly #lanes: Lanes;
  readonly #limits: Limits;
  readonly #now: number;
  readonly #left = new Map<string, { readonly limit: LaneLimit; room: number; taken: number }>();

  constructor(lanes: Lanes, limits: Limits, now: number) {
    this.#lanes = lanes;
    this.#limits = limits;
    this.#now = now;
  }

  /** How many more of this lane may start; Infinity for one without limits. */
  of(lane: string): number {
    return this.#leftOf(lane)?.room ?? Infinity;
  }

  /** So many of this lane start; a negative number takes it back. */
  take(lane: string, count: number): void {
    const left = this.#leftOf(lane);
    if (left === undefined) return;
    left.room -= count;
    left.taken += count;
  }

  /** Writes down what was started. */
  write(): void {
    for (const [lane, { limit, taken }] of this.#left) {
      if (limit.rate !== undefined && taken > 0) this.#lanes.started(lane, taken, limit.rate.per, this.#now);
    }
  }

  /** When one of the lanes that turned out to be full may have room by itself; Infinity when none will. */
  nextTime(): number {
    let next = Infinity;
    for (const [lane, { limit, room }] of this.#left) {
      if (room <= 0) next = Math.min(next, this.#lanes.nextRoom(lane, limit, this.#now));
    }
    return next;
  }

  #leftOf(lane: string): { readonly limit: LaneLimit; room: number; taken: number } | undefined {
    if (lane === "" || this.#limits.size === 0) return undefined;
    const known = this.#left.get(lane);
    if (known !== undefined) return known;
    const limit = this.#limits.get(readableColumn(lane));
    if (limit === undefined) return undefined;
    const left = { limit, room: this.#lanes.room(lane, limit, this.#now), taken: 0 };
    this.#left.set(lane, left);
    return left;
  }
}

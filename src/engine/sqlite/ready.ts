/**
 * Telling listeners that there may be something to claim.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Bell } from "./bell.ts";
import type { Changes } from "./committer.ts";
import type { Original } from "./original.ts";
import type { Pauses } from "./pauses.ts";
import { left } from "./schema.ts";
import { Soon } from "../shared/soon.ts";
import { toColumn } from "../shared/text.ts";

interface Listener {
  readonly queues: ReadonlySet<string>;
  readonly call: Soon;
}

const longestTimer = 2 ** 31 - 1;

/**
 * Hears of ready tasks in four ways: from this process's own commits, from the bell, from a timer set to the
 * next scheduled time or end of a lease, and, so that nothing is missed for long, from looking every now and then.
 */
export class ReadyWatch {
  readonly #bell: Bell;
  readonly #pauses: Pauses;
  readonly #original: Original;
  readonly #interval: number;
  readonly #isReady: StatementSync;
  readonly #isLeft: StatementSync;
  readonly #nextTime: StatementSync;
  readonly #version: StatementSync;
  readonly #listeners = new Set<Listener>();
  #seen: unknown;
  #poll: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  /** When a lane that a claim found full may have room by itself. */
  #roomAt = Infinity;
  #looking = false;
  /** Whether the file was found removed or replaced. */
  #isLost = false;

  constructor(database: DatabaseSync, bell: Bell, pauses: Pauses, original: Original, interval: number) {
    this.#bell = bell;
    this.#pauses = pauses;
    this.#original = original;
    this.#interval = interval;
    this.#isReady = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM tasks WHERE state = 'waiting' AND queue = ?)
         OR EXISTS (SELECT 1 FROM tasks WHERE state = 'scheduled' AND queue = ? AND run_at <= ?)
         OR EXISTS (SELECT 1 FROM tasks WHERE state = 'running' AND queue = ? AND lease_until <= ?) AS ready`,
    );
    this.#isLeft = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM tasks WHERE ${left} AND queue = ?) AS ready`,
    );
    this.#nextTime = database.prepare(
      `SELECT min(time) AS time FROM (
         SELECT min(run_at) AS time FROM tasks WHERE state = 'scheduled' AND queue = ? AND run_at > ?
         UNION ALL
         SELECT min(lease_until) FROM tasks WHERE state = 'running' AND queue = ? AND lease_until > ?)`,
    );
    this.#version = database.prepare("PRAGMA data_version");
  }

  /**
   * Whether a claim on these queues would find something, if its lanes have room; true as well when that cannot
   * be told just now.
   */
  mayBeReady(queues: Iterable<string>): boolean {
    const now = Date.now();
    try {
      for (const name of this.#pauses.open([...queues])) {
        const queue = toColumn(name);
        if (this.#isReady.get(queue, queue, now, queue, now)?.["ready"] === 1) return true;
      }
      return false;
    } catch {
      return true; // Busy, or broken: the claim will wait, or tell.
    }
  }

  /** Whether tasks are parked there for whoever knows what they need. */
  #isAnyLeft(queues: Iterable<string>): boolean {
    try {
      return this.#pauses
        .open([...queues])
        .some((queue) => this.#isLeft.get(toColumn(queue))?.["ready"] === 1);
    } catch {
      return true;
    }
  }

  /** See {@link Engine.onReady}. */
  listen(queues: readonly string[], call: () => void): () => void {
    const listener: Listener = { queues: new Set(queues), call: new Soon(call) };
    this.#listeners.add(listener);
    this.#poll ??= setInterval(() => this.#look(), this.#interval).unref();
    this.#look();
    return () => {
      listener.call.stop();
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  /** What this process has committed. */
  committed(changes: Changes): void {
    for (const listener of this.#listeners) {
      for (const queue of changes.ready) if (listener.queues.has(queue)) listener.call.wake();
    }
    this.roomAt(changes.roomAt);
    const next = Math.min(changes.scheduled, changes.expires);
    if (next < this.#timerAt) this.#setTimer(next);
  }

  /** A claim has found a lane full that may have room at this time. */
  roomAt(time: number): void {
    this.#roomAt = Math.min(this.#roomAt, time);
    if (time < this.#timerAt) this.#setTimer(time);
  }

  stop(): void {
    for (const { call } of this.#listeners) call.stop();
    this.#listeners.clear();
    this.#bell.stop();
    clearInterval(this.#poll);
    clearTimeout(this.#timer);
    this.#poll = this.#timer = undefined;
    this.#timerAt = this.#roomAt = Infinity;
  }

  /** Another process rang. Many rings of one turn are looked after once. */
  #heard(): void {
    if (this.#looking) return;
    this.#looking = true;
    setImmediate(() => {
      this.#looking = false;
      if (this.#listeners.size > 0 && this.#hasChanged()) this.#look();
    });
  }

  /** Whether another connection has written since: this process hears its own bell too. */
  #hasChanged(): boolean {
    try {
      const version = this.#version.get()?.["data_version"];
      const changed = version !== this.#seen;
      this.#seen = version;
      return changed;
    } catch {
      return true;
    }
  }

  /** Wakes those for whom something is ready now, and sets the timer for the others. */
  #look(): void {
    this.#bell.listen(() => this.#heard());
    const now = Date.now();
    // Whoever is woken now will claim, and find out when there is room again.
    if (this.#roomAt <= now) this.#roomAt = Infinity;
    let next = this.#roomAt;
    // Nothing is ever ready in a file that is lost: a claim tells why.
    const wasLost = this.#isLost;
    this.#isLost = !this.#original.isThere;
    for (const listener of this.#listeners) {
      if (this.#isLost !== wasLost) listener.call.wake();
      if (this.mayBeReady(listener.queues) || this.#isAnyLeft(listener.queues)) listener.call.wake();
      next = Math.min(next, this.#nextTimeOf(listener.queues, now));
    }
    this.#setTimer(next);
  }

  /** What is due already was told, so only what comes counts: no busy loop while nobody claims. */
  #nextTimeOf(queues: ReadonlySet<string>, now: number): number {
    let next = Infinity;
    try {
      for (const name of queues) {
        const queue = toColumn(name);
        const time = this.#nextTime.get(queue, now, queue, now)?.["time"];
        if (typeof time === "number") next = Math.min(next, time);
      }
    } catch {
      // Busy: the next look will find it.
    }
    return next;
  }

  #setTimer(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    if (at === Infinity || this.#listeners.size === 0) return;
    this.#timer = setTimeout(
      () => this.#look(),
      Math.min(Math.max(at - Date.now(), 1), longestTimer),
    ).unref();
  }
}

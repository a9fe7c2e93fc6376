/**
 * What is scheduled or waiting, in the order in which it will be claimed.
 *
 * @module
 */
import type { Entry } from "./entry.ts";
import { Ordered } from "./ordered.ts";

/** Per queue what is scheduled, by time, and what waits: lane by lane, so that a full one is in nobody's way. */
export class Pending {
  readonly #scheduled = new Map<string, Ordered<Entry>>();
  readonly #waiting = new Map<string, Map<string, Ordered<Entry>>>();

  /** Adds an entry where its state says. */
  add(entry: Entry): void {
    const { queue } = entry.message;
    if (entry.state === "scheduled") {
      getOrMake(this.#scheduled, queue, () => new Ordered(isEarlier)).add(entry);
    } else {
      const lanes = getOrMake(this.#waiting, queue, () => new Map<string, Ordered<Entry>>());
      getOrMake(lanes, entry.lane, () => new Ordered(isBefore)).add(entry);
    }
  }

  /** Removes an entry from where its state says. */
  remove(entry: Entry): void {
    const { queue } = entry.message;
    if (entry.state === "scheduled") {
      this.#scheduled.get(queue)?.remove(entry);
      return;
    }
    const lanes = this.#waiting.get(queue);
    const list = lanes?.get(entry.lane);
    list?.remove(entry);
    if (list?.first === undefined) lanes?.delete(entry.lane);
  }

  /** Makes wait whatever of a queue is scheduled and due. */
  promote(queue: string, now: number): void {
    const list = this.#scheduled.get(queue);
    for (let entry = list?.first; entry !== undefined && entry.runAt <= now; entry = list?.first) {
      list?.remove(entry);
      entry.state = "waiting";
      this.add(entry);
    }
  }

  /** What of a queue comes first, among the lanes that have room. */
  first(queue: string, hasRoom: (lane: string) => boolean): Entry | undefined {
    let first: Entry | undefined;
    for (const [lane, { first: entry }] of this.#waiting.get(queue) ?? []) {
      if (entry === undefined || (first !== undefined && isBefore(first, entry))) continue;
      if (hasRoom(lane)) first = entry;
    }
    return first;
  }

  /** Whether something in this queue waits, or is due. */
  isReady(queue: string, now: number): boolean {
    const scheduled = this.#scheduled.get(queue)?.first;
    return (this.#waiting.get(queue)?.size ?? 0) > 0 || (scheduled !== undefined && scheduled.runAt <= now);
  }

  /** The queues in which something of this lane waits. */
  queuesOf(lane: string): string[] {
    return [...this.#waiting].filter(([, lanes]) => lanes.has(lane)).map(([queue]) => queue);
  }

  /** The earliest time, later than this, for which something is scheduled; Infinity when there is none. */
  nextTime(after: number): number {
    let next = Infinity;
    for (const list of this.#scheduled.values()) {
      next = Math.min(next, list.firstAfter((entry) => entry.runAt <= after)?.runAt ?? Infinity);
    }
    return next;
  }
}

function isEarlier(one: Entry, other: Entry): boolean {
  return one.runAt < other.runAt || (one.runAt === other.runAt && one.sequence < other.sequence);
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.priority > other.priority || (one.priority === other.priority && isEarlier(one, other));
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}

/**
 * What is scheduled or waiting, in the order in which it will be claimed.
 *
 * @module
 */
import type { Entry } from "./entry.ts";

/** Per queue a list ordered by time, then by sending. */
export class Pending {
  readonly #queues = new Map<string, Entry[]>();

  add(entry: Entry): void {
    const list = this.#list(entry);
    list.splice(position(list, entry), 0, entry);
  }

  remove(entry: Entry): void {
    const list = this.#list(entry);
    list.splice(position(list, entry), 1);
  }

  /** The first entry of these queues, if its time has come. */
  first(queues: Iterable<string>, now: number): Entry | undefined {
    let first: Entry | undefined;
    for (const queue of queues) {
      const entry = this.#queues.get(queue)?.[0];
      if (entry === undefined || entry.runAt > now) continue;
      if (first === undefined || isBefore(entry, first)) first = entry;
    }
    return first;
  }

  /** The earliest time of an entry that is later than this; Infinity when there is none. */
  nextTime(after: number): number {
    let next = Infinity;
    for (const list of this.#queues.values()) {
      const index = search(list, (entry) => entry.runAt <= after);
      next = Math.min(next, list[index]?.runAt ?? Infinity);
    }
    return next;
  }

  #list(entry: Entry): Entry[] {
    const { queue } = entry.message;
    const list = this.#queues.get(queue) ?? [];
    this.#queues.set(queue, list);
    return list;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.runAt < other.runAt || (one.runAt === other.runAt && one.sequence < other.sequence);
}

/** Where an entry is, or would go, in an ordered list. */
function position(list: readonly Entry[], entry: Entry): number {
  return search(list, (other) => isBefore(other, entry));
}

/** The index of the first entry that does not come before; the list is ordered that way. */
function search(list: readonly Entry[], comesBefore: (entry: Entry) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comesBefore(list[middle] as Entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}

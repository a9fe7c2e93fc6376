/**
 * Claiming tasks, keeping the leases, and what runs tell.
 *
 * @module
 */
import type { ClaimRequest, Delivery, Lease, Reason, Report } from "../../engine.ts";
import { messageOf } from "./entry.ts";
import type { Entry } from "./entry.ts";
import type { Store } from "./store.ts";

/** Of a task's lines, so many are kept. */
const linesKept = 1000;

/** Hands out tasks. */
export class Claims {
  readonly #store: Store;
  #count = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Queue by queue: tasks that were lost first, then those parked that need what is known, then those that wait. */
  claim({ queues, limit, lease, worker, limits, knows }: ClaimRequest): Delivery[] {
    const { pending, lanes, running } = this.#store;
    const now = this.#store.now();
    const rooms = lanes.rooms(limits, running, now);
    const hasRoom = (lane: string): boolean => rooms.of(lane) > 0;
    const taken: Entry[] = [];
    const take = (entry: Entry): void => {
      rooms.take(entry.lane);
      taken.push(entry);
    };
    for (const queue of new Set(queues)) {
      if (this.#store.paused.has(queue)) continue;
      for (const entry of this.#lost(queue, now)) {
        if (taken.length >= limit || !hasRoom(entry.lane)) continue;
        entry.crashes += 1;
        take(entry);
      }
      for (const entry of this.#known(queue, knows)) {
        if (taken.length >= limit || !hasRoom(entry.lane)) continue;
        this.#store.takeLeft(entry);
        entry.endedAt = undefined;
        take(entry);
      }
      if (taken.length >= limit) break;
      pending.promote(queue, now);
      while (taken.length < limit) {
        const next = pending.first(queue, hasRoom);
        if (next === undefined) break;
        pending.remove(next);
        take(next);
      }
      if (taken.length >= limit) break;
    }
    const token = `memory-${++this.#count}`;
    for (const entry of taken) this.#start(entry, { token, leaseUntil: now + lease, worker, startedAt: now });
    this.#store.roomAt(rooms.nextTime());
    return taken.map((entry) => deliveryOf(entry, token));
  }

  /** Extends leases and returns those that are lost. */
  extend(leases: readonly Lease[], duration: number): Lease[] {
    const until = this.#store.now() + duration;
    const lost = leases.filter((lease) => {
      const entry = this.held(lease);
      if (entry !== undefined) entry.leaseUntil = until;
      return entry === undefined;
    });
    this.#store.listeners.timesChanged();
    return lost;
  }

  /** Keeps what a run tells. Whether its lease was held. */
  report(lease: Lease, { progress, lines = [] }: Report): boolean {
    const entry = this.held(lease);
    if (entry === undefined) return false;
    entry.lines = [...entry.lines, ...lines.map(({ at, text }) => ({ at, text }))].slice(-linesKept);
    if (progress === undefined) return true;
    entry.progress = { ...progress };
    this.#store.audience.changed(entry);
    return true;
  }

  /** The running task that a lease stands for, unless the lease was lost. */
  held(lease: Lease): Entry | undefined {
    const entry = this.#store.get(lease.id);
    return entry?.state === "running" && entry.token === lease.token ? entry : undefined;
  }

  #start(entry: Entry, run: Pick<Entry, "token" | "leaseUntil" | "worker" | "startedAt">): void {
    Object.assign(entry, { ...run, state: "running", progress: undefined });
    this.#store.running.add(entry);
    this.#store.audience.changed(entry);
  }

  /** Parked tasks that need nothing but what is known, the first sent first. */
  #known(queue: string, knows: ClaimRequest["knows"]): Entry[] {
    return [...this.#store.left]
      .filter(({ message, needs }) => message.queue === queue && knows && needs?.every((need) => knows(need)))
      .sort((one, other) => one.sequence - other.sequence);
  }

  /** Running tasks whose lease has run out, the longest lost first. */
  #lost(queue: string, now: number): Entry[] {
    return [...this.#store.running]
      .filter((entry) => entry.leaseUntil <= now && entry.message.queue === queue)
      .sort((one, other) => one.leaseUntil - other.leaseUntil || one.sequence - other.sequence);
  }
}

function deliveryOf(entry: Entry, token: string): Delivery {
  const { attempts, crashes, deferrals, deferredAt, cancelled } = entry;
  return {
    message: messageOf(entry),
    lease: { id: entry.message.id, token },
    attempts,
    crashes,
    deferrals,
    ...(deferredAt !== undefined && { deferredAt }),
    ...(cancelled !== undefined && { cancelled: JSON.parse(cancelled) as Reason }),
  };
}

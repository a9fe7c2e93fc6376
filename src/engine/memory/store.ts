/**
 * The tasks, and how they move from state to state.
 *
 * @module
 */
import type { Outgoing, TaskState } from "../../engine.ts";
import { Audience } from "./audience.ts";
import { newEntry } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { Keys } from "./keys.ts";
import { Lanes } from "./lanes.ts";
import { Listeners } from "./listeners.ts";
import { Ordered } from "./ordered.ts";
import { Pending } from "./pending.ts";

/** Everything that the engine holds. Nothing waits between reading and writing, so each call is done in one piece. */
export class Store {
  readonly pending = new Pending();
  readonly running = new Set<Entry>();
  /** What is parked for whoever knows what it needs. */
  readonly left = new Set<Entry>();
  readonly lanes = new Lanes();
  /** The queues of which nothing is taken. */
  readonly paused = new Set<string>();
  readonly audience = new Audience();
  readonly listeners: Listeners;
  /** The clock, in epoch milliseconds. */
  readonly now: () => number;

  readonly #retention: number;
  readonly #entries = new Map<string, Entry>();
  readonly #aliases = new Map<string, Entry>();
  readonly #keys = new Keys();
  readonly #removable = new Ordered<Entry>(
    (one, other) =>
      one.removeAt < other.removeAt || (one.removeAt === other.removeAt && one.sequence < other.sequence),
  );
  #sequence = 0;
  #roomAt = Infinity;

  constructor(retention: number, now: () => number) {
    this.#retention = retention;
    this.now = now;
    this.listeners = new Listeners(
      {
        isReady: (listened, now) => {
          const queues = new Set([...listened].filter((queue) => !this.paused.has(queue)));
          for (const queue of queues) if (this.pending.isReady(queue, now)) return true;
          const isHere = ({ message }: Entry): boolean => queues.has(message.queue);
          return (
            [...this.left].some(isHere) ||
            [...this.running].some((entry) => entry.leaseUntil <= now && isHere(entry))
          );
        },
        nextTime: (after) => {
          const leases = [...this.running].map((entry) => entry.leaseUntil);
          const times = [...leases, this.#roomAt].filter((time) => time > after);
          return times.reduce((next, time) => Math.min(next, time), this.pending.nextTime(after));
        },
      },
      now,
    );
  }

  /** Every task, oldest first. */
  all(): Iterable<Entry> {
    this.#removeOld();
    return this.#entries.values();
  }

  /** The task of this id. */
  get(id: string): Entry | undefined {
    this.#removeOld();
    return this.#entries.get(id);
  }

  /** The task of this id, or the one that answers for it. */
  answering(id: string): Entry | undefined {
    return this.get(id) ?? this.#aliases.get(id);
  }

  /** See {@link Engine.send}. */
  send(batch: readonly Outgoing[]): string[] {
    this.#removeOld();
    const now = this.now();
    // First what can fail, then what changes: all of the batch or none.
    const entries = batch.map((outgoing) => newEntry(++this.#sequence, outgoing, now));
    return entries.map((entry, index) => this.#add(entry, batch[index]?.runAt ?? now));
  }

  /** Puts a task where it will be claimed from: now or, when `at` is later, then. */
  enqueue(entry: Entry, at: number, place?: number): void {
    const now = this.now();
    entry.state = at > now ? "scheduled" : "waiting";
    entry.runAt = place ?? Math.max(at, now);
    this.pending.add(entry);
    if (entry.state === "waiting") this.listeners.ready(entry.message.queue);
    else this.listeners.timesChanged();
    this.audience.changed(entry);
  }

  /** A task does not run any more: others of its lane may. */
  stopRunning(entry: Entry): void {
    this.running.delete(entry);
    entry.token = entry.cancelled = undefined;
    if (entry.lane === "") return;
    for (const queue of this.pending.queuesOf(entry.lane)) this.listeners.ready(queue);
  }

  /** A full lane may have room at this time. */
  roomAt(time: number): void {
    this.#roomAt = this.#roomAt > this.now() ? Math.min(this.#roomAt, time) : time;
    this.listeners.timesChanged();
  }

  /** Ends a task, to be kept for `keep` milliseconds. */
  end(entry: Entry, state: TaskState, keep = this.#retention): void {
    this.#removable.remove(entry);
    this.takeLeft(entry);
    entry.state = state;
    entry.endedAt = this.now();
    const isKept = state === "failed" || state === "parked";
    // Its record holds its key: it may not go before.
    entry.removeAt = isKept ? Infinity : Math.max(entry.endedAt + keep, entry.unique?.until ?? 0);
    if (entry.removeAt < Infinity) this.#removable.add(entry);
    this.audience.changed(entry);
    this.audience.ended(entry);
  }

  /** Keeps a parked task for whoever knows what it needs. */
  leave(entry: Entry, needs: readonly string[]): void {
    entry.needs = [...needs];
    this.left.add(entry);
    this.listeners.ready(entry.message.queue);
  }

  /** It is left to others no more. */
  takeLeft(entry: Entry): void {
    this.left.delete(entry);
    entry.needs = undefined;
  }

  /** Makes a task that has ended wait again, from the beginning. */
  restart(entry: Entry): void {
    this.#removable.remove(entry);
    this.takeLeft(entry);
    entry.removeAt = Infinity;
    entry.attempts = entry.crashes = entry.deferrals = 0;
    entry.deferredAt = entry.reason = entry.endedAt = undefined;
    this.#keys.add(entry);
    this.enqueue(entry, 0);
  }

  /** Tasks that are on the way or at an end, as `from` says, among these. */
  among(ids: readonly string[], from: readonly TaskState[]): Entry[] {
    return [...new Set(ids)]
      .map((id) => this.get(id))
      .filter((entry) => entry !== undefined && from.includes(entry.state)) as Entry[];
  }

  #add(entry: Entry, runAt: number): string {
    const { id } = entry.message;
    if (this.#entries.has(id)) return id;
    const holder = entry.unique && (this.#aliases.get(id) ?? this.#keys.holder(entry, this.now()));
    if (holder !== undefined) {
      if (entry.unique?.follow === true && !this.#aliases.has(id)) {
        this.#aliases.set(id, holder);
        holder.aliases.push(id);
        this.audience.changed(holder);
      }
      return holder.message.id;
    }
    this.#entries.set(id, entry);
    this.#keys.add(entry);
    this.enqueue(entry, runAt);
    return id;
  }

  #removeOld(): void {
    const now = this.now();
    for (let entry = this.#removable.first; entry !== undefined && entry.removeAt <= now;) {
      this.#removable.remove(entry);
      this.#entries.delete(entry.message.id);
      this.#keys.remove(entry);
      for (const alias of entry.aliases) this.#aliases.delete(alias);
      this.audience.changed(entry);
      entry = this.#removable.first;
    }
  }
}

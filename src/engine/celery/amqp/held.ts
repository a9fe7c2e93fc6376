/**
 * What this process has taken and not acknowledged. RabbitMQ itself leases nothing: it holds a delivery back for as long
 * as its channel lives. So that a lease can run out in a process that lives, its end is watched here.
 *
 * @module
 */
import type { AmqpChannelLike, AmqpDelivery } from "./like.ts";
import type { CeleryMessage } from "../protocol/message.ts";

/** A delivery that is held. */
export interface Held {
  readonly tag: string;
  readonly queue: string;
  readonly channel: AmqpChannelLike;
  readonly delivery: AmqpDelivery;
  /** Undefined for what could not be read. */
  readonly message: CeleryMessage | undefined;
  /** When the lease is over, of the process's own clock. */
  until: number;
  /** Its lease is over, which was told. */
  isDue: boolean;
  /** It is being finished: its lease does not run out meanwhile. */
  busy: boolean;
}

/** So long after its lease is over, in milliseconds, a slow holder may still finish what nobody here has asked for. */
const patience = 1000;

/** What becomes of deliveries whose lease is over. */
export interface HeldEvents {
  /** It is over: whoever takes may have it. */
  readonly due: (held: Held) => void;
  /** It is held no more: others shall have it. */
  readonly over: (held: Held) => void;
}

/** Holds deliveries, by tag. */
export class HeldDeliveries {
  readonly #held = new Map<string, Held>();
  readonly #events: HeldEvents;
  #timer: NodeJS.Timeout | undefined;
  #next = Infinity;

  constructor(events: HeldEvents) {
    this.#events = events;
  }

  add(held: Held): void {
    this.#held.set(held.tag, held);
    this.#watch(held.until);
  }

  get(tag: string): Held | undefined {
    return this.#held.get(tag);
  }

  remove(tag: string): void {
    this.#held.delete(tag);
  }

  /** Extends a lease. `false` when it is lost. */
  extend(tag: string, lease: number): boolean {
    const held = this.#held.get(tag);
    if (!held) return false;
    held.until = performance.now() + lease;
    held.isDue = false;
    this.#watch(held.until);
    return true;
  }

  /** Those of these queues whose leases are over. They are held no more. */
  takeExpired(queues: readonly string[]): readonly Held[] {
    const now = performance.now();
    const expired = [...this.#held.values()].filter(
      ({ queue, until, busy }) => until <= now && !busy && queues.includes(queue),
    );
    for (const { tag } of expired) this.#held.delete(tag);
    return expired;
  }

  /** A channel is gone: the broker has what was delivered on it. */
  lost(channel: AmqpChannelLike): void {
    for (const [tag, held] of this.#held) if (held.channel === channel) this.#held.delete(tag);
  }

  /** Those that nobody is finishing. None is held after that. */
  clear(): readonly Held[] {
    const all = [...this.#held.values()].filter(({ busy }) => !busy);
    this.#held.clear();
    clearTimeout(this.#timer);
    return all;
  }

  #watch(until: number): void {
    if (until >= this.#next) return;
    this.#next = until;
    clearTimeout(this.#timer);
    const wait = Math.min(Math.max(1, Math.ceil(until - performance.now())), 2 ** 31 - 1);
    this.#timer = setTimeout(() => this.#look(), wait).unref();
  }

  #look(): void {
    const now = performance.now();
    this.#next = Infinity;
    let next = Infinity;
    for (const [tag, held] of this.#held) {
      if (held.busy) {
        next = Math.min(next, now + 100);
      } else if (held.until + patience <= now) {
        this.#held.delete(tag);
        this.#events.over(held);
      } else if (held.until <= now) {
        next = Math.min(next, held.until + patience);
        if (!held.isDue) this.#events.due(held);
        held.isDue = true;
      } else next = Math.min(next, held.until);
    }
    if (next < Infinity) this.#watch(next);
  }
}

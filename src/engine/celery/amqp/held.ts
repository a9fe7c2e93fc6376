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
  /** It is being finished: its lease does not run out meanwhile. */
  busy: boolean;
}

/** Holds deliveries, by tag. */
export class HeldDeliveries {
  readonly #held = new Map<string, Held>();
  readonly #over: (held: Held) => void;
  #timer: NodeJS.Timeout | undefined;
  #next = Infinity;

  /** @param over called with one whose lease has run out, when it is held no more */
  constructor(over: (held: Held) => void) {
    this.#over = over;
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
    this.#watch(held.until);
    return true;
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
      } else if (held.until <= now) {
        this.#held.delete(tag);
        this.#over(held);
      } else next = Math.min(next, held.until);
    }
    if (next < Infinity) this.#watch(next);
  }
}

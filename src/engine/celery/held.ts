/**
 * What this process holds: messages that it has taken, and that nobody else gets meanwhile.
 *
 * @module
 */
import type { Lease } from "../../engine.ts";
import type { Received } from "./protocol/receiving.ts";

/** A message that was taken and read. */
export interface Holding {
  /** The broker's tag, which is the token of its lease. */
  readonly tag: string;
  readonly received: Received;
  /** Lost leases before this one. */
  readonly crashes: number;
}

/** One that a worker runs. */
export interface Running extends Holding {
  readonly worker: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** When its lease runs out, by the monotonic clock. */
  leaseUntil: number;
  /** Its end is being stored. */
  isSettling: boolean;
}

/** So long after its lease has run out a task that nobody has settled is forgotten here, in milliseconds. */
const forgottenAfter = 600_000;

/** The tasks that workers of this process run, by the tokens of their leases. */
export class RunningTasks {
  readonly #byTag = new Map<string, Running>();
  #sweepAt = 0;

  add(running: Running): void {
    this.#sweep();
    this.#byTag.set(running.tag, running);
  }

  /** The task of a lease, unless this process does not have it, or not any more. */
  of({ id, token }: Lease): Running | undefined {
    const running = this.#byTag.get(token);
    return running?.received.message.id === id ? running : undefined;
  }

  remove(tag: string): void {
    this.#byTag.delete(tag);
  }

  get count(): number {
    return this.#byTag.size;
  }

  all(): Iterable<Running> {
    return this.#byTag.values();
  }

  #sweep(): void {
    const now = performance.now();
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + forgottenAfter / 10;
    for (const { tag, leaseUntil } of this.#byTag.values())
      if (leaseUntil + forgottenAfter < now) this.#byTag.delete(tag);
  }
}

/** The lease of a task that runs. */
export function leaseOf({ tag, received }: Holding): Lease {
  return { id: received.message.id, token: tag };
}

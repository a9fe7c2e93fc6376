/**
 * Heartbeats.
 *
 * @module
 */
import type { Lease } from "../../engine.ts";
import type { Broker } from "./broker.ts";
import type { RunningTasks } from "./held.ts";

/** Keeps leases. */
export class Leases {
  readonly #broker: Broker;
  readonly #running: RunningTasks;

  constructor(broker: Broker, running: RunningTasks) {
    this.#broker = broker;
    this.#running = running;
  }

  /** See {@link Engine.extend}. */
  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    const held = leases.flatMap((lease) => this.#running.of(lease) ?? []);
    const lost = new Set(
      held.length === 0
        ? []
        : await this.#broker.extend(
            held.map(({ tag }) => tag),
            duration,
          ),
    );
    const leaseUntil = performance.now() + duration;
    for (const running of held) {
      if (lost.has(running.tag)) this.#running.remove(running.tag);
      else running.leaseUntil = leaseUntil;
    }
    return leases.filter((lease) => this.#running.of(lease) === undefined);
  }
}

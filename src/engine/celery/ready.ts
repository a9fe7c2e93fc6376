/**
 * Waking workers that have nothing to do.
 *
 * @module
 */
import { Soon } from "../shared/soon.ts";
import type { Broker } from "./broker.ts";

interface Listener {
  readonly queues: ReadonlySet<string>;
  readonly call: Soon;
  readonly leave: () => void;
}

/** Tells of what may be claimed. */
export class Ready {
  readonly #broker: Broker;
  readonly #listeners = new Set<Listener>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** See {@link Engine.onReady}. */
  listen(queues: readonly string[], listener: () => void): () => void {
    const call = new Soon(listener);
    const leave = this.#broker.onArrival(queues, () => call.wake());
    const each = { queues: new Set(queues), call, leave };
    this.#listeners.add(each);
    return () => {
      call.stop();
      if (this.#listeners.delete(each)) leave();
    };
  }

  /** Something of a queue may be claimed. */
  wake(queue: string): void {
    for (const { queues, call } of this.#listeners) if (queues.has(queue)) call.wake();
  }

  stop(): void {
    for (const { call, leave } of this.#listeners) {
      call.stop();
      leave();
    }
    this.#listeners.clear();
  }
}

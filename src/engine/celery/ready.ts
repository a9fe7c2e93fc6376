/**
 * Waking workers that have nothing to do.
 *
 * @module
 */
import { Soon } from "../shared/soon.ts";
import type { Broker } from "./broker.ts";

interface Listener {
  readonly call: Soon;
  /** How to hear no more of each queue. */
  readonly leave: Map<string, () => void>;
}

/** Tells of what may be claimed. */
export class Ready {
  readonly #broker: Broker;
  readonly #listeners = new Set<Listener>();
  readonly #added = new Set<string>();
  readonly #removed = new Set<string>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** See {@link Engine.onReady}. */
  listen(queues: readonly string[], listener: () => void): () => void {
    const call = new Soon(listener);
    const each: Listener = { call, leave: new Map() };
    for (const queue of new Set([...queues, ...this.#added]))
      if (!this.#removed.has(queue)) this.#hear(each, queue);
    this.#listeners.add(each);
    return () => {
      call.stop();
      if (this.#listeners.delete(each)) leaveAll(each);
    };
  }

  /** From now on, all who listen hear of this queue, too. */
  add(queue: string): void {
    this.#removed.delete(queue);
    this.#added.add(queue);
    for (const each of this.#listeners) {
      if (!each.leave.has(queue)) this.#hear(each, queue);
      each.call.wake();
    }
  }

  /** From now on, nobody hears of this queue. */
  remove(queue: string): void {
    this.#added.delete(queue);
    this.#removed.add(queue);
    for (const { leave } of this.#listeners) {
      leave.get(queue)?.();
      leave.delete(queue);
    }
  }

  /** Something of a queue may be claimed. */
  wake(queue: string): void {
    for (const { leave, call } of this.#listeners) if (leave.has(queue)) call.wake();
  }

  stop(): void {
    for (const each of this.#listeners) {
      each.call.stop();
      leaveAll(each);
    }
    this.#listeners.clear();
  }

  #hear({ call, leave }: Listener, queue: string): void {
    leave.set(
      queue,
      this.#broker.onArrival([queue], () => call.wake()),
    );
  }
}

function leaveAll({ leave }: Listener): void {
  for (const stop of leave.values()) stop();
}

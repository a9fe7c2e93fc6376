/**
 * Telling listeners that there may be something to take.
 *
 * @module
 */
import { Soon } from "../../shared/soon.ts";
import { Bell } from "./bell.ts";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";
import { listsOf, type RedisSettings } from "./settings.ts";

interface Listener {
  readonly queues: readonly string[];
  readonly call: Soon;
}

/** Hears of what arrives in three ways: from this process, by a bell for each queue, and by looking now and then. */
export class Arrivals {
  readonly #connection: Connection;
  readonly #settings: RedisSettings;
  readonly #restore: () => Promise<void>;
  readonly #listeners = new Set<Listener>();
  readonly #bells = new Map<string, Bell>();
  readonly #deaf: () => void;
  #poll: NodeJS.Timeout | undefined;

  /** @param restore called when there is something to be restored */
  constructor(connection: Connection, settings: RedisSettings, restore: () => Promise<void>) {
    this.#connection = connection;
    this.#settings = settings;
    this.#restore = restore;
    this.#deaf = connection.hub.commands.listen({ ready: () => void this.#look() });
  }

  /** See {@link Broker.onArrival}. */
  listen(queues: readonly string[], listener: () => void): () => void {
    const own: Listener = { queues: [...new Set(queues)], call: new Soon(listener) };
    this.#listeners.add(own);
    for (const queue of own.queues) {
      if (this.#bells.has(queue)) continue;
      const ring = (): void => this.wake([queue]);
      const { keyPrefix, pollInterval, timeout } = this.#settings;
      const options = { list: keyPrefix + queue, ring, rest: pollInterval, timeout };
      this.#bells.set(queue, new Bell(this.#connection.hub.link(), options));
    }
    this.#poll ??= setInterval(() => void this.#look(), this.#settings.pollInterval).unref();
    void this.#look();
    return () => {
      own.call.stop();
      this.#listeners.delete(own);
      for (const [queue, bell] of this.#bells) {
        if ([...this.#listeners].some(({ queues }) => queues.includes(queue))) continue;
        bell.stop();
        this.#bells.delete(queue);
      }
      if (this.#listeners.size > 0) return;
      clearInterval(this.#poll);
      this.#poll = undefined;
    };
  }

  /** There may be something in these queues. */
  wake(queues: readonly string[]): void {
    for (const { queues: own, call } of this.#listeners)
      if (queues.some((queue) => own.includes(queue))) call.wake();
  }

  /** All that was in these queues was taken: whatever comes next is news. */
  emptied(queues: readonly string[]): void {
    for (const queue of queues) this.#bells.get(queue)?.set();
  }

  stop(): void {
    clearInterval(this.#poll);
    this.#deaf();
    for (const { call } of this.#listeners) call.stop();
    for (const bell of this.#bells.values()) bell.stop();
    this.#listeners.clear();
    this.#bells.clear();
  }

  async #look(): Promise<void> {
    const queues = [...new Set([...this.#listeners].flatMap((listener) => listener.queues))];
    if (queues.length === 0) return;
    const lists = queues.flatMap((queue) => listsOf(queue).map((list) => [list, queue] as const));
    try {
      const [lost, ...found] = (await this.#connection.run("looking for tasks", scripts.look, [
        this.#settings.keyPrefix,
        String(this.#settings.visibilityTimeout / 1000),
        ...lists.map(([list]) => list),
      ])) as readonly number[];
      this.wake(found.map((number) => lists[number - 1]![1]));
      if (lost !== 0) await this.#restore();
    } catch {
      // Redis is away, as the next call will be told. When it is there again, this looks again.
    }
  }
}

/**
 * Telling listeners that there may be something to claim.
 *
 * @module
 */
import type { Channels } from "./channels.ts";
import type { Connection } from "./connection.ts";
import { toQueue } from "./names.ts";
import { scripts } from "./scripts.ts";
import { Soon } from "../shared/soon.ts";

interface Listener {
  readonly queues: readonly string[];
  readonly call: Soon;
  /** When to look again: the earliest of the times that it was told of. */
  timer: NodeJS.Timeout | undefined;
  at: number;
}

const longestTimer = 2 ** 31 - 1;

/** Hears of what is ready in three ways: by messages, by times that come, and by looking now and then. */
export class Ready {
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #interval: number;
  readonly #listeners = new Set<Listener>();
  #poll: NodeJS.Timeout | undefined;

  constructor(connection: Connection, channels: Channels, interval: number) {
    this.#connection = connection;
    this.#channels = channels;
    this.#interval = interval;
  }

  /** See {@link Engine.onReady}. */
  listen(queues: readonly string[], listener: () => void): () => void {
    const own: Listener = {
      queues: [...new Set(queues.map(toQueue))],
      call: new Soon(listener),
      timer: undefined,
      at: Infinity,
    };
    this.#listeners.add(own);
    const hear = (message: string | undefined): void => {
      if (message === undefined) void this.#look(own);
      else if (Number(message) <= 0) own.call.wake();
      else this.#set(own, Number(message));
    };
    const stops = own.queues.map((queue) => this.#channels.listen(`q:${queue}`, hear));
    this.#poll ??= setInterval(() => this.#lookAll(), this.#interval).unref();
    return () => {
      own.call.stop();
      clearTimeout(own.timer);
      this.#listeners.delete(own);
      for (const stop of stops) stop();
      if (this.#listeners.size > 0) return;
      clearInterval(this.#poll);
      this.#poll = undefined;
    };
  }

  /** There may be something in this queue. */
  wake(queue: string): void {
    for (const { queues, call } of this.#listeners) if (queues.includes(queue)) call.wake();
  }

  /** Whether somebody is woken for one of these queues. */
  isListenedTo(names: readonly string[]): boolean {
    for (const { queues } of this.#listeners) if (names.some((name) => queues.includes(name))) return true;
    return false;
  }

  /** Something may become ready by itself, in so many milliseconds: a time of this process's own claims. */
  soon(delay: number): void {
    for (const listener of this.#listeners) this.#set(listener, delay);
  }

  stop(): void {
    clearInterval(this.#poll);
    for (const { call, timer } of this.#listeners) {
      call.stop();
      clearTimeout(timer);
    }
    this.#listeners.clear();
  }

  #lookAll(): void {
    for (const listener of this.#listeners) void this.#look(listener);
  }

  async #look(listener: Listener): Promise<void> {
    if (listener.queues.length === 0) return;
    try {
      const reply = await this.#connection.run("looking for tasks", scripts.peek, listener.queues);
      if (!this.#listeners.has(listener)) return;
      const [ready, next] = reply as readonly [number, number];
      if (ready === 1) listener.call.wake();
      if (next >= 0) this.#set(listener, next);
    } catch {
      // Redis is away, as its next claim will be told. When it is there again, this looks again.
    }
  }

  #set(listener: Listener, delay: number): void {
    if (!this.#listeners.has(listener)) return;
    const at = performance.now() + delay;
    if (listener.timer !== undefined && listener.at <= at) return;
    clearTimeout(listener.timer);
    listener.at = at;
    // A millisecond later: the time has to be over, by the server's clock.
    const wait = Math.min(Math.max(delay, 0) + 1, longestTimer);
    listener.timer = setTimeout(() => {
      listener.timer = undefined;
      listener.call.wake();
    }, wait).unref();
  }
}

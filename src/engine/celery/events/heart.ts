/**
 * Tells whoever watches that there is a worker here, every two seconds.
 *
 * @module
 */
import { loadavg } from "node:os";
import { software } from "../control/stats.ts";
import type { Workers } from "../control/workers.ts";
import type { RunningTasks } from "../held.ts";
import type { EventSender } from "./sender.ts";

/** As Celery's own, in seconds. */
const frequency = 2;

/** Beats. */
export class Heart {
  readonly #events: EventSender;
  readonly #running: RunningTasks;
  readonly #workers: Workers;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;

  constructor(events: EventSender, running: RunningTasks, workers: Workers) {
    this.#events = events;
    this.#running = running;
    this.#workers = workers;
  }

  start(): void {
    if (!this.#events.isWorkers) return;
    this.#send("worker-online");
    this.#timer ??= setInterval(() => this.beat(), frequency * 1000).unref();
  }

  /** One beat, now. */
  beat(): undefined {
    if (this.#events.isWorkers && this.#timer !== undefined) this.#send("worker-heartbeat");
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#send("worker-offline");
  }

  /** Resolves when the last was sent. */
  async close(): Promise<void> {
    this.stop();
    await this.#beating;
  }

  #send(type: string): void {
    // One after the other. A broker that is away does not get more and more of them.
    if (this.#beating !== undefined && type === "worker-heartbeat") return;
    const beating = (this.#beating ?? Promise.resolve()).then(() => this.#events.send(type, this.#state()));
    this.#beating = beating.finally(() => {
      if (this.#beating === waiting) this.#beating = undefined;
    });
    const waiting = this.#beating;
  }

  #state(): Readonly<Record<string, unknown>> {
    return {
      freq: frequency,
      active: this.#running.count,
      processed: this.#workers.processed,
      loadavg: loadavg().map((load) => Math.round(load * 100) / 100),
      ...software(),
    };
  }
}

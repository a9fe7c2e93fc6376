/**
 * Sends events: many at a time, at most once, and never so that anybody waits for it.
 *
 * @module
 */
import type { Broker } from "../broker.ts";
import type { LogicalClock } from "../control/clock.ts";
import { warn } from "../control/warnings.ts";

/** Which events are sent: none, those of workers, or those of tasks, too. */
export type EventMode = "none" | "worker" | "task";

/** An event, as Celery writes it. */
export type EventFields = Readonly<Record<string, unknown>>;

/** So many in one message. */
const together = 200;

/** So long until those that are there are sent, in milliseconds. */
const delay = 50;

/** So many wait for a broker that is away; then the oldest are given up. */
const most = 10_000;

/** What a sender is made with. */
export interface EventSenderOptions {
  readonly broker: Broker;
  readonly clock: LogicalClock;
  readonly hostname: string;
  readonly mode: EventMode;
}

/** Sends events of workers and tasks. */
export class EventSender {
  readonly #broker: Broker;
  readonly #clock: LogicalClock;
  readonly #hostname: string;
  readonly #canSend: boolean;
  #mode: EventMode;
  #tasks: EventFields[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #hours = 0;
  #offsetUntil = 0;

  constructor({ broker, clock, hostname, mode }: EventSenderOptions) {
    this.#broker = broker;
    this.#clock = clock;
    this.#hostname = hostname;
    this.#mode = mode;
    this.#canSend = broker.emit !== undefined;
  }

  /** Whether events of tasks are sent. */
  get isTasks(): boolean {
    return this.#mode === "task" && this.#canSend;
  }

  /** Whether events of workers are sent. */
  get isWorkers(): boolean {
    return this.#mode !== "none" && this.#canSend;
  }

  /** Turns events of tasks on or off. Returns whether that is news. */
  enableTasks(on: boolean): boolean {
    if (this.#mode === "none")
      throw new Error("events are turned off where this worker is made: celery({ events: false })");
    const was = this.isTasks;
    this.#mode = on ? "task" : "worker";
    return was !== on;
  }

  /** Sends an event of a task, soon. */
  task(type: string, fields: EventFields, at: number = Date.now()): void {
    if (!this.isTasks) return;
    this.#tasks.push(this.#event(type, fields, at));
    if (this.#tasks.length > most) this.#tasks.splice(0, together);
    if (this.#tasks.length >= together) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), delay).unref();
  }

  /** Sends an event on its own, at once. Never rejects. */
  async send(type: string, fields: EventFields): Promise<void> {
    if (!this.#canSend) return;
    const event = this.#event(type, fields, Date.now());
    try {
      await this.#broker.emit?.(type.replaceAll("-", "."), event, this.#hostname);
    } catch {
      // At most once, as Celery's are.
    }
  }

  /** Sends what is there still. Never rejects, and takes no longer than what is under way. */
  async close(): Promise<void> {
    this.#flush();
    await this.#sending;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  async #send(): Promise<void> {
    while (this.#tasks.length > 0) {
      const events = this.#tasks.splice(0, together);
      try {
        await this.#broker.emit?.("task.multi", events, this.#hostname);
      } catch (error) {
        // At most once: they may have been sent.
        warn("emit", `${events.length} events could not be sent: ${String((error as Error)?.message)}`);
        return;
      }
    }
  }

  /** Hours to UTC, as Celery counts them: to the west. Looked up once a minute. */
  #offset(at: number): number {
    if (at >= this.#offsetUntil) {
      this.#offsetUntil = at + 60_000;
      this.#hours = Math.floor(new Date(at).getTimezoneOffset() / 60);
    }
    return this.#hours;
  }

  #event(type: string, fields: EventFields, at: number): EventFields {
    return {
      ...fields,
      hostname: this.#hostname,
      utcoffset: this.#offset(at),
      pid: process.pid,
      clock: this.#clock.forward(),
      timestamp: at / 1000,
      type,
    };
  }
}

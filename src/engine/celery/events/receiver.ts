/**
 * Watching workers and tasks by their events, as Flower does.
 *
 * @module
 */
import { refuseSpans } from "../../shared/milliseconds.ts";
import { PetioleError, checkNames, describe } from "../../../errors.ts";
import { mailboxOf, watchNames, type CeleryWatchOptions, type OpenMailbox } from "../control/watching.ts";
import { warn } from "../control/warnings.ts";
import { readEvent, type CeleryEvent } from "./event.ts";
import { CeleryState } from "./state.ts";

/** How {@link celeryEvents} behaves. */
export interface CeleryEventsOptions extends CeleryWatchOptions {
  /**
   * Whether workers are asked to tell how tasks fare (`enable_events`), now and every five seconds: those that start later,
   * too. Unless so, only what those tell that were started with it (`-E`, `events: true`). Default: true.
   */
  readonly enable?: boolean;
  /**
   * So many events wait for whoever iterates, and no more than have 32 Mi characters together; then the oldest are given up,
   * see `dropped`. Default: 10,000.
   */
  readonly buffer?: number;
  /** How many tasks `state` remembers, the latest. Default: 10,000. */
  readonly maxTasks?: number;
  /** How many workers `state` remembers. Default: 5,000. */
  readonly maxWorkers?: number;
}

/** What waits for whoever iterates is at most so large, in characters as {@link sizeOf} counts them. */
const mostCharacters = 32 * 1024 ** 2;

const names: Readonly<Record<keyof CeleryEventsOptions, true>> = {
  ...watchNames,
  enable: true,
  buffer: true,
  maxTasks: true,
  maxWorkers: true,
};

/** As often as Flower, in milliseconds. */
const enableInterval = 5000;

/** Events of all workers on a broker, Python's and ours alike. Made by {@link celeryEvents}. */
export class CeleryEvents implements AsyncIterable<CeleryEvent> {
  /** What is known by the events that were heard: who is alive, and how tasks fare. Also of events that nobody iterates over. */
  readonly state: CeleryState;
  readonly #open: OpenMailbox;
  readonly #limit: number;
  readonly #ready = Promise.withResolvers<void>();
  readonly #stop: () => void;
  readonly #timer: NodeJS.Timeout | undefined;
  #waiting: { readonly event: CeleryEvent; readonly size: number }[] = [];
  /** Of all that wait. */
  #size = 0;
  #wake: () => void = () => undefined;
  #isIterated = false;
  #ignored = 0;
  #dropped = 0;
  #closed = false;

  /** Made by {@link celeryEvents} alone. */
  constructor(
    open: OpenMailbox,
    { enable = true, buffer = 10_000, maxTasks = 10_000, maxWorkers = 5000 }: CeleryEventsOptions,
  ) {
    this.state = new CeleryState({ tasks: maxTasks, workers: maxWorkers });
    this.#open = open;
    this.#limit = buffer;
    this.#ready.promise.catch(() => undefined);
    this.#stop = open.mailbox.onEvents(
      (body) => this.#heard(body),
      () => {
        this.#ready.resolve();
        // Who is there says so, and does not wait for its next beat.
        this.#tell("heartbeat");
        if (enable) this.#tell("enable_events");
      },
    );
    if (enable) this.#timer = setInterval(() => this.#tell("enable_events"), enableInterval).unref();
  }

  /** How many messages, or events in them, were none that can be read. */
  get ignored(): number {
    return this.#ignored;
  }

  /** How many events were given up because whoever iterates was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Resolves once events are heard.
   *
   * @throws PetioleError `ERR_ENGINE_CLOSED` when it is closed before that
   */
  ready(): Promise<void> {
    return alive(this.#ready.promise);
  }

  /** The events from now on; for one at a time. Ends when it is closed. */
  async *[Symbol.asyncIterator](): AsyncIterator<CeleryEvent> {
    if (this.#isIterated)
      throw new PetioleError(
        "ERR_OPTION_INVALID",
        "celeryEvents(): somebody iterates over these events already; make others.",
      );
    this.#isIterated = true;
    try {
      for (;;) {
        const events = this.#waiting;
        this.#waiting = [];
        this.#size = 0;
        for (const { event } of events) yield event;
        if (this.#closed && this.#waiting.length === 0) return;
        if (this.#waiting.length === 0) await alive(new Promise<void>((resolve) => (this.#wake = resolve)));
      }
    } finally {
      this.#isIterated = false;
    }
  }

  /** Hears no more, and lets go of the connection. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#stop();
    this.#wake();
    this.#ready.reject(new PetioleError("ERR_ENGINE_CLOSED", "These events are closed."));
    await this.#open.close();
  }

  #heard(body: unknown): void {
    // Python's workers tell of many tasks at once.
    const told: readonly unknown[] = Array.isArray(body) ? body : [body];
    for (const each of told) {
      const event = readEvent(each);
      if (event === undefined) {
        this.#ignored += 1;
        warn("event", "Something was told that is no event of Celery's, and was left alone.");
        continue;
      }
      this.state.add(event);
      const size = sizeOf(event.fields);
      this.#size += size;
      this.#waiting.push({ event, size });
    }
    let over = 0;
    while (this.#waiting.length - over > this.#limit || this.#size > mostCharacters)
      this.#size -= this.#waiting[over++]!.size;
    if (over > 0) {
      this.#waiting.splice(0, over);
      // Until then nobody has asked for them.
      if (this.#isIterated) this.#dropped += over;
    }
    this.#wake();
  }

  #tell(method: string): void {
    if (this.#closed) return;
    // That a broker is away is nothing to be told of: it is tried again.
    void this.#open
      .open()
      .then(() => this.#open.mailbox.broadcast({ method, arguments: {} }))
      .catch(() => undefined);
  }
}

/**
 * Hears what workers tell of themselves and of tasks, Python's and ours alike: for a dashboard, or an alarm. It misses what
 * was told before, and while there was no connection.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for options that cannot be
 *
 * @example
 * const events = celeryEvents({ broker: new Redis() });
 * for await (const event of events)
 *   if (event.type === "task-failed") console.log(event.worker, events.state.task(event.id)?.name, event.fields.exception);
 */
export function celeryEvents(options: CeleryEventsOptions): CeleryEvents {
  const { enable, buffer, maxTasks, maxWorkers, connectTimeout } = options ?? {};
  checkNames("The options of celeryEvents()", options ?? {}, names);
  for (const [name, value] of Object.entries({ buffer, maxTasks, maxWorkers }))
    if (value !== undefined && !(Number.isInteger(value) && value > 0))
      throw invalid(`${name} is a whole number above 0`, value);
  if (enable !== undefined && typeof enable !== "boolean") throw invalid("enable is true or false", enable);
  refuseSpans("celeryEvents()", { connectTimeout }, { connectTimeout: { least: 1, isTimer: true } });
  return new CeleryEvents(mailboxOf(options), options);
}

/** About how much memory it takes, in characters. From anyone: nested as deeply as may be. */
function sizeOf(fields: unknown): number {
  let size = 0;
  const open: unknown[] = [fields];
  while (open.length > 0) {
    const value = open.pop();
    size += 16;
    if (typeof value === "string") size += value.length;
    else if (typeof value === "object" && value !== null)
      for (const [name, each] of Object.entries(value)) {
        size += name.length;
        open.push(each);
      }
  }
  return size;
}

/** Keeps the process alive while somebody waits. */
async function alive(waiting: Promise<void>): Promise<void> {
  const timer = setInterval(() => undefined, 2 ** 31 - 1);
  try {
    await waiting;
  } finally {
    clearInterval(timer);
  }
}

function invalid(expected: string, value: unknown): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `celeryEvents(): ${expected}; it got ${describe(value)}.`);
}

/**
 * Schedules: tasks that are sent again and again, by the clock.
 *
 * The next tick of a schedule is always sent ahead, as a task that is delayed until then, under an id that is made
 * of the schedule's name and the tick's time. So however many workers there are it is sent once; if none is
 * running when its time comes it runs when one is; and a clock that is set back comes to ids that are known.
 *
 * @module
 */
import type { Engine } from "../engine.ts";
import { PetioleError, describe, messageOf } from "../errors.ts";
import type { Json } from "../message.ts";
import type { AppContext } from "./app-context.ts";
import { nowOf } from "./clock.ts";
import { after } from "./duration.ts";
import { optionError } from "./options.ts";
import { makeOutgoing, type OutgoingContext } from "./outgoing.ts";
import { isRefusal } from "./refusal.ts";
import type { Task } from "./task.ts";

/** Options of a schedule. */
export interface ScheduleOptions {
  /** The IANA time zone that the pattern is meant in, `"Europe/Vienna"`. That of the worker's machine unless told. */
  readonly timezone?: string;
  /** Tells apart several schedules of one task; chosen for good. The task's name and the pattern unless told. */
  readonly name?: string;
}

/** A schedule of an app. */
export interface Schedule {
  readonly name: string;
  readonly task: Task;
  readonly pattern: string;
  readonly timezone: string | undefined;
  readonly payload: unknown;
}

/** What a scheduled message says of its schedule. */
export function scheduleHeader({ name, pattern, timezone }: Schedule): { readonly [key: string]: Json } {
  return { name, pattern, ...(timezone === undefined ? {} : { timezone }) };
}

/**
 * Why a message is not to be run: the schedule that it was sent by is no more, or another by now. Undefined for
 * any other message.
 */
export function scheduleRefusal(
  header: Json | undefined,
  schedules: ReadonlyMap<string, Schedule>,
): string | undefined {
  if (typeof header !== "object" || header === null || !("name" in header)) return undefined;
  const { name, pattern, timezone } = header;
  const schedule = typeof name === "string" ? schedules.get(name) : undefined;
  if (!schedule) return `there is no schedule ${typeof name === "string" ? name : describe(name)} any more`;
  return schedule.pattern === pattern && schedule.timezone === timezone
    ? undefined
    : `the schedule ${schedule.name} was changed`;
}

/**
 * For how long a message is put off that this worker would not run: during a deploy another may know its schedule.
 */
export const schedulePatience = 600_000;

/** What is used of croner's `Cron`. */
interface CronLike {
  nextRun(after: Date): Date | null;
}

/** What a scheduler needs of its app. */
export type SchedulerContext = OutgoingContext &
  Pick<AppContext, "schedules" | "schedulers"> & { readonly engine: Engine };

/** At most this long between two looks at the clock, in milliseconds: it may be set to another time. */
const lookAgain = 30_000;

/** Sends the ticks of an app's schedules ahead, while it runs. */
export class Scheduler {
  readonly #engine: Engine;
  readonly #context: SchedulerContext;
  readonly #onError: (message: string) => void;
  readonly #timers = new Map<Schedule, () => void>();
  #stopped = false;

  /** @param context - the app's; its engine is the one to send to, whatever takes its place later */
  constructor(context: SchedulerContext, onError: (message: string) => void) {
    const { engine } = context;
    this.#engine = engine;
    this.#context = { ...context, engine };
    this.#onError = onError;
  }

  /**
   * Sends the next tick of each schedule, and goes on doing so, with those as well that are added later. Resolves when
   * the first are sent, or, where the engine could not take them, that is told.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for a pattern or a time zone that is none, and without croner
   */
  async start(): Promise<void> {
    const { schedules, schedulers } = this.#context;
    if (!this.#stopped) schedulers.add(this);
    const patterns = await Promise.all(
      [...schedules.values()].map(async (each) => [each, await parse(each)] as const),
    );
    await Promise.all(patterns.map(([schedule, cron]) => this.#begin(schedule, cron)));
  }

  /** Begins one that has been added. What is wrong with it is told, and it is not begun. */
  add(schedule: Schedule): void {
    parse(schedule)
      .then((cron) => this.#begin(schedule, cron))
      .catch((error: unknown) =>
        this.#onError(`Schedule ${schedule.name} is not begun: ${messageOf(error)}`),
      );
  }

  stop(): void {
    this.#stopped = true;
    this.#context.schedulers.delete(this);
    for (const stopTimer of this.#timers.values()) stopTimer();
  }

  /** Sends the first tick, so that what is wrong with a payload shows. */
  async #begin(schedule: Schedule, cron: CronLike): Promise<void> {
    const sent = await this.#send(schedule, cron).catch((error: unknown) => {
      // An engine that is out of reach now is there again some time.
      if (error instanceof PetioleError && !isRefusal(error)) return this.#failed(schedule, error);
      throw error;
    });
    this.#goOn(schedule, cron, sent);
  }

  /** Sends again when the tick that was sent has come: not later, so that none is left out by a slow send. */
  #goOn(schedule: Schedule, cron: CronLike, sent: number): void {
    if (this.#stopped) return;
    const wait = Math.min(lookAgain, Math.max(0, sent - nowOf(this.#engine) + 1));
    const stopTimer = after(wait, () => {
      void this.#send(schedule, cron)
        .catch((error: unknown) => this.#failed(schedule, error))
        .then((next) => this.#goOn(schedule, cron, next));
    });
    this.#timers.set(schedule, stopTimer);
  }

  /** Returns the time of another try. */
  #failed({ name }: Schedule, error: unknown): number {
    this.#onError(`Schedule ${name}: ${messageOf(error)}; it is tried again.`);
    return nowOf(this.#engine) + 1000;
  }

  /** Returns the time of the tick that it sent. */
  async #send(schedule: Schedule, cron: CronLike): Promise<number> {
    const next = cron.nextRun(new Date(nowOf(this.#engine)));
    if (!next) return Infinity;
    const { task, name, payload, pattern, timezone } = schedule;
    // With the pattern: a changed schedule may have a tick at the same time.
    const id = `schedule:${name}:${[pattern, timezone].filter(Boolean).join(" ")}:${next.toISOString()}`;
    const what = `the payload of schedule ${name}`;
    const send = {
      id,
      task: task.name,
      payload,
      options: { runAt: next },
      headers: {},
      root: "payload",
      what,
    };
    // Its id is its key: a tick is not left out because the one before it still runs.
    const settings = { ...task.settings, unique: undefined };
    const { message, ...outgoing } = await makeOutgoing(send, settings, this.#context);
    const headers = { ...message.headers, schedule: scheduleHeader(schedule) };
    // A tick that is known already is left as it is.
    await this.#engine.send([{ ...outgoing, message: { ...message, headers } }]);
    return next.getTime();
  }
}

async function parse({ name, pattern, timezone }: Schedule): Promise<CronLike> {
  const { Cron } = await import("croner").catch((cause: unknown) => {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      "app.schedule() needs the package croner: npm install croner.",
      { cause },
    );
  });
  try {
    const cron = new Cron(pattern, { paused: true, ...(timezone === undefined ? {} : { timezone }) });
    cron.nextRun();
    return cron;
  } catch (error) {
    const must = `have a cron pattern and a time zone that exist (${messageOf(error)})`;
    throw optionError(
      `Schedule ${name}`,
      must,
      timezone === undefined ? pattern : `${pattern} in ${timezone}`,
    );
  }
}

/**
 * Asking workers, and telling them what to do: Celery's remote control, for programs of your own.
 *
 * @module
 */
import type { Json } from "../../../message.ts";
import { Asking, invalid, type CeleryAsk, type ControlContext } from "./asking.ts";
import { rateOf } from "./rates.ts";
import {
  readAny,
  readOk,
  readScheduled,
  readStats,
  readTasks,
  readTexts,
  Replies,
  type CeleryReplies,
  type CeleryScheduledTask,
  type CeleryStats,
  type CeleryTaskInfo,
} from "./replies.ts";

/** How tasks are called off. */
export interface CeleryRevoke extends CeleryAsk {
  /** Also where they run already. Default: false. */
  readonly terminate?: boolean;
  /** The signal for processes of Python's; workers of ours abort the run, whichever it is. Default: `SIGTERM`. */
  readonly signal?: string;
}

/** What a stamp may be. */
export type CeleryStampValue = string | number | boolean;

/** Asks and tells the workers on a broker, Python's and ours alike. Made by {@link celeryControl}. */
export class CeleryControl {
  readonly #asking: Asking;

  /** Made by {@link celeryControl} alone. */
  constructor(context: ControlContext) {
    this.#asking = new Asking(context);
  }

  /** Who is there: each answers `"pong"`. */
  ping(ask?: CeleryAsk): Promise<CeleryReplies<string>> {
    return this.#asking.ask("ping", {}, readOk, ask);
  }

  /** The tasks that run. @param ask `safe` for descriptions of the arguments in place of themselves */
  active(
    ask: CeleryAsk & { readonly safe?: boolean } = {},
  ): Promise<CeleryReplies<readonly CeleryTaskInfo[]>> {
    const { safe = false, ...whom } = ask;
    return this.#asking.ask("active", { safe }, readTasks, whom);
  }

  /** The tasks that workers have taken and not begun. */
  reserved(ask?: CeleryAsk): Promise<CeleryReplies<readonly CeleryTaskInfo[]>> {
    return this.#asking.ask("reserved", {}, readTasks, ask);
  }

  /** The tasks that wait for their times in workers, and what else a worker of Python's counts among them. */
  scheduled(ask?: CeleryAsk): Promise<CeleryReplies<readonly CeleryScheduledTask[]>> {
    return this.#asking.ask("scheduled", {}, readScheduled, ask);
  }

  /** The names of the tasks that each worker runs. */
  registered(ask?: CeleryAsk): Promise<CeleryReplies<readonly string[]>> {
    return this.#asking.ask("registered", {}, readTexts, ask);
  }

  /** The ids of tasks that each worker knows to be called off. */
  revoked(ask?: CeleryAsk): Promise<CeleryReplies<readonly string[]>> {
    return this.#asking.ask("revoked", {}, readTexts, ask);
  }

  /** What each worker tells of itself. */
  stats(ask?: CeleryAsk): Promise<CeleryReplies<CeleryStats>> {
    return this.#asking.ask("stats", {}, readStats, ask);
  }

  /**
   * Calls tasks off: whoever takes one of them ends it as revoked, and does not run it. `handle.cancel()` does the same for
   * one task, and with results in Redis also tells workers of ours that start later.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for what are no ids
   */
  revoke(ids: string | readonly string[], ask: CeleryRevoke = {}): Promise<CeleryReplies<string>> {
    const { terminate = false, signal = "SIGTERM", ...whom } = ask;
    const given: unknown = typeof ids === "string" ? [ids] : ids;
    if (!Array.isArray(given) || !given.every((id) => typeof id === "string" && id !== ""))
      throw invalid("revoke() takes the ids of tasks", ids);
    if (given.length === 0) return Promise.resolve(new Replies(readOk));
    return this.#asking.ask("revoke", { task_id: given, terminate, signal }, readOk, whom);
  }

  /**
   * Calls off all tasks that carry one of these stamps, those that are sent later among them:
   * `revokeByStamps({ tenant: ["acme"] })`.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for what are no stamps
   */
  revokeByStamps(
    stamps: Readonly<Record<string, CeleryStampValue | readonly CeleryStampValue[]>>,
    ask: CeleryRevoke = {},
  ): Promise<CeleryReplies<string>> {
    const { terminate = false, signal = "SIGTERM", ...whom } = ask;
    const isStamps =
      typeof stamps === "object" && stamps !== null && Object.values(stamps).flat().every(isStampValue);
    if (!isStamps || Object.values(stamps).flat().length === 0)
      throw invalid("revokeByStamps() takes stamps, { name: value } or { name: [values] }", stamps);
    // A list for each, which is what Python compares without surprises.
    const headers = Object.fromEntries(Object.entries(stamps).map(([name, told]) => [name, [told].flat()]));
    return this.#asking.ask("revoke_by_stamped_headers", { headers, terminate, signal }, readOk, whom);
  }

  /**
   * How often each worker may begin tasks of a name, until it ends: `"10/m"`, `"5/s"`, `"100/h"`; 0 for no limit.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for what is no rate
   */
  rateLimit(task: string, rate: string | number, ask?: CeleryAsk): Promise<CeleryReplies<string>> {
    if (rateOf(rate) === undefined) throw invalid('rateLimit() takes a rate such as "10/m", or 0', rate);
    return this.#asking.ask("rate_limit", { task_name: task, rate_limit: rate }, readOk, ask);
  }

  /** Has workers tell how tasks fare, as {@link celeryEvents} hears it, or no more. */
  enableEvents(on: boolean, ask?: CeleryAsk): Promise<CeleryReplies<string>> {
    return this.#asking.ask(on ? "enable_events" : "disable_events", {}, readOk, ask);
  }

  /** Has workers stop once what runs has finished. Python's do not answer to that. */
  shutdown(ask?: CeleryAsk): Promise<CeleryReplies<string>> {
    return this.#asking.ask("shutdown", {}, readOk, ask);
  }

  /** Anything else that workers know, by Celery's name for it; the answers are as they are. */
  broadcast(
    method: string,
    given: Readonly<Record<string, Json>> = {},
    ask?: CeleryAsk,
  ): Promise<CeleryReplies<Json>> {
    if (typeof method !== "string" || method === "")
      throw invalid("broadcast() takes a method's name", method);
    return this.#asking.ask(method, given, readAny, ask);
  }

  /** Lets go of the connection. Whoever waits gets what was answered by then. */
  close(): Promise<void> {
    return this.#asking.close();
  }
}

function isStampValue(value: unknown): boolean {
  return (
    ["string", "boolean"].includes(typeof value) || (typeof value === "number" && Number.isFinite(value))
  );
}

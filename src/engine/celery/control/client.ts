/**
 * Asking workers, and telling them what to do: Celery's remote control, for programs of your own.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { PetioleError, describe } from "../../../errors.ts";
import type { Json } from "../../../message.ts";
import type { Listening, Mailbox } from "./mailbox.ts";
import type { ControlMessage } from "./message.ts";
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
  type ReadReply,
} from "./replies.ts";

/** Whom to ask, and for how long. */
export interface CeleryAsk {
  /** The names of the workers. Unless told, all are asked. */
  readonly destination?: readonly string[];
  /** Those whose names are like this: `"mailer*@*"`. */
  readonly pattern?: string;
  /** How `pattern` is read: as a shell's, or as a regular expression that a name begins with. Default: `glob`. */
  readonly matcher?: "glob" | "pcre";
  /** How many milliseconds to wait for answers; 0 to tell, and not to wait. Default: that of {@link CeleryControlOptions}. */
  readonly timeout?: number;
  /** After so many answers there are no more. Default: as many as `destination` has. */
  readonly limit?: number;
}

/** How tasks are called off. */
export interface CeleryRevoke extends CeleryAsk {
  /** Also where they run already. Default: false. */
  readonly terminate?: boolean;
  /** The signal for processes of Python's; workers of ours abort the run, whichever it is. Default: `SIGTERM`. */
  readonly signal?: string;
}

/** What a stamp may be. */
export type CeleryStampValue = string | number | boolean;

/** What a control needs of its transport. */
export interface ControlContext {
  readonly mailbox: Mailbox;
  readonly open: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly timeout: number;
  readonly closed: () => Error;
}

/** Asks and tells the workers on a broker, Python's and ours alike. Made by {@link celeryControl}. */
export class CeleryControl {
  readonly #context: ControlContext;
  readonly #asking = new Map<string, (body: unknown) => void>();
  #listening: Promise<Listening> | undefined;
  #closed = false;

  /** Made by {@link celeryControl} alone. */
  constructor(context: ControlContext) {
    this.#context = context;
  }

  /** Who is there: each answers `"pong"`. */
  ping(ask?: CeleryAsk): Promise<CeleryReplies<string>> {
    return this.#ask("ping", {}, readOk, ask);
  }

  /** The tasks that run. @param ask `safe` for descriptions of the arguments in place of themselves */
  active(
    ask: CeleryAsk & { readonly safe?: boolean } = {},
  ): Promise<CeleryReplies<readonly CeleryTaskInfo[]>> {
    const { safe = false } = ask;
    return this.#ask("active", { safe }, readTasks, ask);
  }

  /** The tasks that workers have taken and not begun. */
  reserved(ask?: CeleryAsk): Promise<CeleryReplies<readonly CeleryTaskInfo[]>> {
    return this.#ask("reserved", {}, readTasks, ask);
  }

  /** The tasks that wait for their times in workers, and what else a worker of Python's counts among them. */
  scheduled(ask?: CeleryAsk): Promise<CeleryReplies<readonly CeleryScheduledTask[]>> {
    return this.#ask("scheduled", {}, readScheduled, ask);
  }

  /** The names of the tasks that each worker runs. */
  registered(ask?: CeleryAsk): Promise<CeleryReplies<readonly string[]>> {
    return this.#ask("registered", {}, readTexts, ask);
  }

  /** The ids of tasks that each worker knows to be called off. */
  revoked(ask?: CeleryAsk): Promise<CeleryReplies<readonly string[]>> {
    return this.#ask("revoked", {}, readTexts, ask);
  }

  /** What each worker tells of itself. */
  stats(ask?: CeleryAsk): Promise<CeleryReplies<CeleryStats>> {
    return this.#ask("stats", {}, readStats, ask);
  }

  /**
   * Calls tasks off: whoever takes one of them ends it as revoked, and does not run it. `handle.cancel()` does the same for
   * one task, and with results in Redis also tells workers of ours that start later.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for what are no ids
   */
  revoke(ids: string | readonly string[], ask: CeleryRevoke = {}): Promise<CeleryReplies<string>> {
    const { terminate = false, signal = "SIGTERM" } = ask;
    const given: unknown = typeof ids === "string" ? [ids] : ids;
    if (!Array.isArray(given) || !given.every((id) => typeof id === "string" && id !== ""))
      throw invalid("revoke() takes the ids of tasks", ids);
    if (given.length === 0) return Promise.resolve(new Replies(readOk));
    return this.#ask("revoke", { task_id: given, terminate, signal }, readOk, ask);
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
    const { terminate = false, signal = "SIGTERM" } = ask;
    const isStamps =
      typeof stamps === "object" && stamps !== null && Object.values(stamps).flat().every(isStampValue);
    if (!isStamps || Object.values(stamps).flat().length === 0)
      throw invalid("revokeByStamps() takes stamps, { name: value } or { name: [values] }", stamps);
    // A list for each, which is what Python compares without surprises.
    const headers = Object.fromEntries(Object.entries(stamps).map(([name, told]) => [name, [told].flat()]));
    return this.#ask("revoke_by_stamped_headers", { headers, terminate, signal }, readOk, ask);
  }

  /**
   * How often each worker may begin tasks of a name, until it ends: `"10/m"`, `"5/s"`, `"100/h"`; 0 for no limit.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for what is no rate
   */
  rateLimit(task: string, rate: string | number, ask?: CeleryAsk): Promise<CeleryReplies<string>> {
    if (rateOf(rate) === undefined) throw invalid('rateLimit() takes a rate such as "10/m", or 0', rate);
    return this.#ask("rate_limit", { task_name: task, rate_limit: rate }, readOk, ask);
  }

  /** Has workers tell how tasks fare, as {@link celeryEvents} hears it, or no more. */
  enableEvents(on: boolean, ask?: CeleryAsk): Promise<CeleryReplies<string>> {
    return this.#ask(on ? "enable_events" : "disable_events", {}, readOk, ask);
  }

  /** Has workers stop once what runs has finished. Python's do not answer to that. */
  shutdown(ask?: CeleryAsk): Promise<CeleryReplies<string>> {
    return this.#ask("shutdown", {}, readOk, ask);
  }

  /** Anything else that workers know, by Celery's name for it; the answers are as they are. */
  broadcast(
    method: string,
    given: Readonly<Record<string, Json>> = {},
    ask?: CeleryAsk,
  ): Promise<CeleryReplies<Json>> {
    if (typeof method !== "string" || method === "")
      throw invalid("broadcast() takes a method's name", method);
    return this.#ask(method, given, readAny, ask);
  }

  /** Lets go of the connection. Whoever waits gets what was answered by then. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const end of this.#ends) end();
    // One that begins to hear just now is waited for, and stopped.
    await (await this.#listening?.catch(() => undefined))?.stop();
    await this.#context.close();
  }

  readonly #ends = new Set<() => void>();

  async #ask<Value>(
    method: string,
    given: Readonly<Record<string, unknown>>,
    read: ReadReply<Value>,
    ask: CeleryAsk = {},
  ): Promise<CeleryReplies<Value>> {
    if (this.#closed) throw this.#context.closed();
    const { destination, pattern, matcher = "glob", limit = destination?.length } = checked(ask);
    const { timeout = this.#context.timeout } = ask;
    const replies = new Replies(read);
    const message: ControlMessage = {
      method,
      arguments: given,
      ...(destination !== undefined && { destination }),
      ...(pattern !== undefined && { pattern, matcher }),
    };
    const isWaiting = timeout > 0;
    const address = await this.#begin(isWaiting);
    if (this.#closed) return replies;
    if (!isWaiting || address === undefined) {
      await this.#context.mailbox.broadcast(message);
      return replies;
    }
    const ticket = randomUUID();
    const over = Promise.withResolvers<void>();
    this.#ends.add(over.resolve);
    this.#asking.set(ticket, (body) => {
      replies.add(body);
      if (limit !== undefined && replies.count >= limit) over.resolve();
    });
    // It keeps the process alive: somebody waits.
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.#context.mailbox.broadcast({ ...message, replyTo: { ...address, ticket } });
      timer = setTimeout(over.resolve, timeout);
      if (!this.#closed) await over.promise;
      return replies;
    } finally {
      clearTimeout(timer);
      this.#ends.delete(over.resolve);
      this.#asking.delete(ticket);
    }
  }

  /**
   * Opens, and hears answers where somebody waits for them. Where it is closed meanwhile, nothing is begun that nobody would
   * end, and that it failed is nobody's error.
   */
  async #begin(isWaiting: boolean): Promise<Listening["address"] | undefined> {
    try {
      await this.#context.open();
      if (this.#closed || !isWaiting) return undefined;
      const { address, hears } = await (this.#listening ??= this.#listen());
      if (!this.#closed) await hears?.();
      return address;
    } catch (error) {
      if (this.#closed) return undefined;
      throw error;
    }
  }

  async #listen(): Promise<Listening> {
    try {
      return await this.#context.mailbox.onAnswers(({ ticket, body }) => {
        // One that comes too late, or is nobody's, is left alone.
        if (typeof ticket === "string") this.#asking.get(ticket)?.(body);
      });
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
  }
}

function isStampValue(value: unknown): boolean {
  return (
    ["string", "boolean"].includes(typeof value) || (typeof value === "number" && Number.isFinite(value))
  );
}

function checked(ask: CeleryAsk): CeleryAsk {
  const { destination, pattern, matcher, timeout, limit } = ask;
  if (
    destination !== undefined &&
    !(Array.isArray(destination) && destination.every((each) => typeof each === "string"))
  )
    throw invalid("destination is a list of workers' names", destination);
  if (destination?.length === 0) throw invalid("destination names at least one worker", destination);
  if (pattern !== undefined && (typeof pattern !== "string" || pattern === ""))
    throw invalid('pattern is a text such as "mailer*@*"', pattern);
  if (matcher !== undefined && matcher !== "glob" && matcher !== "pcre")
    throw invalid('matcher is "glob" or "pcre"', matcher);
  if (timeout !== undefined && !(typeof timeout === "number" && timeout >= 0 && timeout < 2 ** 31))
    throw invalid("timeout is a number of milliseconds, 0 or more", timeout);
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
    throw invalid("limit is a whole number above 0", limit);
  return ask;
}

function invalid(expected: string, value: unknown): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `celeryControl(): ${expected}; it got ${describe(value)}.`);
}

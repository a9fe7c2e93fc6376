/**
 * One question to the workers, and its answers: until the time is over, or as many have answered as were asked for.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { PetioleError, checkNames, describe } from "../../../errors.ts";
import type { Listening, Mailbox } from "./mailbox.ts";
import type { ControlMessage } from "./message.ts";
import { Replies, type CeleryReplies, type ReadReply } from "./replies.ts";

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

/** What a control needs of its transport. */
export interface ControlContext {
  readonly mailbox: Mailbox;
  readonly open: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly timeout: number;
  readonly closed: () => Error;
}

/** Asks workers, one question beside another. */
export class Asking {
  readonly #context: ControlContext;
  /** Who waits for an answer, by the ticket that it bears. */
  readonly #asking = new Map<string, (body: unknown) => void>();
  readonly #ends = new Set<() => void>();
  #listening: Promise<Listening> | undefined;
  #closed = false;

  constructor(context: ControlContext) {
    this.#context = context;
  }

  /** Whoever waits gets what was answered by then. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const end of this.#ends) end();
    // One that begins to hear just now is waited for, and stopped.
    await (await this.#listening?.catch(() => undefined))?.stop();
    await this.#context.close();
  }

  /** Asks all workers, or those that `ask` names. */
  async ask<Value>(
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

const names: Readonly<Record<keyof CeleryAsk, true>> = {
  destination: true,
  pattern: true,
  matcher: true,
  timeout: true,
  limit: true,
};

function checked(ask: CeleryAsk): CeleryAsk {
  checkNames("Whom celeryControl() asks", ask, names);
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

/** What cannot be asked. */
export function invalid(expected: string, value: unknown): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `celeryControl(): ${expected}; it got ${describe(value)}.`);
}

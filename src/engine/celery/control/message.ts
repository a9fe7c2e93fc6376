/**
 * Messages of Celery's remote control: what is broadcast to workers, read from anyone and written as Celery does.
 *
 * @module
 */
import { isObject } from "../protocol/malformed.ts";
import { matches } from "./matcher.ts";
import { warn } from "./warnings.ts";

/** Where workers' answers go: to queues that their askers have bound to it, and to nothing else. */
export const replyExchange = "reply.celery.pidbox";

/** Where an answer is to be sent. */
export interface ReplyAddress {
  readonly exchange: string;
  readonly routingKey: string;
  /** What the asker tells its questions apart by. */
  readonly ticket: string;
}

/** What is broadcast to all workers, or to some of them: Celery's remote control. */
export interface ControlMessage {
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The names of the workers that it is for. Unless told, all. */
  readonly destination?: readonly string[];
  /** Like what the names are that it is for, where `destination` does not say. */
  readonly pattern?: string;
  /** How `pattern` is to be read: `glob` or `pcre`. */
  readonly matcher?: string;
  /** Where the answer goes; nobody wants one unless told. */
  readonly replyTo?: ReplyAddress;
}

/** The body of a message, as Celery's workers read it. */
export function controlBody(message: ControlMessage): object {
  const { method, arguments: given, destination, pattern, matcher, replyTo } = message;
  return {
    method,
    arguments: given,
    destination: destination ?? null,
    pattern: pattern ?? null,
    matcher: matcher ?? null,
    ...(replyTo && {
      ticket: replyTo.ticket,
      reply_to: { exchange: replyTo.exchange, routing_key: replyTo.routingKey },
    }),
  };
}

/**
 * Reads a body. Never throws: whatever is none is left alone, with a warning.
 *
 * @param hostname this worker's name; without one, what is for some alone is not heard
 * @returns undefined for what is no message, or is for others
 */
export function readControl(body: unknown, hostname: string | undefined): ControlMessage | undefined {
  if (!isObject(body) || typeof body["method"] !== "string") return malformed("it names no method");
  const { method, destination, pattern, matcher, arguments: given } = body;
  if (given !== undefined && given !== null && !isObject(given))
    return malformed("its arguments are no object");
  if (!isFor(hostname, destination, pattern, matcher)) return undefined;
  const replyTo = addressOf(body);
  return { method, arguments: isObject(given) ? given : {}, ...(replyTo && { replyTo }) };
}

/** What cannot be read at all. */
export function malformed(problem: string): undefined {
  warn("control", `A message of remote control was left alone: ${problem}.`);
  return undefined;
}

function isFor(
  hostname: string | undefined,
  destination: unknown,
  pattern: unknown,
  matcher: unknown,
): boolean {
  if (Array.isArray(destination) ? destination.length > 0 : isFilled(destination)) {
    // Python finds a name within a text, too.
    const isList = typeof destination === "string" || Array.isArray(destination);
    return isList && hostname !== undefined && destination.includes(hostname);
  }
  if (!isFilled(pattern)) return true;
  if (typeof pattern !== "string" || hostname === undefined) return false;
  // Without a matcher Kombu takes it for all, which is not what the sender can have meant.
  const how = isFilled(matcher) ? matcher : "glob";
  return typeof how === "string" && matches(hostname, pattern, how);
}

function isFilled(value: unknown): boolean {
  return typeof value === "string" ? value !== "" : value !== undefined && value !== null && value !== false;
}

function addressOf({ reply_to: to, ticket }: Readonly<Record<string, unknown>>): ReplyAddress | undefined {
  if (!isObject(to)) return undefined;
  const { exchange, routing_key: routingKey } = to;
  // Python's own broadcasts have a text for each; without a ticket there is no telling what is answered.
  if (typeof exchange !== "string" || typeof routingKey !== "string" || typeof ticket !== "string")
    return undefined;
  // Whoever names another would have the answer put among tasks.
  if (exchange !== replyExchange) return undefined;
  const isShort = [routingKey, ticket].every((text) => text.length <= 255);
  return isShort && routingKey !== "" ? { exchange, routingKey, ticket } : undefined;
}

/**
 * A message as a job of BullMQ's, and back.
 *
 * `data` is the payload, `name` the task, `priority` counts down where ours counts up. What BullMQ has no place for is in
 * fields of our own, whose names begin with `pt`: BullMQ neither reads nor changes them.
 *
 * @module
 */
import type { Outgoing, Reason, UniqueKey } from "../../engine.ts";
import { PetioleError, describe } from "../../errors.ts";
import { keptPayload, payloadOf } from "../shared/kept-payload.ts";
import type { PayloadForm } from "../shared/kept-payload.ts";
import type { Json, Message, MessageHeaders } from "../../message.ts";
import { foreignId, fromJobId, fromText, isForeign, toJobId, toName, toQueue, toText } from "./names.ts";

/** The highest priority, and the lowest as a negative. BullMQ has numbers from 1, the most urgent, to 2,097,152. */
export const highestPriority = 1_000_000;

/** As BullMQ counts: 1 comes first. Jobs without a number, which are others', come before all that have one. */
export function toPriority(priority: number): number {
  if (!Number.isInteger(priority) || Math.abs(priority) > highestPriority) {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `BullMQ engine: a priority is a whole number from -1,000,000 to 1,000,000; it got ${describe(priority)}.`,
    );
  }
  return highestPriority + 1 - priority;
}

/** The priority of a task, of BullMQ's. */
export function fromPriority(priority: number): number {
  return highestPriority + 1 - priority;
}

/** What is kept of a text that may be JSON, and how it lies there. */
export function kept(text: string): { readonly text: string; readonly isString: boolean } {
  const { form } = keptPayload(text, "text");
  return form === "json" ? { text, isString: false } : { text: JSON.stringify(text), isString: true };
}

/** The text that was kept. Throws when it lies there otherwise. */
export function unkept(text: string, form: PayloadForm | undefined): string {
  // What was kept as it is, is it.
  return form === "string" ? payloadOf(JSON.parse(text) as Json, form) : text;
}

/** A message, as the script that sends takes it. */
export interface Sent {
  readonly id: string;
  /** What it may have in common with others: queue, name, our field, priority, lane, "1" where it has a key. */
  readonly kind: readonly string[];
  /** Job id, data, time, and with a key: key, until, follow. */
  readonly own: readonly string[];
}

/** What the script that sends is to be told of a message. Throws when its headers are no JSON. */
export function sentOf({ message, runAt, priority = 0, lane = "", unique }: Outgoing): Sent {
  if (isForeign(message.id)) {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `BullMQ engine: the id "${message.id}" is that of a job that others have added. Choose another.`,
    );
  }
  const { text, isString } = kept(message.payload);
  const ours: Ours = { headers: message.headers, ...(isString && { form: "string" }) };
  return {
    id: message.id,
    kind: [
      toQueue(message.queue),
      toText(message.task),
      JSON.stringify(ours),
      String(toPriority(priority)),
      toName(lane),
      unique === undefined ? "" : "1",
    ],
    own: [toJobId(message.id), text, String(Math.ceil(runAt)), ...keyOf(message.task, unique)],
  };
}

function keyOf(task: string, unique: UniqueKey | undefined): string[] {
  if (unique === undefined) return [];
  const { key, until, follow } = unique;
  return [
    `${toName(task)}:${toText(key)}`,
    until === undefined ? "" : String(until),
    follow === true ? "1" : "",
  ];
}

/** What is in our field of a job. */
interface Ours {
  readonly headers: MessageHeaders;
  readonly form?: PayloadForm;
}

/**
 * The message that a job is. Throws a `TypeError` that says which field cannot be read.
 *
 * @param pt our field; empty for a job of others, whose data is the payload as it is
 */
export function messageOf(queue: string, jobId: string, name: string, data: string, pt: string): Message {
  if (pt === "")
    return {
      id: foreignId(queue, jobId),
      task: name,
      queue: fromText(queue),
      payload: data,
      headers: { wire: 0 },
    };
  const ours = oursOf(pt);
  let payload: string;
  try {
    payload = unkept(data, ours.form);
  } catch {
    throw new TypeError('data is not a JSON string, as the field "pt" says');
  }
  return {
    id: fromJobId(jobId),
    task: fromText(name),
    queue: fromText(queue),
    payload,
    headers: ours.headers,
  };
}

function oursOf(pt: string): Ours {
  let ours: unknown;
  try {
    ours = JSON.parse(pt);
  } catch {
    throw new TypeError('the field "pt" is not JSON');
  }
  if (!isObject(ours) || !isObject(ours["headers"]) || typeof ours["headers"]["wire"] !== "number")
    throw new TypeError('the field "pt" has no headers with a wire version');
  const form = ours["form"];
  if (form !== undefined && form !== "string")
    throw new TypeError('the field "pt" has a form of the payload that is none of ours');
  return ours as unknown as Ours;
}

/** A reason of a field. Throws a `TypeError` when it is none. */
export function reasonOf(text: string, field: string): Reason {
  let reason: unknown;
  try {
    reason = JSON.parse(text);
  } catch {
    throw new TypeError(`the field "${field}" is not JSON`);
  }
  if (!isObject(reason) || typeof reason["code"] !== "string" || typeof reason["message"] !== "string")
    throw new TypeError(`the field "${field}" has no code and message`);
  return reason as unknown as Reason;
}

/** Why a task is parked whose job cannot be read; its bytes stay as they are. */
export function unreadable(problem: string): Reason {
  return {
    code: "ERR_ENGINE_ROW_UNREADABLE",
    message:
      `The task's job in Redis is damaged: ${problem}. It is kept as it is; repair it there and retry the task, ` +
      "or discard it.",
  };
}

/** What BullMQ shows of an end that is no success: the text, and a list of stack traces as JSON. */
export function shownOf(state: string, reason: Reason): { readonly text: string; readonly stack: string } {
  const text = state === "failed" ? reason.message : `${state}: ${reason.message}`;
  const { details } = reason;
  const stack = isObject(details) && typeof details["stack"] === "string" ? details["stack"] : undefined;
  return { text: text.toWellFormed(), stack: JSON.stringify(stack === undefined ? [] : [stack]) };
}

/** Whether it is an object, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A message of Celery's, from anyone, as one of Petiole's: read, or refused with what is wrong with it.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import { ownHeaders, type Json, type Message, type MessageHeaders } from "../../../message.ts";
import { payloadOf, undefinedTag } from "./arguments.ts";
import { embedOf, partsOfBody } from "./body.ts";
import type { BodyParts, Embed } from "./body.ts";
import { accumulate, parametersOf } from "./builtin-names.ts";
import { uncompressed } from "./compression.ts";
import { refuseCanvas } from "./canvas.ts";
import { knownHeaders, isOfDelivery } from "./headers.ts";
import { isNestedDeeper } from "./header-values.ts";
import { refuseContent } from "./content.ts";
import { isObject, malformed } from "./malformed.ts";
import { fromProtocol1, isProtocol1 } from "./protocol-1.ts";
import type { CeleryMessage } from "./message.ts";
import { isCount, readPetioleHeader } from "./petiole-header.ts";
import type { OwnFields } from "./petiole-header.ts";
import { taskProtocol } from "./sending.ts";
import type { Counters } from "./sending.ts";
import type { ProtocolSettings } from "./settings.ts";
import { parseTime, toTime, isPythonTime } from "./times.ts";

/** A message that was read. */
export interface Received extends Counters {
  readonly message: Message;
  /** Not before this time, in epoch milliseconds. */
  readonly runAt?: number;
  /** Epoch milliseconds, where an engine of ours has sent it. */
  readonly sentAt?: number;
  /** The sender's time limit, in milliseconds: the smaller of its two. */
  readonly timeout?: number;
  readonly ignoreResult: boolean;
  /** Where its result is to be sent: a queue of RabbitMQ. */
  readonly replyTo?: string;
  readonly groupId?: string;
  readonly groupIndex?: number;
  /** What follows it, as text. */
  readonly embed: Embed;
  /** Of one of Celery's builtin tasks, what it is called with. */
  readonly builtin?: Pick<BodyParts, "args" | "kwargs">;
  /** As it came. */
  readonly celery: CeleryMessage;
}

/**
 * Reads a message.
 *
 * `crashes` is what the message says: a redelivery is the transport's to tell, and the engine's to add.
 *
 * @throws DecodeError for what is malformed
 * @throws LimitError for a body that unpacks to more than `settings.maxBytes`
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` for what is in order and not for this engine: other content, a chord
 */
export function received(sent: CeleryMessage, settings: ProtocolSettings): Received {
  checkHeaders(sent.headers);
  const { celery, text } = inProtocol2(sent, settings);
  const { headers } = celery;
  const task = textHeader(headers["task"], "task");
  const id = textHeader(headers["id"], "id");
  const petiole = readPetioleHeader(headers["petiole"]);
  const own = petiole?.own ?? {};
  const eta = timeHeader(headers["eta"], "eta");
  const expires = timeHeader(headers["expires"], "expires");
  const timeout = timeLimit(headers["timelimit"]);
  const attempts = retries(headers["retries"]);
  const body = partsOfBody(text);
  const embed = embedOf(body.embed);
  refuseCanvas(embed, headers["group"], settings);
  const name = exact(own.task, task);
  const parameters = parametersOf(name);
  const positional = parameters ?? taskProtocol(settings, name).positional ?? [];
  const { sentAt, crashes = 0, deferrals = 0, deferredAt } = own;
  const { group, group_index: groupIndex } = headers;
  return {
    message: {
      id: exact(own.id, id),
      task: name,
      queue: exact(own.queue, celery.queue),
      // What gathers results has them as its own result.
      payload: name === accumulate ? undefinedTag : payloadOf(body, own, positional),
      headers: headersOf(celery, petiole?.headers, id, expires),
    },
    attempts,
    crashes,
    deferrals,
    ...(deferredAt !== undefined && { deferredAt }),
    ...(sentAt !== undefined && { sentAt }),
    // A message is never run before its time, also where that has microseconds.
    ...(eta !== undefined && { runAt: Math.ceil(eta) }),
    ...(timeout !== undefined && { timeout }),
    ignoreResult: headers["ignore_result"] === true,
    ...(celery.replyTo !== undefined && celery.replyTo !== "" && { replyTo: celery.replyTo }),
    ...(typeof group === "string" && { groupId: group }),
    ...(isCount(groupIndex) && { groupIndex }),
    embed,
    ...(parameters !== undefined && { builtin: { args: body.args, kwargs: body.kwargs } }),
    celery,
  };
}

/** Deeper headers are refused: what is written again, or kept, is written by recursion. */
const maxHeaderDepth = 100;

function checkHeaders(headers: unknown): void {
  if (!isObject(headers)) throw malformed("headers", "an object", describe(headers));
  if (isNestedDeeper(headers, maxHeaderDepth))
    throw malformed("headers", `at most ${maxHeaderDepth} levels`, "more");
}

function textHeader(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "")
    throw malformed(`headers.${name}`, name === "id" ? "a task's id" : "a task's name", describe(value));
  return value;
}

/** A text that UTF-8 cannot hold is exact in our header, if it is of the same text. */
function exact(ours: OwnFields["id"], text: string): string {
  return ours !== undefined && ours.toWellFormed() === text.toWellFormed() ? ours : text;
}

function timeHeader(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const time = typeof value === "string" ? parseTime(value) : undefined;
  if (time === undefined)
    throw malformed(`headers.${name}`, "a time, 2026-11-22T08:37:00.123+00:00", describe(value));
  return time;
}

function timeLimit(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const refuse = (): never => {
    throw malformed(
      "headers.timelimit",
      "two numbers of seconds, [hard, soft], or null for none",
      describe(value),
    );
  };
  if (!Array.isArray(value) || value.length > 2) return refuse();
  const limits = value
    .filter((seconds) => seconds !== null && seconds !== 0)
    .map((seconds: unknown) => (typeof seconds === "number" && seconds > 0 ? seconds * 1000 : refuse()));
  const least = Math.min(...limits);
  return Number.isFinite(least) ? least : undefined;
}

function retries(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (!isCount(value))
    throw malformed("headers.retries", "how often it was retried, from 0 on", describe(value));
  return value;
}

/**
 * The message in protocol 2, and its body's text.
 *
 * @throws as {@link received} does
 */
export function inProtocol2(
  celery: CeleryMessage,
  { maxBytes }: ProtocolSettings,
): { readonly celery: CeleryMessage; readonly text: string } {
  refuseContent(celery);
  const { headers } = celery;
  const text = textOf(uncompressed(celery.body, headers["compression"], maxBytes));
  if (!isProtocol1(text)) return { celery, text };
  const { compression: _compression, ...others } = headers as Readonly<Record<string, unknown>>;
  const converted = fromProtocol1(others, text);
  return {
    celery: { ...celery, headers: converted.headers, body: Buffer.from(converted.text) },
    text: converted.text,
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw malformed("body", "text in UTF-8", "other bytes", error);
  }
}

/** Petiole's headers. A message of Celery's own gets them of Celery's, with those that its sender has added. */
function headersOf(
  { headers }: CeleryMessage,
  ours: MessageHeaders | undefined,
  id: string,
  expires: number | undefined,
): MessageHeaders {
  const { parent_id: parent, root_id: root } = headers;
  const hasParent = typeof parent === "string" && parent !== "";
  const told = ours?.["expires"];
  const stamps = stampsIn(headers);
  // Somebody may have changed it on the way; a time that Celery does not have is in ours alone.
  const isTold =
    typeof told === "number" &&
    (isPythonTime(told) ? parseTime(toTime(told)) === expires : expires === undefined);
  return Object.fromEntries([
    ...usersHeaders(headers),
    ...(hasParent ? [["parent", parent]] : []),
    ...(typeof root === "string" && root !== "" && (hasParent || root !== id) ? [["root", root]] : []),
    ...Object.entries(ours ?? { wire: 1 }),
    ...(isTold || expires === undefined ? [] : [["expires", Math.floor(expires)]]),
    // Only where a message arrives; of one that is sent this header says what only Celery has.
    ...(stamps.length > 0 ? [["celery", { stamps: Object.fromEntries(stamps) }]] : []),
  ] as readonly (readonly [string, Json])[]) as MessageHeaders;
}

/** Names that have a meaning in Petiole, and are not for other senders to give one. */
const reserved: ReadonlySet<string> = new Set([...ownHeaders, "celery"]);

/** Headers that others have put beside the task, as far as they are JSON. */
function usersHeaders(headers: CeleryMessage["headers"]): readonly (readonly [string, unknown])[] {
  return Object.entries(headers).filter(
    ([name, value]) =>
      !knownHeaders.has(name) && !reserved.has(name) && !isOfDelivery(name) && isShallowJson(value, 20),
  );
}

/** Stamps, as far as they are JSON. */
function stampsIn({ stamps }: CeleryMessage["headers"]): readonly (readonly [string, unknown])[] {
  return isObject(stamps) ? Object.entries(stamps).filter(([, value]) => isShallowJson(value, 20)) : [];
}

function isShallowJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depth === 0) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((each) => isShallowJson(each, depth - 1));
}

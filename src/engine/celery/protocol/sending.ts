/**
 * A message of Petiole's as one of Celery's.
 *
 * @module
 */
import type { Outgoing } from "../../../engine.ts";
import { PetioleError, describe } from "../../../errors.ts";
import type { Message } from "../../../message.ts";
import { argumentsOf } from "./arguments.ts";
import { bodyText, embedText, emptyEmbed } from "./body.ts";
import { compressed, compressionHeader } from "./compression.ts";
import { celeryHeaders } from "./headers.ts";
import { definedOf } from "./malformed.ts";
import type { CeleryMessage } from "./message.ts";
import { writePetioleHeader, type OwnFields } from "./petiole-header.ts";
import { checkedSendOptions } from "./send-options.ts";
import type { ProtocolSettings, SendOptions, TaskProtocol } from "./settings.ts";
import { signatureText } from "./signature.ts";
import { isPythonTime } from "./times.ts";

/** What has happened to a task. */
export interface Counters {
  /** Runs that ended: Celery's `retries`. */
  readonly attempts: number;
  readonly crashes: number;
  readonly deferrals: number;
  /** Epoch milliseconds. */
  readonly deferredAt?: number;
}

/** What a send says beside its message. */
export interface Sending {
  /** Now, in epoch milliseconds. A task that is to run later gets an `eta`. */
  readonly sentAt: number;
  /** Where its result is to be sent: a queue of RabbitMQ. */
  readonly replyTo?: string | undefined;
  /** 0 to 9, in the transport's own order, where the send itself says none in `celeryOptions`. */
  readonly priority?: number | undefined;
}

/** Of a task that was not run yet. */
export const noCounters: Counters = { attempts: 0, crashes: 0, deferrals: 0 };

/**
 * The message to publish.
 *
 * @throws EncodeError for a payload that cannot be told apart into its task's positional arguments
 * @throws PetioleError `ERR_OPTION_INVALID` for options that Celery does not have
 */
export function messageOf(
  { message, runAt }: Outgoing,
  counters: Counters,
  settings: ProtocolSettings,
  { sentAt, replyTo, priority }: Sending,
): CeleryMessage {
  const { task, id, queue, headers } = message;
  const celery = (headers as { readonly celery?: unknown }).celery;
  const agreed = taskProtocol(settings, task);
  const options: TaskProtocol & SendOptions =
    celery === undefined ? agreed : { ...agreed, ...definedOf(checkedSendOptions(celery)) };
  const given = argumentsOf(message.payload, agreed.positional ?? [], task);
  const { args, kwargs } = given;
  const body = Buffer.from(bodyText({ args, kwargs, embed: embedFor(options, replyTo) }));
  const { parent, root } = headers;
  const isCompressed = options.compression !== undefined;
  const chosen = options.priority ?? priority;
  const { exchange, routingKey } = options;
  const own = celeryHeaders({
    task,
    id,
    root: typeof root === "string" ? root : id,
    parent: typeof parent === "string" ? parent : undefined,
    eta: etaOf(runAt, sentAt),
    expires: expiryOf(headers["expires"]),
    retries: options.retries ?? counters.attempts,
    timeLimit: options.timeLimit,
    softTimeLimit: options.softTimeLimit,
    ignoreResult: options.ignoreResult,
    shadow: options.shadow,
    origin: settings.origin,
    args,
    kwargs,
    compression: isCompressed ? compressionHeader : undefined,
    petiole: writePetioleHeader({
      headers: celery === undefined ? headers : { ...headers, celery: undefined },
      own: ownFields(message, counters, given, sentAt),
    }),
  });
  return {
    // As brokers name it: what UTF-8 cannot hold is exact in our header.
    queue: queue.toWellFormed(),
    headers: options.headers === undefined ? own : { ...options.headers, ...own },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: isCompressed ? compressed(body) : body,
    ...(replyTo !== undefined && { replyTo }),
    ...(chosen !== undefined && { priority: chosen }),
    ...(exchange !== undefined && routingKey !== undefined && { route: { exchange, routingKey } }),
  };
}

/** What follows a task, as the third part of its body. */
function embedFor({ link, linkError, chain }: SendOptions, replyTo: string | undefined): string {
  if (link === undefined && linkError === undefined && chain === undefined) return emptyEmbed;
  return embedText({
    callbacks: link?.map((each) => signatureText(each, undefined)) ?? [],
    errbacks: linkError?.map((each) => signatureText(each, undefined)) ?? [],
    chain: chain?.map((each) => signatureText(each, replyTo)).toReversed() ?? [],
  });
}

/** What Celery has no header for. Most messages have nothing but their time: no objects are made of what they lack. */
function ownFields(
  { id, task, queue }: Message,
  counters: Counters,
  { payload, keys }: Pick<OwnFields, "payload" | "keys">,
  sentAt: number,
): OwnFields {
  const own: Record<string, unknown> = { sentAt };
  if (counters !== noCounters) Object.assign(own, nonZero(counters));
  if (payload !== undefined) own["payload"] = payload;
  if (keys !== undefined) own["keys"] = keys;
  // What UTF-8 cannot hold is said once more, escaped.
  if (!id.isWellFormed()) own["id"] = id;
  if (!task.isWellFormed()) own["task"] = task;
  if (!queue.isWellFormed()) own["queue"] = queue;
  return own;
}

/** What is agreed about a task. */
export function taskProtocol({ tasks }: ProtocolSettings, task: string): TaskProtocol {
  return Object.hasOwn(tasks, task) ? tasks[task]! : nothingAgreed;
}

const nothingAgreed: TaskProtocol = {};

/** Counters that are 0 are not said. */
export function nonZero({ crashes, deferrals, deferredAt }: Omit<Counters, "attempts">): object {
  return {
    ...(crashes > 0 && { crashes }),
    ...(deferrals > 0 && { deferrals }),
    ...(deferredAt !== undefined && { deferredAt }),
  };
}

/** The `eta` of a task that may run from then on; undefined for one that may run at once. */
export function etaOf(runAt: number, now: number): number | undefined {
  if (runAt <= now) return undefined;
  if (!isPythonTime(runAt))
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `Celery has times up to the year 9999; a task cannot be sent to run at ${describe(runAt)} (epoch milliseconds). Choose an earlier time.`,
    );
  return runAt;
}

/** The `expires` of Celery's; undefined for a time that it does not have, which the header `petiole` says all the same. */
function expiryOf(expires: unknown): number | undefined {
  return typeof expires === "number" && isPythonTime(expires) ? expires : undefined;
}

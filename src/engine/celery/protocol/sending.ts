/**
 * A message of Petiole's as one of Celery's.
 *
 * @module
 */
import type { Outgoing } from "../../../engine.ts";
import { PetioleError, describe } from "../../../errors.ts";
import type { MessageHeaders } from "../../../message.ts";
import { argumentsOf } from "./arguments.ts";
import { bodyText, embedText } from "./body.ts";
import { compressed, compressionHeader } from "./compression.ts";
import { celeryHeaders } from "./headers.ts";
import { definedOf } from "./malformed.ts";
import type { CeleryMessage } from "./message.ts";
import { writePetioleHeader } from "./petiole-header.ts";
import { checkedSendOptions } from "./send-options.ts";
import type { ProtocolSettings, TaskProtocol } from "./settings.ts";
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
  const { task } = message;
  const { celery, ...headers } = message.headers as MessageHeaders & { readonly celery?: unknown };
  const agreed = taskProtocol(settings, task);
  const options = { ...agreed, ...definedOf(checkedSendOptions(celery)) };
  const { args, kwargs, ...how } = argumentsOf(message.payload, agreed.positional ?? [], task);
  const embed = embedText({
    callbacks: options.link?.map((each) => signatureText(each, undefined)) ?? [],
    errbacks: options.linkError?.map((each) => signatureText(each, undefined)) ?? [],
    chain: options.chain?.map((each) => signatureText(each, replyTo)).toReversed() ?? [],
  });
  const body = Buffer.from(bodyText({ args, kwargs, embed }));
  const { attempts, ...counts } = counters;
  const own = {
    sentAt,
    ...nonZero(counts),
    ...how,
    ...exactly("id", message.id),
    ...exactly("task", task),
    ...exactly("queue", message.queue),
  };
  const { parent, root } = headers;
  const isCompressed = options.compression !== undefined;
  const chosen = options.priority ?? priority;
  const { exchange, routingKey } = options;
  return {
    // As brokers name it: what UTF-8 cannot hold is exact in our header.
    queue: message.queue.toWellFormed(),
    headers: {
      ...options.headers,
      ...celeryHeaders({
        task,
        id: message.id,
        root: typeof root === "string" ? root : message.id,
        parent: typeof parent === "string" ? parent : undefined,
        eta: etaOf(runAt, sentAt),
        expires: expiryOf(headers["expires"]),
        retries: options.retries ?? attempts,
        timeLimit: options.timeLimit,
        softTimeLimit: options.softTimeLimit,
        ignoreResult: options.ignoreResult,
        shadow: options.shadow,
        origin: settings.origin,
        args,
        kwargs,
        ...(isCompressed && { compression: compressionHeader }),
      }),
      petiole: writePetioleHeader({ headers, own }),
    },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: isCompressed ? compressed(body) : body,
    ...(replyTo !== undefined && { replyTo }),
    ...(chosen !== undefined && { priority: chosen }),
    ...(exchange !== undefined && routingKey !== undefined && { route: { exchange, routingKey } }),
  };
}

/** What is agreed about a task. */
export function taskProtocol({ tasks }: ProtocolSettings, task: string): TaskProtocol {
  return Object.hasOwn(tasks, task) ? tasks[task]! : {};
}

/** Counters that are 0 are not said. */
export function nonZero({ crashes, deferrals, deferredAt }: Omit<Counters, "attempts">): object {
  return {
    ...(crashes > 0 && { crashes }),
    ...(deferrals > 0 && { deferrals }),
    ...(deferredAt !== undefined && { deferredAt }),
  };
}

/** What UTF-8 cannot hold is said once more, escaped. */
function exactly(name: string, text: string): object {
  return text.isWellFormed() ? {} : { [name]: text };
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

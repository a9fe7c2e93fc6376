/** From a payload and options to what an engine is sent. @module */
import type { Engine, Outgoing, UniqueKey } from "../engine.ts";
import { EncodeError, checkNames } from "../errors.ts";
import type { Json, MessageHeaders } from "../message.ts";
import { issuesOf, type StandardSchemaLike } from "../value/schema.ts";
import type { Encoded } from "../wire/encode.ts";
import { segmentOf } from "../wire/path.ts";
import { isRecord } from "../wire/tag.ts";
import { wireVersion } from "../wire/wire.ts";
import type { AppContext } from "./app-context.ts";
import { nowOf } from "./clock.ts";
import { currentJob } from "./current-job.ts";
import { milliseconds } from "./duration.ts";
import { refuseLackingSend } from "./lacking.ts";
import { checkHeaders } from "./middleware.ts";
import {
  optionError,
  priorityOf,
  queueName,
  runAtOf,
  type EnqueueOptions,
  type TaskSettings,
  type UniqueOption,
} from "./options.ts";
import { SentReferences } from "./sent-references.ts";

/** One send. */
export interface Send {
  readonly id: string;
  readonly task: string;
  readonly payload: unknown;
  readonly options: EnqueueOptions;
  /** What middleware has put beside the payload, and what it found there. */
  readonly headers: Readonly<Record<string, Json>>;
  /** How errors speak of it: `payload`, `payloads[3]`. */
  readonly root: string;
  readonly what: string;
}

/** What a send needs of its app. */
export type OutgoingContext = Pick<AppContext, "wire" | "adapters" | "transactions"> & {
  readonly engine: Pick<Engine, "name" | "capabilities" | "now">;
};

/**
 * Checks and encodes a payload, and decides about time, order and keys.
 *
 * @throws EncodeError when the payload is not as the task's schema wants it, or cannot travel
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` for an option that the engine cannot honour
 */
export async function makeOutgoing(
  send: Send,
  settings: TaskSettings,
  context: OutgoingContext,
): Promise<Outgoing> {
  const { engine } = context;
  const { id, task, options, what } = send;
  checkHeaders(send.headers);
  const { text, types } = await encodedPayload(send, settings, context);
  const now = nowOf(engine);
  const runAt = runAtOf(options, now);
  const expires = expiryOf(options, settings, Math.max(now, runAt));
  const headers: MessageHeaders = {
    ...send.headers,
    wire: wireVersion,
    ...(types.length > 0 ? { types } : {}),
    ...(settings.version > 1 ? { version: settings.version } : {}),
    ...parentage(),
    ...(expires === undefined ? {} : { expires }),
  };
  const queue = options.queue === undefined ? settings.queue : queueName(options.queue);
  const unique = uniqueOf(send, settings, now);
  const outgoing: Outgoing = {
    message: { id, task, queue, payload: text, headers },
    runAt,
    priority: options.priority === undefined ? settings.priority : priorityOf(options.priority, "priority"),
    ...(settings.limit ? { lane: task } : {}),
    ...(unique ? { unique } : {}),
  };
  refuseLackingSend(outgoing, what, engine);
  return outgoing;
}

/**
 * A payload as it travels, checked.
 *
 * @throws EncodeError when it is not as the task's schema wants it, or cannot travel
 */
export async function encodedPayload(
  send: Pick<Send, "payload" | "options" | "root" | "what">,
  settings: TaskSettings,
  { wire, adapters, transactions }: OutgoingContext,
): Promise<Encoded> {
  const { options, root, what } = send;
  const payload = settings.schema ? await checked(send, settings.schema) : send.payload;
  const references = new SentReferences(adapters, settings, (adapter) =>
    transactions.handleFor(adapter, options.transaction),
  );
  const subject = { root, what, refer: references.refer };
  const encoded = wire.encodeFor(payload, subject);
  if (!references.isIncomplete) return encoded;
  await references.complete();
  return wire.encodeFor(payload, subject);
}

/** What a message says of the task whose handler sends it. */
export function parentage(): { readonly parent?: string; readonly root?: string } {
  const parent = currentJob();
  return parent ? { parent: parent.id, root: parent.root } : {};
}

async function checked(
  { payload, root, what }: Pick<Send, "payload" | "root" | "what">,
  schema: StandardSchemaLike,
): Promise<unknown> {
  const result = await schema["~standard"].validate(payload);
  if (!result.issues) return result.value;
  const refusals = issuesOf(result.issues).map(({ path, message }) => ({
    path: root + path.map(segmentOf).join(""),
    kind: "not as the schema wants it",
    advice: message,
  }));
  throw new EncodeError(what, refusals);
}

function expiryOf(options: EnqueueOptions, settings: TaskSettings, from: number): number | undefined {
  const { expires, expiresIn } = lifetimeOf(options, settings);
  return expiresIn === undefined ? expires : from + expiresIn;
}

/**
 * Until when a task may be run: a time, or so many milliseconds after it first may; neither, for ever.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 */
export function lifetimeOf(
  { expires }: Pick<EnqueueOptions, "expires">,
  settings: Pick<TaskSettings, "expires">,
): { readonly expires?: number; readonly expiresIn?: number } {
  if (expires instanceof Date) {
    if (Number.isNaN(expires.getTime()))
      throw optionError("expires", "be a valid Date or a duration", expires);
    return { expires: expires.getTime() };
  }
  const expiresIn = expires === undefined ? settings.expires : milliseconds(expires, "expires");
  return expiresIn === undefined ? {} : { expiresIn };
}

function uniqueOf({ payload, options }: Send, settings: TaskSettings, now: number): UniqueKey | undefined {
  const given = options.unique ?? settings.unique?.(payload as never);
  if (given === undefined) return undefined;
  const whole: Exclude<UniqueOption, string> = isRecord(given) ? given : { key: given };
  checkNames("unique", whole, { key: true, lasts: true });
  const { key, lasts } = whole;
  if (typeof key !== "string" || key === "") throw optionError("unique", "be a key, or { key, lasts }", key);
  return lasts === undefined ? { key } : { key, until: now + milliseconds(lasts, "unique.lasts") };
}

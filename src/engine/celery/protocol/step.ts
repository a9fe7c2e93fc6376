/**
 * The message of a signature that is one task.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import { bodyText, embedText, signatureList } from "./body.ts";
import { compressed, compressionHeader } from "./compression.ts";
import { celeryHeaders } from "./headers.ts";
import { isObject, malformed } from "./malformed.ts";
import type { CeleryMessage } from "./message.ts";
import { isCount } from "./petiole-header.ts";
import { membersOf } from "./pieces.ts";
import { taskProtocol } from "./sending.ts";
import type { ProtocolSettings } from "./settings.ts";
import { numberOption, signatureOf, textOption, timeOption, valueOf } from "./signature.ts";
import type { Signature } from "./signature.ts";
import { firstTime, isPythonTime, lastTime, parseTime } from "./times.ts";

/** Who sends a step, and what its ids are made of. */
export interface Origin {
  readonly settings: ProtocolSettings;
  /** Epoch milliseconds. */
  readonly now: number;
  /** The task that it follows; undefined for what begins. */
  readonly parent: string | undefined;
  /** The first of all tasks that led to it; a step without is its own. */
  readonly root: string | undefined;
  /** The id of a step that has none, of where it stands. */
  readonly newId: (role: string) => string;
}

/** How one step is sent. */
export interface Step {
  readonly origin: Origin;
  /** What comes before the signature's own arguments; nothing where it is immutable. */
  readonly args: readonly string[];
  /** What is left of the chain, in Celery's order. */
  readonly chain: readonly string[];
  readonly groupId: string | undefined;
  readonly groupIndex?: number | undefined;
  /** The body of the chord that waits for it. */
  readonly chord: string | undefined;
  /** For errors, and for the id of a step that has none. */
  readonly role: string;
}

/** The message of a signature that is one task. */
export function messageOfStep(signature: Signature, step: Step): CeleryMessage {
  const { origin, chain, chord, role } = step;
  const { settings, now, parent, root } = origin;
  const { task } = signature;
  const args = signature.immutable ? signature.args : [...step.args, ...signature.args];
  const agreed = taskProtocol(settings, task);
  const compression = textOption(signature, "compression") ?? agreed.compression;
  const isCompressed = compression !== undefined && /^(?:application\/x-gzip|gzip|zlib)$/.test(compression);
  const body = Buffer.from(
    bodyText({
      args,
      kwargs: signature.kwargs,
      embed: embedText({
        callbacks: listOption(signature, "link", role),
        errbacks: listOption(signature, "link_error", role),
        chain,
        ...(chord !== undefined && { chord }),
      }),
    }),
  );
  const id = textOption(signature, "task_id") ?? origin.newId(role);
  const replyTo = textOption(signature, "reply_to");
  const priority = numberOption(signature, "priority") ?? agreed.priority;
  const route = routeOf(signature);
  const seconds = (name: string, other: number | undefined): number | undefined => {
    const limit = numberOption(signature, name);
    return limit !== undefined && limit > 0 ? limit * 1000 : other;
  };
  return {
    queue: queueOption(signature) ?? queueOf(signature, settings) ?? settings.defaultQueue ?? "celery",
    headers: {
      ...objectOption(signature, "headers"),
      ...celeryHeaders({
        task,
        id,
        root: root ?? id,
        parent,
        ...times(signature, now, role),
        timeLimit: seconds("time_limit", agreed.timeLimit),
        softTimeLimit: seconds("soft_time_limit", agreed.softTimeLimit),
        groupId: step.groupId,
        groupIndex: step.groupIndex ?? numberOption(signature, "group_index"),
        ignoreResult: ignoreResult(signature) ?? agreed.ignoreResult,
        shadow: textOption(signature, "shadow"),
        retries: countOption(signature, "retries"),
        replacedTaskNesting: numberOption(signature, "replaced_task_nesting"),
        stamps: stampsOf(signature),
        origin: settings.origin,
        args,
        kwargs: signature.kwargs,
        ...(isCompressed && { compression: compressionHeader }),
      }),
    },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: isCompressed ? compressed(body) : body,
    ...(replyTo !== undefined && { replyTo }),
    ...(priority !== undefined && { priority }),
    ...(route !== undefined && { route }),
  };
}

/** The queue that was agreed for a task; what calls another one goes where that goes. */
function queueOf(signature: Signature, settings: ProtocolSettings): string | undefined {
  if (!/^celery\.(?:map|starmap)$/.test(signature.task)) return taskProtocol(settings, signature.task).queue;
  const called = membersOf(signature.kwargs, "kwargs").find(({ name }) => name === "task");
  const { task } = called === undefined ? {} : { task: signatureOf(called.value, "kwargs.task").task };
  return task === undefined ? undefined : taskProtocol(settings, task).queue;
}

/** An option that is a whole number from 0 on. */
function countOption(signature: Signature, name: string): number | undefined {
  const value = numberOption(signature, name);
  return isCount(value) ? value : undefined;
}

function ignoreResult({ options }: Signature): boolean | undefined {
  const value = valueOf(options.get("ignore_result"));
  return typeof value === "boolean" ? value : undefined;
}

function queueOption(signature: Signature): string | undefined {
  const queue = valueOf(signature.options.get("queue"));
  if (isObject(queue) && typeof queue["name"] === "string") return queue["name"];
  return textOption(signature, "queue");
}

/**
 * The exchange that it is published to, whatever its queue. As in Celery, an exchange without a routing key counts only
 * where it is said to be none of the direct ones, and a routing key without an exchange does not count.
 */
function routeOf(signature: Signature): CeleryMessage["route"] {
  const exchange = textOption(signature, "exchange");
  const routingKey = textOption(signature, "routing_key");
  const type = textOption(signature, "exchange_type") ?? "direct";
  if (exchange === undefined || (routingKey === undefined && type === "direct")) return undefined;
  return { exchange, routingKey: routingKey ?? "" };
}

function objectOption({ options }: Signature, name: string): Readonly<Record<string, unknown>> {
  const value = valueOf(options.get(name));
  return isObject(value) ? value : {};
}

/** The signatures of an option, which may be one alone. */
function listOption({ options }: Signature, name: string, role: string): readonly string[] {
  const text = options.get(name) ?? "null";
  if (text === "null") return [];
  return signatureList(text, `${role}.options.${name}`);
}

/** Stamps are options that the option `stamped_headers` names. */
function stampsOf(signature: Signature): Readonly<Record<string, unknown>> {
  const names = valueOf(signature.options.get("stamped_headers"));
  if (!Array.isArray(names)) return {};
  return Object.fromEntries(
    names
      .filter((name): name is string => typeof name === "string" && signature.options.has(name))
      .map((name) => [name, valueOf(signature.options.get(name)) ?? null]),
  );
}

/** When a step may run, and until when: as times, or in seconds from now. */
export function times(
  signature: Signature,
  now: number,
  role: string,
): { readonly eta?: number | undefined; readonly expires?: number | undefined } {
  const read = (name: string): number | undefined => {
    const value = timeOption(signature, name);
    if (typeof value === "number") return later(now, value);
    if (value === undefined) return undefined;
    const time = parseTime(value);
    if (time === undefined || !isPythonTime(time))
      throw malformed(`${role}.options.${name}`, "a time, or seconds", describe(value));
    return time;
  };
  const countdown = numberOption(signature, "countdown");
  return {
    eta: countdown ? later(now, countdown) : read("eta"),
    expires: read("expires"),
  };
}

/** So many seconds later; where Python has no such time, its last or its first one. */
function later(now: number, seconds: number): number {
  return Math.min(Math.max(now + seconds * 1000, firstTime), lastTime);
}

/**
 * The messages that a signature stands for.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import { bodyText, embedText, signatureList } from "./body.ts";
import { compressed, compressionHeader } from "./compression.ts";
import { celeryHeaders } from "./headers.ts";
import { isObject, malformed } from "./malformed.ts";
import type { CeleryMessage } from "./message.ts";
import type { Received } from "./receiving.ts";
import { taskProtocol } from "./sending.ts";
import type { ProtocolSettings } from "./settings.ts";
import {
  derivedId,
  groupMembers,
  numberOption,
  signatureOf,
  textOption,
  timeOption,
  valueOf,
} from "./signature.ts";
import type { Signature } from "./signature.ts";
import { firstTime, isPythonTime, lastTime, parseTime } from "./times.ts";

/** How one step is sent. */
export interface Step {
  readonly received: Received;
  readonly settings: ProtocolSettings;
  /** Epoch milliseconds. */
  readonly now: number;
  /** What comes before the signature's own arguments; nothing where it is immutable. */
  readonly first: string;
  /** What is left of the chain, in Celery's order. */
  readonly chain: readonly string[];
  /** For the id of a step that has none. */
  readonly role: string;
}

/** The messages of a signature: one, or one for each member of a group. */
export function messages(text: string, step: Step): readonly CeleryMessage[] {
  const signature = signatureOf(text, step.role);
  const members = groupMembers(signature, step.role);
  if (members === undefined) return [message(signature, step)];
  const groupId = textOption(signature, "task_id");
  // The group's own options are its members', whatever theirs say: Celery's way.
  const shared = [...signature.options].filter(([name]) => !ofOneTask.has(name));
  return members.map((text, index) => {
    const role = `${step.role}.tasks[${index}]`;
    const member = signatureOf(text, role);
    return message(
      { ...member, options: new Map([...member.options, ...shared]) },
      { ...step, role },
      groupId,
    );
  });
}

const ofOneTask: ReadonlySet<string> = new Set([
  "task_id",
  "group_id",
  "group_index",
  "root_id",
  "parent_id",
  "reply_to",
]);

function message(signature: Signature, step: Step, group?: string): CeleryMessage {
  const { received, settings, now, first, chain, role } = step;
  const { task } = signature;
  const args = signature.immutable ? signature.args : [first, ...signature.args];
  const agreed = taskProtocol(settings, task);
  const own = listOption(signature, "chain", role);
  const compression = textOption(signature, "compression") ?? agreed.compression;
  const isCompressed = compression !== undefined && /^(?:application\/x-gzip|gzip|zlib)$/.test(compression);
  const body = Buffer.from(
    bodyText({
      args,
      kwargs: signature.kwargs,
      embed: embedText({
        callbacks: listOption(signature, "link", role),
        errbacks: listOption(signature, "link_error", role),
        chain: chain.length > 0 ? chain : own,
      }),
    }),
  );
  const parent = received.message.id;
  const { root } = received.message.headers;
  const replyTo = textOption(signature, "reply_to");
  const priority = numberOption(signature, "priority") ?? agreed.priority;
  const seconds = (name: string, other: number | undefined): number | undefined => {
    const limit = numberOption(signature, name);
    return limit !== undefined && limit > 0 ? limit * 1000 : other;
  };
  return {
    queue: queueOption(signature) ?? agreed.queue ?? settings.defaultQueue ?? "celery",
    headers: {
      ...objectOption(signature, "headers"),
      ...celeryHeaders({
        task,
        id: textOption(signature, "task_id") ?? derivedId(parent, role),
        root: typeof root === "string" ? root : parent,
        parent,
        ...times(signature, settings.timezone, now, role),
        timeLimit: seconds("time_limit", agreed.timeLimit),
        softTimeLimit: seconds("soft_time_limit", agreed.softTimeLimit),
        groupId: textOption(signature, "group_id") ?? group,
        groupIndex: numberOption(signature, "group_index"),
        ignoreResult: ignoreResult(signature) ?? agreed.ignoreResult,
        shadow: textOption(signature, "shadow"),
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
  };
}

function ignoreResult({ options }: Signature): boolean | undefined {
  const value = valueOf(options.get("ignore_result"));
  return typeof value === "boolean" ? value : undefined;
}

/** Of Celery's routing what a queue of its own name needs: its exchange is the default one. */
function queueOption(signature: Signature): string | undefined {
  const queue = valueOf(signature.options.get("queue"));
  if (isObject(queue) && typeof queue["name"] === "string") return queue["name"];
  return textOption(signature, "queue") ?? textOption(signature, "routing_key");
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
  timezone: string,
  now: number,
  role: string,
): { readonly eta?: number | undefined; readonly expires?: number | undefined } {
  const read = (name: string): number | undefined => {
    const value = timeOption(signature, name);
    if (typeof value === "number") return later(now, value);
    if (value === undefined) return undefined;
    const time = parseTime(value, timezone);
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

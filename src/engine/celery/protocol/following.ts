/**
 * What follows a task: callbacks and the next step of its chain after a success, errbacks after a failure.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import { bodyText, embedText, signatureList, wireJson } from "./body.ts";
import type { Embed } from "./body.ts";
import { compressed, compressionHeader } from "./compression.ts";
import { celeryHeaders } from "./headers.ts";
import { isObject, malformed, unsupportedMessage } from "./malformed.ts";
import type { CeleryMessage } from "./message.ts";
import type { Received } from "./receiving.ts";
import type { TaskEnd } from "./result.ts";
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
import { isPythonTime, parseTime } from "./times.ts";

/** The end of a task, and where it is to be told besides the result backend. */
export interface EndToStore {
  readonly end: TaskEnd;
  readonly replyTo: string | undefined;
}

/** How one step is sent. */
interface Step {
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

/**
 * What is to be published after a success: callbacks, then the next step of the chain with what is left of it. Each gets
 * the result before its own arguments, unless it is immutable.
 *
 * @param result wire text
 * @param now epoch milliseconds, for steps with a countdown
 */
export function afterSuccess(
  received: Received,
  result: string,
  settings: ProtocolSettings,
  now: number,
): readonly CeleryMessage[] {
  const { callbacks, chain } = received.embed;
  if (callbacks.length === 0 && chain.length === 0) return [];
  // What is no JSON travels as a JSON string.
  const first = wireJson(result, "/0/0") ?? JSON.stringify(result);
  const step = { received, settings, now, first, chain: [] };
  const next = chain.at(-1);
  return [
    ...callbacks.flatMap((text, index) => messages(text, { ...step, role: `callbacks[${index}]` })),
    ...(next === undefined
      ? []
      : messages(next, { ...step, chain: chain.slice(0, -1), role: `chain[${chain.length - 1}]` })),
  ];
}

/**
 * What is to be published after a failure, errbacks with the task's id before their own arguments, and the ends of the
 * rest of its chain, which fails alike. Of a task that was called off or has expired, the rest of the chain ends alike,
 * and no errback is sent, as Celery has it.
 */
export function afterFailure(
  received: Received,
  end: TaskEnd,
  settings: ProtocolSettings,
  now: number,
): { readonly messages: readonly CeleryMessage[]; readonly ends: readonly EndToStore[] } {
  const { errbacks, chain } = received.embed;
  const step = { received, settings, now, first: JSON.stringify(received.message.id), chain: [] };
  return {
    messages:
      end.status === "FAILURE"
        ? errbacks.flatMap((text, index) => messages(text, { ...step, role: `errbacks[${index}]` }))
        : [],
    ends: [...chain.entries()]
      .toReversed()
      .flatMap(([index, text]) => endsLike(end, text, `body[2].chain[${index}]`)),
  };
}

/** The same end for a step, and for each member of a group. */
function endsLike(end: TaskEnd, text: string, path: string): readonly EndToStore[] {
  const signature = signatureOf(text, path);
  const members = groupMembers(signature, path) ?? [];
  const ends = [
    signature,
    ...members.map((member, index) => signatureOf(member, `${path}.kwargs.tasks[${index}]`)),
  ];
  return ends.flatMap((each) => {
    const id = textOption(each, "task_id");
    return id === undefined ? [] : [{ end: endLike(end, id, each), replyTo: textOption(each, "reply_to") }];
  });
}

function endLike(end: TaskEnd, id: string, signature: Signature): TaskEnd {
  const { status, state, reason, endedAt, worker, traceback } = end;
  const groupId = textOption(signature, "group_id");
  return {
    id,
    status,
    state,
    endedAt,
    task: signature.task,
    attempts: 0,
    ...(reason !== undefined && { reason }),
    ...(worker !== undefined && { worker }),
    ...(traceback !== undefined && { traceback }),
    ...(groupId !== undefined && { groupId }),
  };
}

/**
 * Refuses a message whose next steps this engine does not know how to take, before anything of it is run.
 *
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` for a chord, or a part of one
 */
export function refuseCanvas({ callbacks, errbacks, chain, chord }: Embed): void {
  if (chord !== undefined) throw chordError("it is part of a chord");
  for (const [index, text] of chain.entries()) {
    const path = `body[2].chain[${index}]`;
    const signature = signatureOf(text, path);
    const { options } = signature;
    if ((options.get("chord") ?? "null") !== "null")
      throw chordError("a step of its chain is part of a chord");
    if (index === chain.length - 1) refuseStep(signature, path, index > 0);
  }
  for (const [name, texts] of Object.entries({ callbacks, errbacks }))
    for (const [index, text] of texts.entries()) {
      const path = `body[2].${name}[${index}]`;
      refuseStep(signatureOf(text, path), path, false);
    }
}

function refuseStep(signature: Signature, path: string, isFollowed: boolean): void {
  if ((signature.options.get("chord") ?? "null") !== "null") throw chordError(`${path} is part of a chord`);
  const members = groupMembers(signature, path);
  if (members === undefined) {
    if (/^celery\.(?:chord|chain|map|starmap|chunks)$/.test(signature.task))
      throw chordError(`${path} is a ${signature.task}`);
    return;
  }
  if (isFollowed) throw chordError(`${path} is a celery.group that something follows`);
  for (const [index, text] of members.entries()) {
    const place = `${path}.kwargs.tasks[${index}]`;
    const member = signatureOf(text, place);
    if (member.task === "celery.group") throw chordError(`${place} is a celery.group in a group`);
    refuseStep(member, place, false);
  }
}

function chordError(what: string): Error {
  return unsupportedMessage(
    what,
    "Give it to a Python worker: send it to a queue that only those take from.",
  );
}

/** The messages of a signature: one, or one for each member of a group. */
function messages(text: string, step: Step): readonly CeleryMessage[] {
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
        root: (typeof root === "string" ? root : parent).toWellFormed(),
        parent: parent.toWellFormed(),
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
function times(
  signature: Signature,
  timezone: string,
  now: number,
  role: string,
): { readonly eta?: number | undefined; readonly expires?: number | undefined } {
  const read = (name: string): number | undefined => {
    const value = timeOption(signature, name);
    if (value === undefined) return undefined;
    const time = typeof value === "number" ? now + value * 1000 : parseTime(value, timezone);
    if (time === undefined || !isPythonTime(time))
      throw malformed(`${role}.options.${name}`, "a time, or seconds", describe(value));
    return time;
  };
  const countdown = numberOption(signature, "countdown");
  return {
    eta: countdown ? now + countdown * 1000 : read("eta"),
    expires: read("expires"),
  };
}

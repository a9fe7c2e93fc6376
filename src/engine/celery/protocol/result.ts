/**
 * How a task ended, as Celery's result backends keep it.
 *
 * @module
 */
import type { Reason, TaskState } from "../../../engine.ts";
import { PetioleError, describe, messageOf } from "../../../errors.ts";
import type { Json } from "../../../message.ts";
import { isDeeperThan } from "../../shared/kept-payload/nesting.ts";
import { pythonError, reasonOfPython, revokedError } from "./failure.ts";
import type { PythonError } from "./failure.ts";
import { definedOf, isObject, malformed } from "./malformed.ts";
import { ownFields } from "./own-result.ts";
import { wireJson } from "./wire-json.ts";
import { toWireNumbers } from "./numbers.ts";
import { isCount } from "./petiole-header.ts";
import { isPadded, membersOf, stringOf } from "./pieces.ts";
import { pythonJson } from "./python-json.ts";
import type { ProtocolSettings } from "./settings.ts";
import { isPythonTime, parseTime, toTime } from "./times.ts";

/** The end of a task. */
export interface TaskEnd {
  readonly id: string;
  /** `"SUCCESS"`, `"FAILURE"`, `"REVOKED"`: what Python sees. `"STARTED"` and `"RETRY"` are no ends. */
  readonly status: string;
  /** One of ours, where it was an engine of ours that stored it; else as the status tells. */
  readonly state: Extract<
    TaskState,
    "succeeded" | "failed" | "parked" | "skipped" | "discarded" | "expired" | "cancelled"
  >;
  /** Wire text, of a success. */
  readonly result?: string;
  readonly reason?: Reason;
  readonly endedAt: number;
  /** Where the sender of the result has told: Celery does with `result_extended`, this engine always. */
  readonly task?: string;
  readonly queue?: string;
  readonly worker?: string;
  /** Attempts that ended. */
  readonly attempts?: number;
  /** Lost leases. */
  readonly crashes?: number;
  readonly deferrals?: number;
  /** The payload's wire text, where it was told. */
  readonly payload?: string;
  readonly headers?: { readonly [name: string]: Json };
  readonly sentAt?: number;
  /** Ids of the tasks that this one's message made follow. */
  readonly children?: readonly string[];
  readonly parentId?: string;
  readonly groupId?: string;
  readonly traceback?: string;
  /** For how many milliseconds it is kept; the option `resultExpires` unless told. */
  readonly keep?: number;
}

/** How Celery's backends call the ends. All other states are on the way to one. */
const statuses: Readonly<Record<string, TaskEnd["state"]>> = {
  SUCCESS: "succeeded",
  FAILURE: "failed",
  REVOKED: "cancelled",
};

/** Celery's name of an end. */
export function statusOf(state: TaskEnd["state"]): string {
  if (state === "succeeded") return "SUCCESS";
  return state === "failed" || state === "parked" ? "FAILURE" : "REVOKED";
}

/**
 * What Celery's result backends keep of a task's end, as JSON.
 *
 * Celery's own fields, as with its setting `result_extended`, and `petiole`, a text: what this engine knows of the end
 * beside them.
 */
export function metaOf(end: TaskEnd, { exceptions }: Pick<ProtocolSettings, "exceptions">): string {
  const { id, status, state, reason, endedAt, attempts = 0 } = end;
  const { text, form } = textAndForm(end, exceptions);
  const own = {
    state,
    endedAt,
    attempts,
    ...definedOf({ reason, result: form, payload: end.payload, headers: end.headers, sentAt: end.sentAt }),
    // Counters that are 0 are not said.
    ...definedOf({ crashes: end.crashes || undefined, deferrals: end.deferrals || undefined }),
    ...(!id.isWellFormed() && { id }),
  };
  const fields = {
    traceback: tracebackOf(end) ?? null,
    children: (end.children ?? []).map((child) => [[child, null], null]),
    date_done: isPythonTime(endedAt) ? toTime(endedAt) : null,
    task_id: id.toWellFormed(),
    ...definedOf({ group_id: end.groupId, parent_id: end.parentId, name: end.task, worker: end.worker }),
    retries: state === "succeeded" || state === "failed" ? Math.max(0, attempts - 1) : attempts,
    ...definedOf({ queue: end.queue }),
    // As text: in it there may be data that Kombu would take for a tag.
    petiole: textOf(own),
  };
  return `{"status":${JSON.stringify(status)},"result":${text},${JSON.stringify(fields).slice(1)}`;
}

function textAndForm(
  end: TaskEnd,
  exceptions: ProtocolSettings["exceptions"],
): { readonly text: string; readonly form: "text" | undefined } {
  return end.status === "SUCCESS" ? resultText(end.result ?? "null") : failureText(end, exceptions);
}

/** The field `result` alone: what a task returned, or what it raised, as Python's JSON. */
export function pythonResult(end: TaskEnd, { exceptions }: Pick<ProtocolSettings, "exceptions">): string {
  return textAndForm(end, exceptions).text;
}

/** What cannot be written because it is nested too deep is left out: the end itself is told. */
function textOf(own: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(own);
  } catch (error) {
    const { headers: _headers, reason, ...rest } = own;
    const { code, message } = (reason ?? {}) as Partial<Reason>;
    return JSON.stringify({
      ...rest,
      ...(reason !== undefined && { reason: { code, message, details: { lost: messageOf(error) } } }),
    });
  }
}

function tracebackOf({ traceback, reason, status }: TaskEnd): string | undefined {
  if (status === "SUCCESS") return undefined;
  if (traceback !== undefined) return traceback;
  const stack = isObject(reason?.details) ? reason.details["stack"] : undefined;
  return typeof stack === "string" ? stack : undefined;
}

/** A result as JSON; what is none is a JSON string, and says so. */
function resultText(result: string): { readonly text: string; readonly form: "text" | undefined } {
  const text = isPadded(result) ? undefined : wireJson(result, "");
  return text === undefined ? { text: JSON.stringify(result), form: "text" } : { text, form: undefined };
}

function failureText(
  { status, state, reason, task }: TaskEnd,
  exceptions: ProtocolSettings["exceptions"],
): { readonly text: string; readonly form: undefined } {
  const why = reason ?? { code: "ERR_TASK_FAILED", message: state };
  const error =
    status === "REVOKED"
      ? // The word that Celery itself uses, and looks for.
        revokedError(state === "expired" ? "expired" : why.message)
      : pythonError(why, exceptions, task);
  return { text: errorText(error), form: undefined };
}

function errorText({ type, module, args }: PythonError): string {
  const texts = args.map(pythonJson);
  return `{"exc_type":${JSON.stringify(type)},"exc_message":[${texts.join(",")}],"exc_module":${JSON.stringify(module)}}`;
}

/** Deeper, what is beside a result is not read. */
const maxDepth = 500;

/**
 * The end that a text of a result backend tells; undefined for a state that is none (`STARTED`, `RETRY`, an app's own).
 *
 * @param receivedAt epoch milliseconds: when it ended, where the text does not say
 * @throws PetioleError `ERR_ENGINE_ROW_UNREADABLE` for a text that is not of Celery's
 */
export function endOf(text: string, receivedAt: number = Date.now()): TaskEnd | undefined {
  try {
    return readEnd(text, receivedAt);
  } catch (error) {
    if (!(error instanceof PetioleError)) throw error;
    throw unreadableResult("A stored result", error.message, error);
  }
}

/** The error for a result that nobody here decodes: a pickle, or what else is no JSON. */
export function unreadableResult(which: string, why: string, cause?: unknown): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_ROW_UNREADABLE",
    `${which} cannot be read: ${why} It was not written by Celery's JSON serializer or by this engine: ` +
      'set result_serializer = "json" in the worker that stores it, or remove it.',
    cause === undefined ? {} : { cause },
  );
}

function readEnd(text: string, receivedAt: number): TaskEnd | undefined {
  const fields = new Map(membersOf(text, "result").map(({ name, value }) => [name, value]));
  const read = (name: string): unknown => parsed(fields.get(name), `result.${name}`);
  const status = read("status");
  if (typeof status !== "string") throw malformed("result.status", "a state of a task", describe(status));
  const known = Object.hasOwn(statuses, status) ? statuses[status]! : undefined;
  if (known === undefined) return undefined;
  const own = ownFields(read("petiole"));
  const id = own.id ?? read("task_id");
  if (typeof id !== "string" || id === "") throw malformed("result.task_id", "a task's id", describe(id));
  const traceback = textOrUndefined(read("traceback"));
  const told = known === "succeeded" ? undefined : reasonOfPython(read("result"), traceback);
  const state = own.state !== undefined && statusOf(own.state) === status ? own.state : stateOf(known, told);
  const retries = read("retries");
  const attempts = own.attempts ?? (isCount(retries) ? retries + (status === "REVOKED" ? 0 : 1) : undefined);
  const reason = known === "succeeded" ? undefined : (own.reason ?? told);
  return {
    id,
    status,
    state,
    endedAt: own.endedAt ?? dateOf(read("date_done")) ?? receivedAt,
    children: childrenOf(read("children")),
    ...(definedOf({
      result: known === "succeeded" ? resultOf(fields.get("result") ?? "null", own.result) : undefined,
      reason,
      attempts,
      traceback,
      task: textOrUndefined(read("name")),
      queue: textOrUndefined(read("queue")),
      worker: textOrUndefined(read("worker")),
      parentId: textOrUndefined(read("parent_id")),
      groupId: textOrUndefined(read("group_id")),
      crashes: own.crashes,
      deferrals: own.deferrals,
      payload: own.payload,
      headers: own.headers,
      sentAt: own.sentAt,
    }) as Partial<TaskEnd>),
  };
}

function parsed(text: string | undefined, what: string): unknown {
  if (text === undefined) return undefined;
  if (isDeeperThan(text, maxDepth)) throw malformed(what, `at most ${maxDepth} levels`, "more");
  return JSON.parse(toWireNumbers(text, what)) as unknown;
}

function textOrUndefined(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function stateOf(known: TaskEnd["state"], reason: Reason | undefined): TaskEnd["state"] {
  return known === "cancelled" && reason?.code === "ERR_TASK_EXPIRED" ? "expired" : known;
}

function dateOf(value: unknown): number | undefined {
  // Before Celery 5.3 it had no offset, and was UTC.
  const time = typeof value === "string" ? parseTime(value) : undefined;
  return time === undefined ? undefined : Math.floor(time);
}

/** Ids of `[[["<id>", null], null], …]`; of what is not so, none. */
function childrenOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((child: unknown) => {
    const first: unknown = Array.isArray(child) ? child[0] : child;
    const id: unknown = Array.isArray(first) ? first[0] : first;
    return typeof id === "string" ? [id] : [];
  });
}

function resultOf(text: string, form: "text" | undefined): string {
  const kept = form === "text" ? stringOf(text) : undefined;
  if (kept !== undefined) return kept;
  return toWireNumbers(text, "result.result");
}

/**
 * Middleware: what an app does around every send and every run, for tracing, tenancy, locale, logging.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { ownHeaders, type Json, type MessageHeaders } from "../message.ts";
import type { Job } from "./job.ts";

/** One send, as middleware sees it. */
export interface EnqueueContext {
  /** The id that the task has, or will have once it is sent. */
  readonly id: string;
  /** The task's name. */
  readonly task: string;
  /** As it was given to `enqueue`. */
  readonly payload: unknown;
  /**
   * What travels beside the payload, readable on the other side as `headers`: a trace, a tenant, a locale. Put
   * plain JSON here before calling `next`. The names that the message itself uses are refused.
   */
  readonly headers: Record<string, Json>;
}

/** One run, as middleware sees it. */
export interface RunMiddlewareContext<Rows = object> {
  /** As the handler gets it. */
  readonly job: Job<Rows>;
  /** As the handler gets it: rows loaded, value classes revived. */
  readonly payload: unknown;
  /** What the message carries beside its payload, with what the sender's middleware has put there. */
  readonly headers: MessageHeaders;
}

/** What `app.use` takes. Either part may be left out. */
export interface Middleware<Rows = object> {
  /**
   * Around a send. Call `next` once; it resolves when the engine has accepted the task, or holds it for a commit.
   * With `enqueueMany` it is called for each payload, and `next` resolves when that is ready: all are sent together
   * once the middleware of all has returned, and none if any has thrown.
   */
  enqueue?(context: EnqueueContext, next: () => Promise<void>): Promise<void>;
  /** Around a run. Call `next` once and return what it resolves to. What it throws is the run's outcome. */
  run?(context: RunMiddlewareContext<Rows>, next: () => Promise<unknown>): Promise<unknown>;
}

/**
 * Refuses headers that are no plain JSON, or would take the place of the message's own.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 */
export function checkHeaders(headers: Readonly<Record<string, Json>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const wrong = notJson(value, 0);
    if (wrong === undefined) continue;
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `headers.${name} must be plain JSON, at most ${deepest} levels of it; in it is ${wrong}.`,
    );
  }
  const taken = Object.keys(headers).find((name) => ownHeaders.has(name));
  if (taken === undefined) return;
  const names = [...ownHeaders].join(", ");
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `headers cannot have ${taken}: ${names} are the message's own.`,
  );
}

/** Headers are no payload. */
const deepest = 100;

/** What in a value is no JSON, for the message; undefined where all is. */
function notJson(value: unknown, depth: number): string | undefined {
  if (depth > deepest) return "one that is deeper";
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return undefined;
  const prototype: unknown = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return describe(value);
  for (const part of Object.values(value as object)) {
    const wrong = notJson(part, depth + 1);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Runs layers around a core, the first outermost. Each must call its `next` once. */
export async function around<Context, Result>(
  layers: readonly ((context: Context, next: () => Promise<Result>) => Promise<Result>)[],
  context: Context,
  core: () => Promise<Result>,
): Promise<Result> {
  const enter = async (depth: number): Promise<Result> => {
    const layer = layers[depth];
    if (!layer) return core();
    let calls = 0;
    const result = await layer(context, () => {
      if (++calls > 1) throw misuse("called next() more than once");
      return enter(depth + 1);
    });
    if (calls === 0) throw misuse("returned without calling next(): throw, to refuse");
    return result;
  };
  return enter(0);
}

function misuse(what: string): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `A middleware ${what}.`);
}

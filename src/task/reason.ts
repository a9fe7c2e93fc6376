/** Reasons: errors as the engine keeps them. @module */
import {
  DecodeError,
  EncodeError,
  attempt,
  messageOf,
  type ErrorCode,
  type PetioleError,
} from "../errors.ts";
import type { Reason } from "../engine.ts";
import type { Json } from "../message.ts";

/**
 * The reason for an error of a handler's own. Never throws: what a handler throws may have getters that do.
 *
 * @param code - what it meant for the task
 */
export function reasonOfThrown(error: unknown, code: ErrorCode = "ERR_TASK_FAILED"): Reason {
  if (attempt(() => error instanceof Error) !== true) {
    const thrown = messageOf(error);
    return { code, message: `the handler threw ${thrown}, which is not an Error`, details: { thrown } };
  }
  const details = detailsOf(error as Error);
  return { code, message: messageOf(error) || String(details["name"]), details };
}

/** The reason for an error of Petiole's. */
export function reasonOf(error: PetioleError): Reason {
  const details: Record<string, Json> = {};
  if (error instanceof EncodeError) details["refusals"] = error.refusals.map((refusal) => ({ ...refusal }));
  if (error instanceof DecodeError) {
    const { path, expected, found, known } = error;
    Object.assign(details, { path, expected, found }, known ? { known: [...known] } : {});
  }
  if (error.cause instanceof Error) details["cause"] = detailsOf(error.cause);
  return {
    code: error.code,
    message: error.message,
    ...(Object.keys(details).length > 0 ? { details } : {}),
  };
}

/** What a person needs of an error, as plain data; causes up to four deep. */
function detailsOf(error: Error, depth = 0): { readonly [key: string]: Json } {
  const name = attempt(() => String(error.name)) ?? "Error";
  const stack = attempt(() => error.stack);
  const code = attempt(() => (error as { code?: unknown }).code);
  const cause = attempt(() => (error.cause instanceof Error ? error.cause : undefined));
  return {
    name,
    message: messageOf(error),
    ...(typeof stack === "string" ? { stack } : {}),
    ...(typeof code === "string" || Number.isFinite(code) ? { code: code as string | number } : {}),
    ...(cause && depth < 4 ? { cause: detailsOf(cause, depth + 1) } : {}),
  };
}

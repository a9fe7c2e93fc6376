/** Reasons: errors as the engine keeps them. @module */
import { DecodeError, EncodeError, describe, type ErrorCode, type PetioleError } from "../errors.ts";
import type { Reason } from "../engine.ts";
import type { Json } from "../message.ts";

/**
 * The reason for an error of a handler's own.
 *
 * @param code - what it meant for the task
 */
export function reasonOfThrown(error: unknown, code: ErrorCode = "ERR_TASK_FAILED"): Reason {
  if (!(error instanceof Error)) {
    const message = `the handler threw ${describe(error)}, which is not an Error`;
    return { code, message, details: { thrown: describe(error) } };
  }
  return { code, message: error.message === "" ? error.name : error.message, details: detailsOf(error) };
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
  const { code } = error as { code?: unknown };
  return {
    name: String(error.name),
    message: String(error.message),
    ...(typeof error.stack === "string" ? { stack: error.stack } : {}),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(error.cause instanceof Error && depth < 4 ? { cause: detailsOf(error.cause, depth + 1) } : {}),
  };
}

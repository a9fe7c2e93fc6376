/**
 * Errors of the engine itself, whichever transport it has.
 *
 * @module
 */
import { PetioleError, messageOf } from "../../errors.ts";
import type { Reason } from "../../engine.ts";

/** The error for calls after `close()`. */
export function closedError(): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_CLOSED",
    "The Celery engine is closed. Make another one with celery().",
  );
}

/** Why a message is parked that cannot be read or carried on. */
export function reasonOfError(error: unknown): Reason {
  const code = error instanceof PetioleError ? error.code : "ERR_TEXT_UNDECODABLE";
  return { code, message: messageOf(error) };
}

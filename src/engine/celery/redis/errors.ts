/**
 * What Redis says, told as Petiole's errors.
 *
 * @module
 */
import { PetioleError } from "../../../errors.ts";

/** The error for calls after `close()`. */
export function closedError(): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_CLOSED",
    "The Celery engine is closed. Make another one with celery().",
  );
}

/** Answers of a server that is there, and cannot do it just now. */
const passing = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|BUSY) /;

/** Whether it is an answer of the server, which begins with a code in capitals; else the connection failed. */
function isAnswer(error: unknown): error is Error {
  return error instanceof Error && (error.name === "ReplyError" || /^[A-Z][A-Z0-9]+ /.test(error.message));
}

/** Whether the server has done nothing, and will not: else the connection failed, or it is asked for again. */
export function isRefusal(error: unknown): error is Error {
  return isAnswer(error) && !passing.test(error.message);
}

/** Whether this server takes no writes, because it is the replica of another. */
export function isReplica(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("READONLY ");
}

/** Whether nobody knows if it was done: there was no answer. */
export function isUncertain(error: unknown): boolean {
  return !isAnswer(error);
}

/** Whether the server does not know a script any more: it was started anew. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/**
 * The error for a server that cannot be reached.
 *
 * @param what the thing that was to be done, for the message: `sending 3 tasks`
 * @param uncertain it was asked for, and the answer was lost
 */
export function unreachable(what: string, uncertain: boolean, cause: unknown): PetioleError {
  const detail = cause instanceof Error && cause.message !== "" ? ` (${cause.message})` : "";
  return new PetioleError(
    "ERR_ENGINE_UNREACHABLE",
    `Celery engine: ${what} failed: Redis cannot be reached${detail}. ` +
      (uncertain
        ? "The connection broke before its answer came, so that it may have been done all the same; it may be repeated."
        : "Nothing was changed; repeat it when Redis is there. The engine connects again by itself."),
    { cause },
  );
}

/** The error for what the server has refused. */
export function refused(what: string, error: Error): PetioleError {
  const failed = `Celery engine: ${what} failed`;
  if (error.message.includes("OOM ")) {
    return new PetioleError(
      "ERR_ENGINE_DISK_FULL",
      `${failed}: Redis has reached its maxmemory. This was not accepted; what was accepted before is safe. ` +
        "Give it more memory, or keep results for a shorter time; the engine works on without a restart.",
      { cause: error },
    );
  }
  if (error.message.startsWith("WRONGTYPE")) {
    return new PetioleError(
      "ERR_ENGINE_FAILED",
      `${failed}: a key of Redis holds something else than Celery keeps there: ${error.message}. Nothing was changed. ` +
        "Use a database or a keyPrefix of its own for Celery, or remove that key.",
      { cause: error },
    );
  }
  return new PetioleError("ERR_ENGINE_FAILED", `${failed}: Redis refused it: ${error.message}`, {
    cause: error,
  });
}

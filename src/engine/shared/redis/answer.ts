/**
 * What an answer of Redis, or its absence, says of what was asked for.
 *
 * @module
 */

/** Answers of a server that is there, and cannot do it just now. */
const passing = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|NOREPLICAS|BUSY) /;

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

/** Whether it was not sent at all: ioredis was between two connections. */
export function isUnsent(error: unknown): boolean {
  return error instanceof Error && /isn't (writeable|ready) and enableOfflineQueue/.test(error.message);
}

/** Whether the server does not know a script any more: it was started anew. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

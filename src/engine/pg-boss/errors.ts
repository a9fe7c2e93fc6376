/**
 * The database's errors, told as Petiole's: what failed, and what to do.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";

/** The error for calls after `close()`. */
export function closedError(): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_CLOSED",
    "The pg-boss engine is closed. Make another one with pgBoss().",
  );
}

/** PostgreSQL's code of an error (https://www.postgresql.org/docs/current/errcodes-appendix.html), or Node's. */
export function codeOf(error: unknown): string | undefined {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** Whether two transactions were in each other's way, so that trying again helps. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === "40001" || code === "40P01";
}

const network = /^(?:ECONN|EPIPE|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET|ENOENT$)/;
/** Connections that are lost, refused, or shut down, or to a server that takes no writes, as after a fail-over. */
const unavailable = /^(?:08|57P0|53300|58000|25006)/;
const said =
  /connection terminated|connection error|connection ended|timeout exceeded|timeout expired|not queryable|closed the connection|end on the pool|database not opened/i;

/** Whether the server could not be reached, or was lost. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof PetioleError) return error.code === "ERR_ENGINE_UNREACHABLE";
  if (error instanceof AggregateError && error.errors.some(isUnreachable)) return true;
  const code = codeOf(error);
  if (code !== undefined && (network.test(code) || unavailable.test(code))) return true;
  return error instanceof Error && said.test(error.message);
}

/**
 * Tells an error as a {@link PetioleError}; one that is told already stays as it is.
 *
 * @param what the thing that was to be done, for the message: `sending 3 tasks`
 */
export function engineError(error: unknown, what: string): PetioleError {
  if (error instanceof PetioleError) return error;
  const cause = { cause: error };
  const detail = detailOf(error);
  const failed = `pg-boss engine: ${what} failed`;
  if (isUnreachable(error)) {
    return new PetioleError(
      "ERR_ENGINE_UNREACHABLE",
      `${failed}: PostgreSQL cannot be reached (${detail}). It may be done all the same; repeat it when the server is ` +
        "there. A PgBoss instance must have been started, and not stopped; a pool not ended.",
      cause,
    );
  }
  const code = codeOf(error);
  if (code === "53100")
    return new PetioleError(
      "ERR_ENGINE_DISK_FULL",
      `${failed}: the server's disk is full. This was not accepted; free some space and repeat it.`,
      cause,
    );
  if (code === "42501")
    return new PetioleError(
      "ERR_ENGINE_FAILED",
      `${failed}: ${detail}. The user needs what docs/engine/pg-boss.md names under "Permissions".`,
      cause,
    );
  return new PetioleError("ERR_ENGINE_FAILED", `${failed}: ${detail}`, cause);
}

/** The error for a statement that took too long. */
export function lateError(what: string, timeout: number): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_UNREACHABLE",
    `pg-boss engine: ${what} failed: no answer from PostgreSQL within ${timeout} ms. It may be done all the same; repeat it.`,
  );
}

function detailOf(error: unknown): string {
  if (error instanceof AggregateError)
    return [error.message, ...error.errors.map(detailOf)].filter(Boolean).join("; ");
  return error instanceof Error ? error.message : String(error);
}

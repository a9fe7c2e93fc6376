/**
 * What Redis says, told as Petiole's errors.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";

/** Which engine it is, for messages to people. */
export interface EngineOnRedis {
  /** `BullMQ` */
  readonly name: string;
  /** What may be kept for a shorter time, where there is no more memory: `results`. */
  readonly keeps: string;
}

/**
 * The error for a server that cannot be reached.
 *
 * @param what the thing that was to be done, for the message: `sending 3 tasks`
 * @param uncertain it was asked for, and the answer was lost
 */
export function unreachable(
  { name }: EngineOnRedis,
  what: string,
  uncertain: boolean,
  cause: unknown,
): PetioleError {
  const detail = cause instanceof Error && cause.message !== "" ? ` (${cause.message})` : "";
  return new PetioleError(
    "ERR_ENGINE_UNREACHABLE",
    `${name} engine: ${what} failed: Redis cannot be reached${detail}. ` +
      (uncertain
        ? "The connection broke before its answer came, so that it may have been done all the same; it may be repeated."
        : "Nothing was changed; repeat it when Redis is there. The engine connects again by itself."),
    { cause },
  );
}

/** The error for what the server has refused. */
export function refused({ name, keeps }: EngineOnRedis, what: string, error: Error): PetioleError {
  const failed = `${name} engine: ${what} failed`;
  if (error.message.includes("OOM "))
    return new PetioleError(
      "ERR_ENGINE_DISK_FULL",
      `${failed}: Redis has reached its maxmemory. This was not accepted; what was accepted before is safe. ` +
        `Give it more memory, or keep ${keeps} for a shorter time; the engine works on without a restart.`,
      { cause: error },
    );
  return new PetioleError("ERR_ENGINE_FAILED", `${failed}: Redis refused it: ${error.message}`, {
    cause: error,
  });
}

/**
 * What RabbitMQ and amqplib say, told as Petiole's errors.
 *
 * @module
 */
import { PetioleError } from "../../../errors.ts";

export { closedError } from "../errors.ts";

/** What RabbitMQ answers when it refuses one thing, and closes the channel alone; by its reply code. */
const refusals = new Set([311, 313, 403, 404, 405, 406, 540]);

/** The reply code of an error that RabbitMQ answered with; else undefined: the connection failed. */
export function refusalCode(error: unknown): number | undefined {
  const code: unknown = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "number" && refusals.has(code) ? code : undefined;
}

/**
 * The error for a broker that cannot be reached.
 *
 * @param what the thing that was to be done, for the message: `sending 3 tasks`
 * @param uncertain it was asked for, and the answer was lost
 * @param again whether the engine can connect again
 */
export function unreachable(what: string, uncertain: boolean, again: boolean, cause: unknown): PetioleError {
  const detail = cause instanceof Error && cause.message !== "" ? ` (${cause.message})` : "";
  const done = uncertain
    ? "The connection broke before its answer came, so that it may have been done all the same; it may be repeated."
    : "Nothing was changed; repeat it when RabbitMQ is there.";
  const next = again
    ? "The engine connects again by itself."
    : "The connection that the engine was given has ended and cannot be made again: give it a function that makes one, " +
      'as in broker: () => connect("amqp://…").';
  return new PetioleError(
    "ERR_ENGINE_UNREACHABLE",
    `Celery engine: ${what} failed: RabbitMQ cannot be reached${detail}. ${done} ${next}`,
    { cause },
  );
}

/** The error for what RabbitMQ has refused. */
export function refused(what: string, cause: unknown): PetioleError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new PetioleError(
    "ERR_ENGINE_FAILED",
    `Celery engine: ${what} failed: RabbitMQ refused it: ${detail}`,
    { cause },
  );
}

/** The error for what a call has failed with. */
export function failure(what: string, uncertain: boolean, again: boolean, error: unknown): PetioleError {
  if (error instanceof PetioleError) return error;
  return refusalCode(error) === undefined ? unreachable(what, uncertain, again, error) : refused(what, error);
}

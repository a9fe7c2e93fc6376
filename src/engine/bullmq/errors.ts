/**
 * What Redis says, told as Petiole's errors.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import * as redis from "../shared/redis-errors.ts";

const engine: redis.EngineOnRedis = { name: "BullMQ", keeps: "ended tasks" };

/** The error for calls after `close()`. */
export function closedError(): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_CLOSED",
    "The BullMQ engine is closed. Make another one with bullmq().",
  );
}

/** The error for a server that cannot be reached: see {@link redis.unreachable}. */
export function unreachable(what: string, uncertain: boolean, cause: unknown): PetioleError {
  return redis.unreachable(engine, what, uncertain, cause);
}

/** The error for what the server has refused. */
export function refused(what: string, error: Error): PetioleError {
  return redis.refused(engine, what, error);
}

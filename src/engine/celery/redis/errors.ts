/**
 * What Redis says, told as Petiole's errors.
 *
 * @module
 */
import { PetioleError } from "../../../errors.ts";
import * as redis from "../../shared/redis-errors.ts";

const engine: redis.EngineOnRedis = { name: "Celery", keeps: "results" };

/** The error for a server that cannot be reached: see {@link redis.unreachable}. */
export function unreachable(what: string, uncertain: boolean, cause: unknown): PetioleError {
  return redis.unreachable(engine, what, uncertain, cause);
}

/** The error for what the server has refused. */
export function refused(what: string, error: Error): PetioleError {
  if (!error.message.startsWith("WRONGTYPE")) return redis.refused(engine, what, error);
  return new PetioleError(
    "ERR_ENGINE_FAILED",
    `Celery engine: ${what} failed: a key of Redis holds something else than Celery keeps there: ${error.message}. ` +
      "Nothing was changed. Use a database or a keyPrefix of its own for Celery, or remove that key.",
    { cause: error },
  );
}

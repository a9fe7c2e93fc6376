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

/**
 * Whether what was to be published can never be: an answer of the broker, or of its client, to the message itself. What
 * cannot be reached, or is out of memory, may accept it later.
 */
export function isRefusedForGood(error: unknown): error is PetioleError {
  if (!(error instanceof PetioleError)) return false;
  const { code, cause } = error;
  if (code === "ERR_ENGINE_FAILED")
    return cause instanceof TypeError || cause instanceof Unbound || isRefusalOfRabbitMq(cause);
  return code === "ERR_ENGINE_UNSUPPORTED" || !code.startsWith("ERR_ENGINE_");
}

/** The cause of the error for what was published to an exchange, and is for no queue. */
export class Unbound extends Error {
  /** @param except what is bound, and does not count */
  constructor(
    { exchange, routingKey }: { readonly exchange: string; readonly routingKey: string },
    except = "",
  ) {
    super(`no queue is bound to the exchange ${exchange} by the routing key ${routingKey}${except}`);
  }
}

/** Of a queue whose name is reserved, is another one's, or is not there and may not be made. */
function isRefusalOfRabbitMq(cause: unknown): boolean {
  const code: unknown = cause instanceof Error ? (cause as { readonly code?: unknown }).code : undefined;
  return code === 403 || code === 404 || code === 406;
}

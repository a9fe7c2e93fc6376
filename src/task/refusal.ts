/** What an engine will never accept. @module */
import { PetioleError } from "../errors.ts";

/** Whether an engine's `send` rejected for what it was given; for any other error it may accept the same later. */
export function isRefusal(error: unknown): error is PetioleError {
  if (!(error instanceof PetioleError)) return false;
  return error.code === "ERR_ENGINE_UNSUPPORTED" || !error.code.startsWith("ERR_ENGINE_");
}

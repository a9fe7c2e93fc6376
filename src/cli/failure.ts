/** What a command says when it fails. @module */
import { errorCodes, type PetioleError } from "../errors.ts";

/** Whether it is an error of Petiole's. By its code: the app may come from another copy of this package than the command. */
export function isPetioleError(error: unknown): error is PetioleError {
  return error instanceof Error && (errorCodes as readonly unknown[]).includes(Reflect.get(error, "code"));
}

/** Prints an error, and gives the exit code: 2 when it is the command line's, 1 for any other. */
export function fail(error: unknown): number {
  if (!isPetioleError(error)) {
    console.error(error);
    return 1;
  }
  console.error(`${error.code}: ${error.message}`);
  if (error.cause !== undefined) console.error(error.cause);
  return error.code === "ERR_COMMAND_LINE" ? 2 : 1;
}

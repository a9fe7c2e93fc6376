/** What a command says when it fails. @module */
import { inspect } from "node:util";
import { errorCodes, type PetioleError } from "../errors.ts";

/** Whether it is an error of Petiole's. By its code: the app may come from another copy of this package than the command. */
export function isPetioleError(error: unknown): error is PetioleError {
  return error instanceof Error && (errorCodes as readonly unknown[]).includes(Reflect.get(error, "code"));
}

/** An error for a person, and the exit code: 2 when it is the command line's, 1 for any other. */
export function describeFailure(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (!isPetioleError(error)) return { text: inspect(error), exitCode: 1 };
  const cause = error.cause === undefined ? "" : `\n${inspect(error.cause)}`;
  return {
    text: `${error.code}: ${error.message}${cause}`,
    exitCode: error.code === "ERR_COMMAND_LINE" ? 2 : 1,
  };
}

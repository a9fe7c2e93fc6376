/** The logger of a worker that is given none. @module */
import { inspect } from "node:util";
import type { WorkerLogger } from "./worker.ts";

/** Tells it on the console. */
export const consoleLogger: WorkerLogger = {
  info: (message) => console.info(shown(message)),
  warn: (message) => console.warn(shown(message)),
  error: (message, error) =>
    console.error(shown(error === undefined ? message : `${message} ${inspect(error)}`)),
};

/**
 * Names and texts may be a stranger's: nothing of them shall move the terminal's cursor, or look like the first line of
 * another message.
 */
function shown(message: string): string {
  return message.replaceAll(/(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, " ").replaceAll("\n", "\n  ");
}

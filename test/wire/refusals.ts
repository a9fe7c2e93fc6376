/** What a send was refused for. */
import { EncodeError } from "../../src/errors.ts";

/** Each place with its kind and advice, as one line. */
export function refusals(send: () => unknown): string[] {
  try {
    send();
  } catch (error) {
    if (error instanceof EncodeError)
      return error.refusals.map(({ path, kind, advice }) => `${path} | ${kind} | ${advice}`);
    throw error;
  }
  throw new Error("it was sent");
}

/** Several sends that are made ready each on its own and sent together, or not at all. @module */
import { EncodeError, type Refusal } from "../errors.ts";

/** This many of the values that cannot travel are told, of all payloads together. */
const mostRefusals = 100;

/**
 * All parts, once all are ready.
 *
 * @param what - what cannot be sent, for the error's text
 * @throws EncodeError that holds the refusals of all parts, unless one failed for another reason: then that
 */
export async function allReady<Part>(parts: readonly Promise<Part>[], what: string): Promise<Part[]> {
  const ready: Part[] = [];
  const refusals: Refusal[] = [];
  let count = 0;
  for (const part of await Promise.allSettled(parts)) {
    if (part.status === "fulfilled") {
      ready.push(part.value);
      continue;
    }
    const error: unknown = part.reason;
    if (!(error instanceof EncodeError)) throw error;
    count += error.count;
    for (const refusal of error.refusals) if (refusals.length < mostRefusals) refusals.push(refusal);
  }
  if (count > 0) throw new EncodeError(what, refusals, count);
  return ready;
}

/**
 * A message as plain JSON, for what waits for a person.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import type { KeptMessage } from "../broker.ts";
import { malformed } from "./malformed.ts";
import type { CeleryMessage } from "./message.ts";

/** The message, its body in base64. */
export function keptMessage(message: CeleryMessage): KeptMessage {
  return { ...message, body: Buffer.from(message.body).toString("base64") };
}

/** The message that was kept. */
export function fromKept(kept: KeptMessage): CeleryMessage {
  if (typeof kept.body !== "string") throw malformed("message.body", "base64", describe(kept.body));
  return { ...kept, body: Buffer.from(kept.body, "base64") };
}

/**
 * What is broadcast to all workers: Celery's remote control, by a channel of Redis.
 *
 * @module
 */
import type { ControlMessage } from "../broker.ts";
import { bodyOf, broadcastEnvelopeOf, isObject } from "./envelope.ts";
import type { RedisSettings } from "./settings.ts";

const exchange = "celery.pidbox";

/** The channel of a database. */
export function controlChannel(settings: RedisSettings, database: number): string {
  return `${settings.keyPrefix}/${database}.${exchange}`;
}

/** What is published there. */
export function controlText(message: ControlMessage): string {
  return broadcastEnvelopeOf(exchange, {
    method: message.method,
    arguments: message.arguments,
    destination: null,
    pattern: null,
    matcher: null,
  });
}

/**
 * Reads what was published there. Never throws.
 *
 * @param hostname this worker's, where it has one
 * @returns undefined for what is no message, or for others alone
 */
export function readControl(text: Buffer, hostname: string | undefined): ControlMessage | undefined {
  try {
    const envelope: unknown = JSON.parse(text.toString());
    const body: unknown = isObject(envelope) ? JSON.parse(bodyOf(envelope)?.toString() ?? "") : undefined;
    if (!isObject(body) || typeof body["method"] !== "string") return undefined;
    const { method, destination, pattern } = body;
    if (Array.isArray(destination) && destination.length > 0) {
      if (hostname === undefined || !destination.includes(hostname)) return undefined;
    } else if (typeof pattern === "string" && pattern !== "") {
      // For those whose names are like it. Who does not know must not do what others were told.
      return undefined;
    }
    const given = body["arguments"];
    return { method, arguments: isObject(given) ? given : {} };
  } catch {
    return undefined;
  }
}

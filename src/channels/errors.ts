/**
 * What can go wrong with a channel, and who is told when nobody waits for it.
 *
 * @module
 */
import { PetioleError, messageOf } from "../errors.ts";

/** `ERR_CHANNEL_FULL`: as many messages wait in a channel as may; this one was not sent. Channels' `ChannelFull`. */
export class ChannelFullError extends PetioleError {
  /** The channel's name. */
  readonly channel: string;
  /** How many messages may wait there. */
  readonly capacity: number;

  constructor(channel: string, capacity: number) {
    super(
      "ERR_CHANNEL_FULL",
      `Channel ${channel} is full: ${capacity} messages wait in it, as many as may. This one was not sent. ` +
        "Look whether anybody receives from it; send it later, send less, or raise `channelCapacity` on both sides.",
    );
    this.channel = channel;
    this.capacity = capacity;
  }
}

/** What an error is about that comes up where nobody waits. */
export interface ChannelErrorContext {
  /** The channel, where it is about one. */
  readonly channel?: string;
  /** What the handler was given that failed, or what there is no handler for. */
  readonly message?: Readonly<Record<string, unknown>>;
  /** What was in Redis and could not be read. It is there no more. */
  readonly bytes?: Uint8Array;
}

/** Is told what comes up where nobody waits: see `onError` of `channelLayer()`. */
export type ChannelErrorListener = (error: unknown, context: ChannelErrorContext) => unknown;

/** Calls a listener, whatever it does. */
export function safely(
  listener: ChannelErrorListener,
): (error: unknown, context: ChannelErrorContext) => void {
  return (error, context) => void callSafely(listener, error, context);
}

async function callSafely(
  listener: ChannelErrorListener,
  error: unknown,
  context: ChannelErrorContext,
): Promise<void> {
  try {
    await listener(error, context);
  } catch (thrown) {
    process.emitWarning(`onError of channelLayer() failed: ${messageOf(thrown)}`, "PetioleWarning");
  }
}

/** The listener unless there is another. */
export function printError(error: unknown, { channel }: ChannelErrorContext): void {
  console.error(`petiole/channels${channel === undefined ? "" : `, channel ${channel}`}:`, error);
}

export function closedError(): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_CLOSED",
    "The channel layer is closed. Make another one with channelLayer().",
  );
}

/**
 * The error for a server that cannot be reached.
 *
 * @param what the thing that was to be done, for the message
 * @param uncertain it was asked for, and the answer was lost
 */
export function unreachable(what: string, uncertain: boolean, cause: unknown): PetioleError {
  const detail = cause instanceof Error && cause.message !== "" ? ` (${cause.message})` : "";
  return new PetioleError(
    "ERR_ENGINE_UNREACHABLE",
    `Channel layer: ${what} failed: Redis cannot be reached${detail}. ` +
      (uncertain
        ? "The connection broke before its answer came, so that it may have been done all the same; done again, it may come twice."
        : "Nothing was changed; repeat it when Redis is there. The layer connects again by itself."),
    { cause },
  );
}

/** The error for what the server has refused. */
export function refused(what: string, cause: Error): PetioleError {
  const full = cause.message.includes("OOM ");
  return new PetioleError(
    full ? "ERR_ENGINE_DISK_FULL" : "ERR_ENGINE_FAILED",
    full
      ? `Channel layer: ${what} failed: Redis has reached its maxmemory. This was not accepted. Give it more memory.`
      : `Channel layer: ${what} failed: Redis refused it: ${cause.message}`,
    { cause },
  );
}

/**
 * What a channel layer is.
 *
 * @module
 */
import type { ChannelConsumer, ChannelHandlers, ConsumeOptions } from "./consumer.ts";

/** A message: a plain object with the name of its handler, of what Python's msgpack or json have too. */
export interface ChannelMessage {
  /** Which handler it is for, `make.thumbnail`. Not empty, and begins with neither `_` nor `.`. */
  readonly type: string;
  readonly [key: string]: unknown;
}

/** What came of sending a message. */
export interface Sent {
  /**
   * When it expires, unless somebody has received it by then. While others follow it in its channel, Redis may still have it,
   * and hand it out, until the next is sent or as long again has passed, as with channels_redis.
   */
  readonly expiresAt: Date;
  /** How many messages wait in the channel before it. */
  readonly waiting: number;
  /** How many messages before it were found to have expired, unread: somebody should receive from this channel. */
  readonly expired: number;
}

/** What came of sending a message to a group. */
export interface GroupSent {
  /** When it expires, unless it has been received by then: as in {@link Sent}. */
  readonly expiresAt: Date;
  /** How many channels are in the group. */
  readonly channels: number;
  /** Those that were full, and got nothing. */
  readonly full: readonly string[];
}

/** A channel layer: channels_redis from TypeScript. Made by `channelLayer()`. */
export interface ChannelLayer {
  /**
   * Sends a message to a channel: to a background worker (`runworker thumbnails`), a consumer of {@link consume}, or one
   * process's own, by the name that {@link newChannel} gave it.
   *
   * @throws ChannelFullError `ERR_CHANNEL_FULL` when as many messages wait as may
   * @throws EncodeError `ERR_PAYLOAD_REFUSED` for what Python could not get as it is, or a message with no usable `type`
   * @throws PetioleError `ERR_PAYLOAD_LIMIT`, `ERR_OPTION_INVALID` (a name), `ERR_ENGINE_UNREACHABLE`, `ERR_ENGINE_CLOSED`
   */
  send(channel: string, message: ChannelMessage): Promise<Sent>;
  /**
   * The next message of a channel. What cannot be read is told to `onError`, and it waits for the next one.
   *
   * @param options `signal`: gives up, and rejects with its reason: `AbortSignal.timeout(5000)`
   */
  receive(channel: string, options?: { readonly signal?: AbortSignal }): Promise<Record<string, unknown>>;
  /** A name for a channel of this process alone, for {@link receive}: to be sent along, or put into a group. */
  newChannel(prefix?: string): string;
  /** Puts a channel into a group, or puts off when it is in it no more. */
  groupAdd(group: string, channel: string): Promise<void>;
  /** Takes a channel out of a group, if it is in it. */
  groupDiscard(group: string, channel: string): Promise<void>;
  /** Sends a message to every channel of a group. It does not reject for those that are full. */
  groupSend(group: string, message: ChannelMessage): Promise<GroupSent>;
  /**
   * Receives from channels until it is closed, as `runworker` does. What a handler throws, and what has no handler, is told to
   * `onError`; the next message follows all the same.
   */
  consume<Messages extends object = Record<string, Record<string, unknown>>>(
    channels: string | readonly string[],
    handlers: ChannelHandlers<NoInfer<Messages>>,
    options?: ConsumeOptions,
  ): ChannelConsumer;
  /** Closes its consumers, then its connections; your client stays as it is. Whoever waits in {@link receive} is told. */
  close(): Promise<void>;
}

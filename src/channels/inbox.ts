/**
 * Receiving: who waits for which channel, and who gets what came.
 *
 * @module
 */
import { DecodeError, PetioleError, describe } from "../errors.ts";
import { ChannelFullError, closedError, type ChannelErrorContext } from "./errors.ts";
import { LocalBuffer } from "./local-buffer.ts";
import { namesLimit, oneNameLimit, type Codec } from "./message/codec.ts";
import { reserved } from "./message/outgoing.ts";
import { isChannelName, isLocal, sharedPart } from "./names.ts";
import { Puller } from "./puller.ts";
import { Waiters } from "./queue.ts";
import type { Shard } from "./shard.ts";

/** What came through a channel. */
export type ReceivedMessage = Record<string, unknown>;

/** What an inbox is made with. */
export interface InboxSettings {
  readonly prefix: string;
  /** The end of what process-local channels of this layer share: `3f…!`. */
  readonly own: string;
  readonly expiry: number;
  readonly timeout: number;
  readonly capacity: (channel: string) => number;
  readonly tell: (error: unknown, context: ChannelErrorContext) => void;
}

/** A message that may be of several channels: each that it is handed out to has its own, since nobody sees what another does with it. */
interface Shared {
  readonly message: ReceivedMessage;
  readonly isShared: boolean;
}

/** Gives messages to those who wait for them. */
export class Inbox {
  readonly #settings: InboxSettings;
  readonly #codec: Codec;
  readonly #pullers: readonly Puller[];
  /** By what waits in Redis under one key, then by the name of a channel. Nobody waits where there is none. */
  readonly #waiting = new Map<string, Map<string, Waiters<ReceivedMessage>>>();
  readonly #buffer: LocalBuffer<Shared>;
  #closed = false;

  constructor(settings: InboxSettings, codec: Codec, shards: readonly Shard[]) {
    this.#settings = settings;
    this.#codec = codec;
    this.#buffer = new LocalBuffer(settings.expiry);
    const { prefix, tell } = settings;
    const channelOf = (key: string): string => key.slice(prefix.length);
    this.#pullers = shards.map(
      (shard) =>
        new Puller(
          shard,
          {
            wanted: () => this.#wanted(),
            deliver: (key, entry) => this.#deliver(channelOf(key), entry),
            restores: (key) => !isLocal(channelOf(key)),
            failed: (error, entry) =>
              tell(error, entry === undefined ? {} : { channel: channelOf(entry.key), bytes: entry.bytes }),
          },
          settings,
        ),
    );
  }

  /** The next message of a channel. */
  async receive(channel: string, signal: AbortSignal | undefined): Promise<ReceivedMessage> {
    if (this.#closed) throw closedError();
    signal?.throwIfAborted();
    if (isLocal(channel)) {
      if (!sharedPart(channel).endsWith(this.#settings.own))
        throw new PetioleError(
          "ERR_OPTION_INVALID",
          `${channel} is a channel of another process: receive from what newChannel() of this layer has made.`,
        );
      const kept = this.#buffer.take(channel);
      if (kept !== undefined) return ownOf(kept);
    }
    const name = sharedPart(channel);
    const channels = this.#waiting.get(name) ?? new Map<string, Waiters<ReceivedMessage>>();
    this.#waiting.set(name, channels);
    const waiters = channels.get(channel) ?? new Waiters();
    channels.set(channel, waiters);
    return waiters.next(signal, () => {
      this.#tidy(name, channel);
      for (const puller of this.#pullers) puller.changed();
    });
  }

  /** Resolves once what came for those who have given up is back in Redis. */
  async settled(): Promise<void> {
    await Promise.all(this.#pullers.map((puller) => puller.settled()));
  }

  /** Those who wait are told, and what comes meanwhile is given back. */
  async close(): Promise<void> {
    this.#closed = true;
    const waiting = [...this.#waiting.values()].flatMap((channels) => [...channels.values()]);
    this.#waiting.clear();
    for (const waiters of waiting) waiters.fail(closedError());
    await Promise.all(this.#pullers.map((puller) => puller.stop()));
  }

  #wanted(): string[] {
    return [...this.#waiting.keys()].map((name) => this.#settings.prefix + name);
  }

  #deliver(name: string, entry: Uint8Array): boolean {
    if (!this.#waiting.has(name)) return false;
    try {
      const { [reserved]: to, ...message } = this.#codec.read(
        entry,
        isLocal(name) ? namesLimit : oneNameLimit,
      );
      if (isLocal(name)) this.#deliverLocally(name, to, message);
      else this.#give(name, name, { message, isShared: false });
    } catch (error) {
      this.#settings.tell(error, { channel: name, bytes: entry });
    }
    return true;
  }

  #give(name: string, channel: string, shared: Shared): boolean {
    const waiters = this.#waiting.get(name)?.get(channel);
    // A copy is made for those alone who wait: a message may name very many.
    const isGiven = waiters !== undefined && waiters.size > 0 && waiters.give(ownOf(shared));
    this.#tidy(name, channel);
    return isGiven;
  }

  #tidy(name: string, channel: string): void {
    const channels = this.#waiting.get(name);
    if (channels?.get(channel)?.size === 0) channels.delete(channel);
    if (channels?.size === 0) this.#waiting.delete(name);
  }

  #deliverLocally(name: string, to: unknown, message: ReceivedMessage): void {
    const channels: ReadonlySet<unknown> = new Set(Array.isArray(to) ? to : [to]);
    if (
      ![...channels].every(
        (channel) => isChannelName(channel) && isLocal(channel) && sharedPart(channel) === name,
      )
    )
      throw new DecodeError({
        path: `message.${reserved}`,
        expected: `channels that begin with ${name}`,
        found: Array.isArray(to) ? "a list with others" : describe(to),
      });
    const shared = { message, isShared: channels.size > 1 };
    for (const channel of channels as ReadonlySet<string>) {
      if (this.#give(name, channel, shared)) continue;
      const capacity = this.#settings.capacity(channel);
      for (const full of this.#buffer.put(channel, shared, capacity))
        this.#settings.tell(new ChannelFullError(full, capacity), { channel: full });
    }
  }
}

function ownOf({ message, isShared }: Shared): ReceivedMessage {
  return isShared ? structuredClone(message) : message;
}

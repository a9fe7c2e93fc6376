/**
 * The channel layer on Redis.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { PetioleError, describe } from "../errors.ts";
import { Consumer, type ChannelConsumer, type ConsumeOptions } from "./consumer.ts";
import { ChannelFullError, closedError } from "./errors.ts";
import { Groups } from "./groups.ts";
import { Inbox, type ReceivedMessage } from "./inbox.ts";
import type { ChannelLayer, ChannelMessage, GroupSent, Sent } from "./layer.ts";
import { Codec } from "./message/codec.ts";
import { prepare, type Prepared } from "./message/outgoing.ts";
import { isChannelName, isLocal, refuseInvalidChannel, refuseInvalidGroup, sharedPart } from "./names.ts";
import type { LayerSettings } from "./options.ts";
import { Scores, expiresAt, latestExpired } from "./scores.ts";
import * as scripts from "./scripts.ts";
import { Shard, shardOf } from "./shard.ts";

/** See {@link ChannelLayer}. */
export class RedisChannelLayer implements ChannelLayer {
  readonly #settings: LayerSettings;
  readonly #shards: readonly Shard[];
  readonly #scores = new Scores();
  readonly #groups: Groups;
  readonly #own = `${randomUUID().replaceAll("-", "")}!`;
  readonly #consumers = new Set<ChannelConsumer>();
  #codec: Promise<Codec> | undefined;
  #inbox: Inbox | undefined;
  #alive: NodeJS.Timeout | undefined;
  #busy = 0;
  #next = 0;
  #closing: Promise<void> | undefined;

  constructor(settings: LayerSettings) {
    this.#settings = settings;
    this.#shards = settings.clients.map((client) => new Shard(client, settings.timeout));
    this.#groups = new Groups(settings, this.#shards, this.#scores);
  }

  async send(channel: string, message: ChannelMessage): Promise<Sent> {
    refuseInvalidChannel(channel);
    const prepared = this.#prepare(`channel ${channel}`, message);
    return this.#work(async (codec) => {
      const { prefix, expiry, capacity } = this.#settings;
      const name = sharedPart(channel);
      const entry = isLocal(channel) ? codec.writer(prepared)(channel) : codec.write(prepared);
      const most = capacity(channel);
      // Where the receiver listens: channels_redis 4.3 takes the whole name here, and so another server than that.
      const at = isLocal(channel) ? shardOf(name, this.#shards.length) : this.#next++ % this.#shards.length;
      const score = this.#scores.next();
      const [sent, waiting, expired] = (await this.#shards[at]!.once(
        `sending to channel ${channel}`,
        scripts.send,
        [prefix + name],
        [entry, score, latestExpired(expiry), String(expiry), String(most)],
      )) as readonly [number, number, number];
      if (sent === 0) throw new ChannelFullError(channel, most);
      return { expiresAt: expiresAt(score, expiry), waiting, expired };
    });
  }

  receive(
    channel: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Record<string, unknown>> {
    return this.#receive(channel, options.signal);
  }

  newChannel(prefix = "specific"): string {
    const channel = `${String(prefix)}.${this.#own}${randomUUID().replaceAll("-", "")}`;
    if (isChannelName(channel) && !channel.slice(0, -this.#own.length - 32).includes("!")) return channel;
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `newChannel(): the prefix is of ASCII letters, digits, "-", "_" and ".", at most 33 characters; it got ${describe(prefix)}.`,
    );
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    refuseInvalidGroup(group);
    refuseInvalidChannel(channel);
    await this.#ask(() => this.#groups.add(group, channel));
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    refuseInvalidGroup(group);
    refuseInvalidChannel(channel);
    await this.#ask(() => this.#groups.discard(group, channel));
  }

  async groupSend(group: string, message: ChannelMessage): Promise<GroupSent> {
    refuseInvalidGroup(group);
    const prepared = this.#prepare(`group ${group}`, message);
    return this.#work((codec) => this.#groups.send(group, prepared, codec));
  }

  consume(
    channels: string | readonly string[],
    handlers: object,
    options: ConsumeOptions = {},
  ): ChannelConsumer {
    if (this.#closing !== undefined) throw closedError();
    const names: readonly unknown[] = Array.isArray(channels) ? [...new Set(channels)] : [channels];
    if (names.length === 0)
      throw new PetioleError("ERR_OPTION_INVALID", "consume(): there are no channels to receive from.");
    for (const name of names) refuseInvalidChannel(name);
    const consumer: ChannelConsumer = new Consumer(names as readonly string[], handlers, options, {
      receive: (channel, signal) => this.#receive(channel, signal),
      tell: this.#settings.tell,
      settled: async () => this.#inbox?.settled(),
      closed: () => void this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#inbox?.close();
    await Promise.all(this.#shards.map((shard) => shard.close()));
    this.#keepAlive(-this.#busy);
  }

  #receive(channel: string, signal: AbortSignal | undefined): Promise<ReceivedMessage> {
    return this.#ask(async () => {
      refuseInvalidChannel(channel);
      const codec = await this.#load();
      // It was closed while that was loaded.
      if (this.#inbox === undefined && this.#isClosed) throw closedError();
      this.#inbox ??= new Inbox({ ...this.#settings, own: this.#own }, codec, this.#shards);
      return this.#inbox.receive(channel, signal);
    });
  }

  get #isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Does something that needs messages written. */
  #work<Result>(work: (codec: Codec) => Promise<Result>): Promise<Result> {
    return this.#ask(async () => work(await this.#load()));
  }

  /** The process lives for as long as something is asked for. */
  async #ask<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw closedError();
    this.#keepAlive(1);
    try {
      return await work();
    } finally {
      this.#keepAlive(-1);
    }
  }

  #keepAlive(change: number): void {
    this.#busy = Math.max(0, this.#busy + change);
    if (this.#busy > 0) this.#alive ??= setInterval(() => undefined, 2 ** 30);
    else {
      clearInterval(this.#alive);
      this.#alive = undefined;
    }
  }

  #load(): Promise<Codec> {
    return (this.#codec ??= Codec.load(this.#settings).catch((error: unknown) => {
      this.#codec = undefined;
      throw error;
    }));
  }

  #prepare(target: string, message: unknown): Prepared {
    return prepare(target, message, this.#settings.format, this.#settings.limits);
  }
}

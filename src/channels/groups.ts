/**
 * Groups: which channels are in one, and a message to all of them.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import type { GroupSent } from "./layer.ts";
import { mostNames, type Codec } from "./message/codec.ts";
import type { Prepared } from "./message/outgoing.ts";
import { isChannelName, sharedPart } from "./names.ts";
import type { LayerSettings } from "./options.ts";
import { expiresAt, latestExpired, type Scores } from "./scores.ts";
import * as scripts from "./scripts.ts";
import { shardOf, type Shard } from "./shard.ts";

/** At most so many channels of a group in one script, which nothing else of Redis's runs beside. */
const atOnce = 500;

/** The groups of a layer. */
export class Groups {
  readonly #settings: LayerSettings;
  readonly #shards: readonly Shard[];
  readonly #scores: Scores;

  constructor(settings: LayerSettings, shards: readonly Shard[], scores: Scores) {
    this.#settings = settings;
    this.#shards = shards;
    this.#scores = scores;
  }

  /** Puts a channel into a group, or puts off when it leaves. */
  async add(group: string, channel: string): Promise<void> {
    const parameters = [this.#scores.next(), channel, String(this.#settings.groupExpiry)];
    await this.#shardOf(group).run(`adding to group ${group}`, scripts.add, [this.#keyOf(group)], parameters);
  }

  /** Takes a channel out of a group. */
  async discard(group: string, channel: string): Promise<void> {
    await this.#shardOf(group).call(`leaving group ${group}`, ["ZREM", this.#keyOf(group), channel]);
  }

  /** Sends a message to all channels of a group. */
  async send(group: string, prepared: Prepared, codec: Codec): Promise<GroupSent> {
    const { prefix, expiry, capacity } = this.#settings;
    const what = `sending to group ${group}`;
    const write = codec.writer(prepared);
    const score = this.#scores.next();
    const byName = this.#byName(group, await this.#members(group, what));
    const full: string[] = [];
    for (const [at, shard] of this.#shards.entries()) {
      const parts = [...byName]
        .filter(([name]) => shardOf(name, this.#shards.length) === at)
        .flatMap(([name, channels]) => partsOf(channels).map((part) => ({ name, channels: part })));
      for (let from = 0; from < parts.length; from += atOnce) {
        const some = parts.slice(from, from + atOnce);
        const messages = some.map(({ channels }) => write(channels));
        const capacities = some.map(({ channels }) => String(capacity(channels[0]!)));
        const left = (await shard.once(
          what,
          scripts.sendToMany,
          some.map(({ name }) => prefix + name),
          [score, latestExpired(expiry), String(expiry), ...messages, ...capacities],
        )) as readonly number[];
        for (const number of left) for (const channel of some[number - 1]!.channels) full.push(channel);
      }
    }
    const channels = [...byName.values()].reduce((count, { length }) => count + length, 0);
    return { expiresAt: expiresAt(score, expiry), channels, full };
  }

  async #members(group: string, what: string): Promise<readonly string[]> {
    const parameters = [latestExpired(this.#settings.groupExpiry)];
    const reply = await this.#shardOf(group).run(what, scripts.members, [this.#keyOf(group)], parameters);
    return (reply as readonly Uint8Array[]).map(String);
  }

  /** The channels of a group, by what they share: a process gets one message for all of its own, or a few. */
  #byName(group: string, members: readonly string[]): Map<string, string[]> {
    const byName = new Map<string, string[]>();
    for (const channel of members) {
      if (!isChannelName(channel)) {
        const error = new PetioleError(
          "ERR_ENGINE_FAILED",
          `Group ${group} has ${describe(channel)} in it, which is no channel's name. It was left out.`,
        );
        this.#settings.tell(error, {});
        continue;
      }
      const name = sharedPart(channel);
      const others = byName.get(name);
      if (others === undefined) byName.set(name, [channel]);
      else others.push(channel);
    }
    return byName;
  }

  #shardOf(group: string): Shard {
    return this.#shards[shardOf(group, this.#shards.length)]!;
  }

  #keyOf(group: string): string {
    return `${this.#settings.prefix}:group:${group}`;
  }
}

/** Channels of one process, as many as one message may name. */
function partsOf(channels: readonly string[]): readonly (readonly string[])[] {
  if (channels.length <= mostNames) return [channels];
  const count = Math.ceil(channels.length / mostNames);
  return Array.from({ length: count }, (_, at) => channels.slice(at * mostNames, (at + 1) * mostNames));
}

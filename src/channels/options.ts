/**
 * What {@link channelLayer} takes.
 *
 * @module
 */
import { PetioleError, checkNames, describe } from "../errors.ts";
import type { RedisClientLike } from "../engine/shared/redis/like.ts";
import { refuseInvalidClient } from "../engine/shared/redis.ts";
import { capacityOf, type ChannelCapacity } from "./capacity.ts";
import { printError, safely, type ChannelErrorContext, type ChannelErrorListener } from "./errors.ts";
import { Fernet } from "./fernet.ts";
import type { ChannelLimits, Format } from "./message/outgoing.ts";

/** How a channel layer behaves: what Django has in `CHANNEL_LAYERS`, the same on both sides. Times in seconds, as there. */
export interface ChannelLayerOptions {
  /** `prefix`: what all keys begin with. `"asgi"` unless told. */
  readonly prefix?: string;
  /** `expiry`: a message that nobody has received for so long expires. 60 seconds unless told. */
  readonly expiry?: number;
  /** `group_expiry`: who was added to a group so long ago is in it no more. 86,400 seconds, a day, unless told. */
  readonly groupExpiry?: number;
  /** `capacity`: how many messages may wait in a channel. 100 unless told. */
  readonly capacity?: number;
  /** `channel_capacity`: another capacity for some channels, by patterns (`"http.*"`) or, in a list, by RegExps. */
  readonly channelCapacity?: ChannelCapacity;
  /** `symmetric_encryption_keys`: the first encrypts, any decrypts. No encryption unless told. */
  readonly symmetricEncryptionKeys?: readonly (string | Uint8Array)[];
  /** `serializer_format`: `"msgpack"` unless told. JSON has no bytes, NaN or Infinity. */
  readonly serializer?: Format;
  /** `random_prefix_length`: how many random bytes keep equal messages apart. 12 unless told. */
  readonly randomPrefixLength?: number;
  /** Bounds on a message, also when it is read. 1 MiB and 511 levels unless told. */
  readonly limits?: Partial<ChannelLimits>;
  /** How long a call waits for a Redis that is away, in milliseconds; then `ERR_ENGINE_UNREACHABLE`. 10,000 unless told. */
  readonly timeout?: number;
  /**
   * Is told what comes up where nobody waits: what a handler throws, what came and cannot be read, a Redis that is away.
   * Prints it unless told.
   */
  readonly onError?: ChannelErrorListener;
}

/** The options with their defaults. */
export interface LayerSettings {
  readonly clients: readonly RedisClientLike[];
  readonly prefix: string;
  readonly expiry: number;
  readonly groupExpiry: number;
  readonly capacity: (channel: string) => number;
  readonly fernet: Fernet | undefined;
  readonly format: Format;
  readonly randomPrefixLength: number;
  readonly limits: ChannelLimits;
  readonly timeout: number;
  readonly tell: (error: unknown, context: ChannelErrorContext) => void;
}

const names: Readonly<Record<keyof ChannelLayerOptions, true>> = {
  prefix: true,
  expiry: true,
  groupExpiry: true,
  capacity: true,
  channelCapacity: true,
  symmetricEncryptionKeys: true,
  serializer: true,
  randomPrefixLength: true,
  limits: true,
  timeout: true,
  onError: true,
};

/** The options with their defaults. Throws for those that cannot be. */
export function settingsOf(
  client: RedisClientLike | readonly RedisClientLike[],
  options: ChannelLayerOptions,
): LayerSettings {
  checkNames("The options of channelLayer()", options, names);
  const { prefix = "asgi", serializer = "msgpack", channelCapacity = {}, onError = printError } = options;
  if (typeof prefix !== "string" || !prefix.isWellFormed())
    throw invalid(`prefix is a text such as "asgi"; it got ${describe(prefix)}.`);
  if (serializer !== "msgpack" && serializer !== "json")
    throw invalid(`serializer is "msgpack" or "json"; it got ${describe(serializer)}.`);
  if (typeof onError !== "function") throw invalid(`onError is a function; it got ${describe(onError)}.`);
  const limits: unknown = options.limits ?? {};
  if (typeof limits !== "object" || limits === null)
    throw invalid(`limits is an object, { bytes, depth }; it got ${describe(limits)}.`);
  const { bytes, depth } = limits as Partial<ChannelLimits>;
  const whole = (name: string, value: unknown, unless: number, least = 1): number => {
    if (value === undefined) return unless;
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) < 2 ** 31)
      return value as number;
    throw invalid(`${name} is a whole number, at least ${least}; it got ${describe(value)}.`);
  };
  return {
    clients: clientsOf(client),
    prefix,
    expiry: whole("expiry", options.expiry, 60),
    groupExpiry: whole("groupExpiry", options.groupExpiry, 86_400),
    capacity: capacityOf(whole("capacity", options.capacity, 100), channelCapacity),
    fernet: fernetOf(options.symmetricEncryptionKeys),
    format: serializer,
    randomPrefixLength: whole("randomPrefixLength", options.randomPrefixLength, 12, 0),
    limits: {
      bytes: whole("limits.bytes", bytes, 1024 * 1024),
      // Python's msgpack reads a little over a thousand, its JSON not quite.
      depth: Math.min(whole("limits.depth", depth, 511), 900),
    },
    timeout: whole("timeout", options.timeout, 10_000),
    tell: safely(onError),
  };
}

function clientsOf(given: unknown): readonly RedisClientLike[] {
  const clients: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (clients.length === 0) throw invalid("the list of clients is empty.");
  return clients.map((client, at) => {
    const place = Array.isArray(given) ? `channelLayer(): client ${at}` : "channelLayer(): the client";
    const prefixAdvice =
      "Hand in a client without it, and say `prefix` to channelLayer(): it is what all keys begin with.";
    refuseInvalidClient({ place, system: "channels_redis", prefixAdvice }, client);
    return client;
  });
}

function fernetOf(keys: unknown): Fernet | undefined {
  if (keys === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(keys) ? keys : [];
  const isKey = (key: unknown): boolean =>
    (typeof key === "string" || key instanceof Uint8Array) && key.length > 0;
  if (list.length > 0 && list.every(isKey)) return new Fernet(list as readonly (string | Uint8Array)[]);
  throw invalid(
    "symmetricEncryptionKeys is a list of keys, texts or bytes, with one at least; leave it out for no encryption.",
  );
}

function invalid(message: string): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `channelLayer(): ${message}`);
}

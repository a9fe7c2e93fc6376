/**
 * Django Channels from TypeScript: send to `runworker` and to consumers, and be one, through the layer of channels_redis.
 *
 * @module
 */
import type { ChannelCapacity } from "./channels/capacity.ts";
import type {
  ChannelConsumer,
  ChannelContext,
  ChannelHandlers,
  ConsumeOptions,
} from "./channels/consumer.ts";
import { ChannelFullError, type ChannelErrorContext, type ChannelErrorListener } from "./channels/errors.ts";
import type { ChannelLayer, ChannelMessage, GroupSent, Sent } from "./channels/layer.ts";
import type { ChannelLimits } from "./channels/message/outgoing.ts";
import { settingsOf, type ChannelLayerOptions } from "./channels/options.ts";
import { RedisChannelLayer } from "./channels/redis-layer.ts";
import type { IoredisLike, NodeRedisLike, RedisClientLike } from "./engine/shared/redis/like.ts";

export { ChannelFullError };
export type {
  ChannelCapacity,
  ChannelConsumer,
  ChannelContext,
  ChannelErrorContext,
  ChannelErrorListener,
  ChannelHandlers,
  ChannelLayer,
  ChannelLayerOptions,
  ChannelLimits,
  ChannelMessage,
  ConsumeOptions,
  GroupSent,
  IoredisLike,
  NodeRedisLike,
  RedisClientLike,
  Sent,
};

/**
 * Makes a channel layer on the Redis that Django's `CHANNEL_LAYERS` names, with the same options as there.
 *
 * A message is news, not work: nobody keeps it once it was taken, and it is gone after `expiry` when nobody takes it. What must
 * be done is a task.
 *
 * @param client your client of ioredis or node-redis, of which connections are made; where Django has several `hosts`, as many in
 * the same order
 * @throws PetioleError `ERR_OPTION_INVALID` for options that cannot be; `ERR_ENGINE_UNSUPPORTED` for a Redis Cluster
 *
 * @example
 * const layer = channelLayer(new Redis());
 * const reply = layer.newChannel();
 * await layer.send("thumbnails", { type: "make.thumbnail", picture: 7, reply });
 * const answer = await layer.receive(reply, { signal: AbortSignal.timeout(10_000) });
 */
export function channelLayer(
  client: RedisClientLike | readonly RedisClientLike[],
  options: ChannelLayerOptions = {},
): ChannelLayer {
  return new RedisChannelLayer(settingsOf(client, options));
}

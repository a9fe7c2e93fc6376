/**
 * The Celery engine: Python's Celery on the other end, over Redis or RabbitMQ.
 *
 * @module
 */
import type { Engine } from "../engine.ts";
import type {
  AmqpChannelLike,
  AmqpConfirmChannelLike,
  AmqpConnectionLike,
  AmqpSource,
} from "./celery/amqp/like.ts";
import { chain, chord, chunks, group, signature } from "./celery/canvas/build.ts";
import { Canvas } from "./celery/canvas/canvas.ts";
import type { CanvasHandle } from "./celery/canvas/handles.ts";
import type { CanvasOptions, NamedTask, Nothing, Stamps } from "./celery/canvas/types.ts";
import { capabilitiesOf } from "./celery/capabilities.ts";
import { CeleryEngine } from "./celery/engine.ts";
import { settingsOf, type CeleryOptions, type CeleryTaskOptions, type Settings } from "./celery/options.ts";
import type { SendOptions, SignatureOptions } from "./celery/protocol/settings.ts";
import type { IoredisLike, NodeRedisLike, RedisClientLike } from "./celery/redis/like.ts";
import { celeryOptions, type CeleryEnqueueOptions } from "./celery/send-options.ts";
import { partsOf } from "./celery/transport.ts";

export { Canvas, celeryOptions, chain, chord, chunks, group, signature };
export type {
  AmqpChannelLike,
  AmqpConfirmChannelLike,
  AmqpConnectionLike,
  AmqpSource,
  CanvasHandle,
  CanvasOptions,
  CeleryEnqueueOptions,
  CeleryOptions,
  CeleryTaskOptions,
  IoredisLike,
  NamedTask,
  NodeRedisLike,
  Nothing,
  RedisClientLike,
  SendOptions,
  SignatureOptions,
  Stamps,
};

/**
 * Makes an engine whose tasks are Celery's: sent by TypeScript and run by Python, the other way round, or both.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for options that cannot be; `ERR_ENGINE_UNSUPPORTED` for a Redis Cluster
 *
 * @example
 * const app = new Petiole({ engine: celery({ broker: new Redis() }) });
 * export const add = app.task<{ x: number; y: number }, number>("tasks.add", { queue: "celery" });
 * const sum = await (await add.enqueue({ x: 2, y: 3 })).result();
 */
export function celery(options: CeleryOptions): Engine {
  const settings = settingsOf(options);
  const { broker, results, dialect, pollInterval } = settings;
  return new CeleryEngine({
    capabilities: capabilitiesOf("redis" in broker ? "Redis" : "RabbitMQ", kindOf(results), dialect),
    parts: () => partsOf(settings),
    pollInterval,
  });
}

function kindOf(results: Settings["results"]): "redis" | "rpc" | "none" {
  if (results === false) return "none";
  return results === "rpc" ? results : "redis";
}

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
import { stampsOf } from "./celery/canvas/stamps.ts";
import type { CanvasOptions, NamedTask, Nothing, Stamps } from "./celery/canvas/types.ts";
import { capabilitiesOf } from "./celery/capabilities.ts";
import { celeryControl, type CeleryControlOptions } from "./celery/control/celery-control.ts";
import type { CeleryAsk } from "./celery/control/asking.ts";
import type { CeleryControl, CeleryRevoke, CeleryStampValue } from "./celery/control/client.ts";
import type {
  CeleryReplies,
  CeleryScheduledTask,
  CeleryStats,
  CeleryTaskInfo,
} from "./celery/control/replies.ts";
import type { CeleryWatchOptions } from "./celery/control/watching.ts";
import { CeleryEngine } from "./celery/engine.ts";
import {
  isTaskEvent,
  isWorkerEvent,
  type CeleryEvent,
  type CeleryOtherEvent,
  type CeleryTaskEvent,
  type CeleryWorkerEvent,
} from "./celery/events/event.ts";
import { celeryEvents, type CeleryEvents, type CeleryEventsOptions } from "./celery/events/receiver.ts";
import type { CeleryState, CeleryTaskState, CeleryWorkerState } from "./celery/events/state.ts";
import { settingsOf, type CeleryOptions, type CeleryTaskOptions, type Settings } from "./celery/options.ts";
import type { SendOptions, SignatureOptions } from "./celery/protocol/settings.ts";
import type { CeleryExchange, CeleryQueueOptions } from "./celery/queue-options.ts";
import type { IoredisLike, NodeRedisLike, RedisClientLike } from "./shared/redis/like.ts";
import { celeryOptions, type CeleryEnqueueOptions } from "./celery/send-options.ts";
import { partsOf } from "./celery/transport.ts";

export {
  Canvas,
  celeryControl,
  celeryEvents,
  celeryOptions,
  chain,
  chord,
  chunks,
  group,
  isTaskEvent,
  isWorkerEvent,
  signature,
  stampsOf,
};
export type {
  AmqpChannelLike,
  AmqpConfirmChannelLike,
  AmqpConnectionLike,
  AmqpSource,
  CanvasHandle,
  CanvasOptions,
  CeleryAsk,
  CeleryControl,
  CeleryControlOptions,
  CeleryEnqueueOptions,
  CeleryEvent,
  CeleryEvents,
  CeleryEventsOptions,
  CeleryExchange,
  CeleryOptions,
  CeleryOtherEvent,
  CeleryQueueOptions,
  CeleryReplies,
  CeleryRevoke,
  CeleryScheduledTask,
  CeleryStampValue,
  CeleryState,
  CeleryStats,
  CeleryTaskEvent,
  CeleryTaskInfo,
  CeleryTaskOptions,
  CeleryTaskState,
  CeleryWatchOptions,
  CeleryWorkerEvent,
  CeleryWorkerState,
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

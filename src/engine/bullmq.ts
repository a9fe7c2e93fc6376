/**
 * The BullMQ engine: tasks as jobs of BullMQ's, in Redis.
 *
 * @module
 */
import type {
  ClaimRequest,
  Delivery,
  Engine,
  Lease,
  ListRequest,
  LogLine,
  Outgoing,
  QueueCount,
  Reason,
  Report,
  Settlement,
  TaskPage,
  TaskRecord,
} from "../engine.ts";
import { capabilities } from "./bullmq/capabilities.ts";
import { closedError } from "./bullmq/errors.ts";
import type { QueueLike, RedisLike } from "./bullmq/like.ts";
import { toQueue } from "./bullmq/names.ts";
import { settingsOf } from "./bullmq/options.ts";
import type { BullmqOptions, BullmqPlace, BullmqTimes, Settings } from "./bullmq/options.ts";
import { clientOf } from "./bullmq/queue-client.ts";
import { openStore } from "./bullmq/store.ts";
import type { Store } from "./bullmq/store.ts";
import { Opening } from "./shared/opening.ts";

export type { BullmqOptions, BullmqPlace, BullmqTimes, QueueLike, RedisLike };

/**
 * Makes an engine whose tasks are jobs of BullMQ's, in your Redis.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for options that cannot be; `ERR_ENGINE_UNSUPPORTED` for a Redis Cluster
 *   without a hash tag in the prefix
 *
 * @example
 * const app = new Petiole({ engine: bullmq({ connection: new Redis() }) });
 */
export function bullmq(options: BullmqOptions): Engine {
  const settings = settingsOf(options);
  const { connection, queue } = options;
  return new BullmqEngine(async () => connection ?? clientOf(queue, settings.timeout), settings);
}

class BullmqEngine implements Engine {
  readonly name = "bullmq";
  readonly capabilities = capabilities;
  readonly silence: number;

  readonly #opening: Opening<Store>;

  constructor(redis: () => Promise<RedisLike>, settings: Settings) {
    this.silence = settings.deadAfter;
    this.#opening = new Opening({
      open: async () => openStore(await redis(), settings),
      closed: closedError,
      retryAfter: settings.pollInterval,
    });
  }

  async open(): Promise<void> {
    await this.#opening.opened();
  }

  async send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    return this.#opening.call(async ({ sending, versions }) => {
      const checking = versions.check(batch.map(({ message }) => toQueue(message.queue)));
      if (checking !== undefined) await checking;
      return batch.length === 0 ? [] : sending.send(batch);
    });
  }

  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    return this.#opening.call(async ({ connection, versions, newcomers, settlements, claims }) => {
      const queues = request.queues.map(toQueue);
      if (request.adopts !== undefined) newcomers.listen(queues);
      const checking = versions.check(queues);
      if (checking !== undefined) await checking;
      return connection.together(() => {
        // What ends in this turn ends before, and makes room.
        settlements.flush();
        return claims.claim(request);
      });
    });
  }

  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    return this.#opening.call((store) => store.leases.extend(leases, duration));
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    return this.#opening.call(async (store) => {
      if (settlements.length === 0) return [];
      const settling = store.settlements.settle(settlements);
      store.leases.over(settlements.map(({ lease }) => lease));
      return settling;
    });
  }

  async report(lease: Lease, report: Report): Promise<boolean> {
    return this.#opening.call(({ leases }) => leases.report(lease, report));
  }

  onReady(queues: readonly string[], listener: () => void): () => void {
    // Where it cannot be opened, the listener's claim will be told why.
    return this.#opening.listen(({ ready }) => ready.listen(queues, listener), listener);
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    return this.#opening.call(({ audience }) => audience.find(id));
  }

  async ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined> {
    signal?.throwIfAborted();
    const { audience } = this.#opening.store ?? (await this.#opening.opened());
    return audience.ended(id, signal);
  }

  watch(id: string, listener: () => void): () => void {
    // What has changed until Redis is there, nobody knows.
    return this.#opening.listen(({ audience }) => audience.watch(id, listener), undefined, listener);
  }

  async logs(id: string): Promise<readonly LogLine[]> {
    return this.#opening.call(({ managing }) => managing.logs(id));
  }

  async list(request: ListRequest): Promise<TaskPage> {
    return this.#opening.call(({ managing }) => managing.list(request));
  }

  async counts(): Promise<readonly QueueCount[]> {
    return this.#opening.call(({ managing }) => managing.counts());
  }

  async cancel(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#opening.call(({ managing }) => managing.cancel(ids, reason));
  }

  onCancel(worker: string, listener: (leases: readonly Lease[]) => void): () => void {
    return this.#opening.listen(({ cancels }) => cancels.listen(worker, listener));
  }

  async retry(ids: readonly string[]): Promise<number> {
    return this.#opening.call(({ managing }) => managing.retry(ids));
  }

  async discard(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#opening.call(({ managing }) => managing.discard(ids, reason));
  }

  async pause(queue: string): Promise<void> {
    return this.#opening.call(({ managing }) => managing.pause(queue));
  }

  async resume(queue: string): Promise<void> {
    return this.#opening.call(({ managing }) => managing.resume(queue));
  }

  async paused(): Promise<readonly string[]> {
    return this.#opening.call(({ managing }) => managing.paused());
  }

  async close(): Promise<void> {
    await this.#opening.close();
  }
}

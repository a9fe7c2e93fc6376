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
import type { RedisLike } from "./bullmq/like.ts";
import { toQueue } from "./bullmq/names.ts";
import { settingsOf } from "./bullmq/options.ts";
import type { BullmqOptions, Settings } from "./bullmq/options.ts";
import { openStore } from "./bullmq/store.ts";
import type { Store } from "./bullmq/store.ts";

export type { BullmqOptions, RedisLike };

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
  return new BullmqEngine(options.connection, settings);
}

class BullmqEngine implements Engine {
  readonly name = "bullmq";
  readonly capabilities = capabilities;

  readonly #redis: RedisLike;
  readonly #settings: Settings;
  #opening: Promise<Store> | undefined;
  #store: Store | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;
  /** Calls under way: closing waits for them. */
  readonly #calling = new Set<Promise<unknown>>();

  constructor(redis: RedisLike, settings: Settings) {
    this.#redis = redis;
    this.#settings = settings;
  }

  async open(): Promise<void> {
    await this.#opened();
  }

  async send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    return this.#call(async ({ sending, versions }) => {
      const checking = versions.check(batch.map(({ message }) => toQueue(message.queue)));
      if (checking !== undefined) await checking;
      return batch.length === 0 ? [] : sending.send(batch);
    });
  }

  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    return this.#call(async ({ versions, newcomers, settlements, claims }) => {
      const queues = request.queues.map(toQueue);
      if (request.adopts !== undefined) newcomers.listen(queues);
      const checking = versions.check(queues);
      if (checking !== undefined) await checking;
      // What ends in this turn ends before, and makes room.
      settlements.flush();
      return claims.claim(request);
    });
  }

  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    return this.#call((store) => store.leases.extend(leases, duration));
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    return this.#call(async (store) => {
      if (settlements.length === 0) return [];
      const settling = store.settlements.settle(settlements);
      store.leases.over(settlements.map(({ lease }) => lease));
      return settling;
    });
  }

  async report(lease: Lease, report: Report): Promise<boolean> {
    return this.#call(({ leases }) => leases.report(lease, report));
  }

  onReady(queues: readonly string[], listener: () => void): () => void {
    // Where it cannot be opened, the listener's claim will be told why.
    return this.#listen(({ ready }) => ready.listen(queues, listener), listener);
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    return this.#call(({ audience }) => audience.find(id));
  }

  async ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined> {
    signal?.throwIfAborted();
    const { audience } = this.#store ?? (await this.#opened());
    return audience.ended(id, signal);
  }

  watch(id: string, listener: () => void): () => void {
    return this.#listen(({ audience }) => audience.watch(id, listener));
  }

  async logs(id: string): Promise<readonly LogLine[]> {
    return this.#call(({ managing }) => managing.logs(id));
  }

  async list(request: ListRequest): Promise<TaskPage> {
    return this.#call(({ managing }) => managing.list(request));
  }

  async counts(): Promise<readonly QueueCount[]> {
    return this.#call(({ managing }) => managing.counts());
  }

  async cancel(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#call(({ managing }) => managing.cancel(ids, reason));
  }

  onCancel(worker: string, listener: (leases: readonly Lease[]) => void): () => void {
    return this.#listen(({ cancels }) => cancels.listen(worker, listener));
  }

  async retry(ids: readonly string[]): Promise<number> {
    return this.#call(({ managing }) => managing.retry(ids));
  }

  async discard(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#call(({ managing }) => managing.discard(ids, reason));
  }

  async pause(queue: string): Promise<void> {
    return this.#call(({ managing }) => managing.pause(queue));
  }

  async resume(queue: string): Promise<void> {
    return this.#call(({ managing }) => managing.resume(queue));
  }

  async paused(): Promise<readonly string[]> {
    return this.#call(({ managing }) => managing.paused());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#closing ??= this.#letGo();
    await this.#closing;
  }

  async #letGo(): Promise<void> {
    const store = await this.#opening?.catch(() => undefined);
    this.#opening = undefined;
    this.#store = undefined;
    store?.stop();
    await Promise.allSettled(this.#calling);
    await store?.close();
  }

  /** Calls at once where it is open, so that calls keep their order. */
  #call<T>(call: (store: Store) => Promise<T>): Promise<T> {
    const calling = this.#store === undefined ? this.#opened().then(call) : call(this.#store);
    this.#calling.add(calling);
    const over = (): void => void this.#calling.delete(calling);
    calling.then(over, over);
    return calling;
  }

  /** The open store; opens it if need be, and again after an opening that failed. */
  #opened(): Promise<Store> {
    if (this.#closed) return Promise.reject(closedError());
    this.#opening ??= openStore(this.#redis, this.#settings).then(
      (store) => (this.#store = store),
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  /** Listens, once it is open. `failed` is called whenever it could not be opened, which is tried again and again. */
  #listen(listen: (store: Store) => () => void, failed?: () => void): () => void {
    if (this.#closed) throw closedError();
    if (this.#store !== undefined) return listen(this.#store);
    let stop: (() => void) | undefined;
    let stopped = false;
    const attach = async (): Promise<void> => {
      try {
        const store = await this.#opened();
        if (!stopped && !this.#closed) stop = listen(store);
      } catch {
        if (stopped || this.#closed) return;
        // It may open one day.
        setTimeout(attach, this.#settings.pollInterval).unref();
        failed?.();
      }
    };
    void attach();
    return () => {
      stopped = true;
      stop?.();
    };
  }
}

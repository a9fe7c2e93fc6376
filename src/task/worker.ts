/** The worker loop: claims, runs, settles. The one owner of retries. @module */
import type { Delivery, Engine, Lease, Settlement } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import type { TaskWire } from "../wire/wire.ts";
import { milliseconds, type Duration } from "./duration.ts";
import { newId } from "./id.ts";
import { optionError, queueName } from "./options.ts";
import { run, type RunContext } from "./run.ts";
import type { Task } from "./task.ts";

/** What a worker tells about: nothing it says is needed for anything. */
export interface WorkerLogger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, error?: unknown): void;
}

/** Options of a worker. */
export interface WorkerOptions {
  /** Runs at the same time. 10 unless told. */
  readonly concurrency?: number;
  /** The queues to take from. Those of the app's tasks unless told. */
  readonly queues?: readonly string[];
  /**
   * For how long a task is this worker's without a heartbeat, of which there are three in that time. When it
   * dies, its tasks run elsewhere after that. 30 s unless told.
   */
  readonly lease?: Duration;
  /** A task whose worker was lost this many times is parked. 5 unless told. */
  readonly maxCrashes?: number;
  /** At a stop, how long running tasks may take to finish before they are handed back. 30 s unless told. */
  readonly shutdownTimeout?: Duration;
  /** A name, for whoever inspects the queue. The host's process id unless told. */
  readonly name?: string;
  /** Where to tell what happens. The console unless told. */
  readonly logger?: WorkerLogger;
}

/** What a worker needs of its app. */
export interface WorkerContext {
  readonly engine: Engine;
  readonly wire: TaskWire;
  readonly adapters: readonly OrmAdapter[];
  readonly tasks: ReadonlyMap<string, Task>;
}

/** Runs an app's tasks. Made by `app.worker()`. */
export class Worker {
  readonly name: string;
  readonly #engine: Engine;
  readonly #concurrency: number;
  readonly #queues: readonly string[];
  readonly #lease: number;
  readonly #shutdownTimeout: number;
  readonly #logger: WorkerLogger;
  readonly #run: RunContext;
  readonly #stopNow = new AbortController();
  /** Claims that are not settled yet; their leases are kept alive. */
  readonly #claims = new Map<Lease, Promise<void>>();
  #running = 0;
  #state: "new" | "started" | "stopping" | "stopped" = "new";
  #wake: () => void = () => {};
  #loop: Promise<void> = Promise.resolve();

  /** Made by `app.worker()` alone. */
  constructor(context: WorkerContext, options: WorkerOptions) {
    const {
      concurrency = 10,
      lease = "30s",
      maxCrashes = 5,
      shutdownTimeout = "30s",
      logger = console,
    } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw optionError("concurrency", "be a whole number above 0", concurrency);
    if (!Number.isInteger(maxCrashes) || maxCrashes < 1)
      throw optionError("maxCrashes", "be a whole number above 0", maxCrashes);
    this.name = options.name ?? `${process.pid}-${newId().slice(-6)}`;
    this.#engine = context.engine;
    this.#concurrency = concurrency;
    this.#queues = options.queues?.map(queueName) ?? queuesOf(context.tasks);
    this.#lease = milliseconds(lease, "lease");
    if (this.#lease < 10) throw optionError("lease", "be 10 ms or more", lease);
    this.#shutdownTimeout = milliseconds(shutdownTimeout, "shutdownTimeout");
    this.#logger = logger;
    this.#run = { ...context, maxCrashes, stop: this.#stopNow.signal };
  }

  /** How many tasks it is running. */
  get running(): number {
    return this.#running;
  }

  /**
   * Opens the engine and begins to take tasks. Resolves once it is ready for them.
   *
   * @throws PetioleError what the engine throws when it cannot be opened; `ERR_ENGINE_CLOSED` for a worker
   *   that was stopped before
   */
  async start(): Promise<void> {
    if (this.#state === "started") return;
    if (this.#state !== "new")
      throw new PetioleError("ERR_ENGINE_CLOSED", "This worker was stopped; make another.");
    this.#state = "started";
    await this.#engine.open();
    this.#loop = this.#work();
  }

  /**
   * Takes no more tasks, and resolves when nothing of it is left running. What has not finished after
   * `timeout` is aborted through `job.signal` and handed back, to run elsewhere.
   *
   * @param options - `timeout` in place of the `shutdownTimeout` of the worker; 0 hands back at once
   */
  async stop({ timeout }: { readonly timeout?: Duration } = {}): Promise<void> {
    if (this.#state === "new") this.#state = "stopped";
    if (this.#state === "stopped") return;
    this.#state = "stopping";
    this.#wake();
    const wait = timeout === undefined ? this.#shutdownTimeout : milliseconds(timeout, "timeout of stop()");
    const timer = setTimeout(() => this.#stopNow.abort(new Error("the worker is stopping")), wait);
    await this.#loop;
    clearTimeout(timer);
    this.#state = "stopped";
  }

  async #work(): Promise<void> {
    const heartbeat = setInterval(() => void this.#beat(), this.#lease / 3);
    const stopListening = this.#engine.onReady(this.#queues, () => this.#wake());
    let failures = 0;
    while (this.#state === "started") {
      const awake = new Promise<void>((resolve) => (this.#wake = resolve));
      const free = this.#concurrency - this.#running;
      try {
        const claimed = free > 0 ? await this.#claim(free) : 0;
        failures = 0;
        // A full hand means that there may be more; anything less, that there is nothing to do until woken.
        if (claimed === free && free > 0) continue;
      } catch (error) {
        failures++;
        this.#logger.error(`Petiole worker ${this.name} cannot claim tasks; it tries again.`, error);
        await Promise.race([awake, sleep(Math.min(30_000, 250 * 2 ** failures))]);
        continue;
      }
      await awake;
    }
    stopListening();
    await Promise.all(this.#claims.values());
    clearInterval(heartbeat);
  }

  async #claim(limit: number): Promise<number> {
    const deliveries = await this.#engine.claim({
      queues: this.#queues,
      limit,
      lease: this.#lease,
      worker: this.name,
    });
    for (const delivery of deliveries) {
      this.#running++;
      this.#claims.set(delivery.lease, this.#handle(delivery));
    }
    return deliveries.length;
  }

  /** From claim to settlement. Never rejects. */
  async #handle(delivery: Delivery): Promise<void> {
    const settlement: Settlement =
      this.#state === "started" ? await run(delivery, this.#run) : { kind: "release", lease: delivery.lease };
    // The place is free before the settlement is stored, so that the next claim can share its transaction.
    this.#running--;
    const settled = this.#settle(settlement, delivery);
    this.#wake();
    await settled;
    this.#claims.delete(delivery.lease);
  }

  /** Settles, and tries again while the engine cannot: what a run did is not to be forgotten for a full disk. */
  async #settle(settlement: Settlement, { message }: Delivery): Promise<void> {
    const what = `Task ${message.task} (${message.id})`;
    if (settlement.kind !== "complete" && settlement.kind !== "release") {
      this.#logger.warn(`${what}: ${settlement.kind}: ${settlement.reason.message}`);
    }
    for (let failures = 0; ; failures++) {
      try {
        const [accepted] = await this.#engine.settle([settlement]);
        if (accepted === false) {
          this.#logger.warn(`${what} ended here after its lease was lost: it runs, or ran, elsewhere too.`);
        }
        return;
      } catch (error) {
        const closed = error instanceof PetioleError && error.code === "ERR_ENGINE_CLOSED";
        if (closed || failures === 10 || this.#stopNow.signal.aborted) {
          this.#logger.error(`${what} ended here, but that could not be stored: it will run again.`, error);
          return;
        }
        await sleep(100 * 2 ** failures);
      }
    }
  }

  async #beat(): Promise<void> {
    if (this.#claims.size === 0) return;
    try {
      await this.#engine.extend([...this.#claims.keys()], this.#lease);
    } catch (error) {
      this.#logger.error(`Petiole worker ${this.name} could not send its heartbeat; it tries again.`, error);
    }
  }
}

function queuesOf(tasks: ReadonlyMap<string, Task>): readonly string[] {
  const queues = new Set([...tasks.values()].map((task) => task.settings.queue));
  return queues.size > 0 ? [...queues] : ["default"];
}

function sleep(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration).unref());
}

/** The worker loop: claims, runs, settles. The one owner of retries. @module */
import type { Delivery, Engine, LaneLimit, Lease, Settlement, WorkerAbout } from "../engine.ts";
import { PetioleError, checkNames } from "../errors.ts";
import { checkLists } from "../wire/limits.ts";
import type { AppContext } from "./app-context.ts";
import { consoleLogger } from "./console-logger.ts";
import { after, milliseconds, type Duration } from "./duration.ts";
import { newId } from "./id.ts";
import { adopts, knows } from "./needs.ts";
import type { NamesOf } from "./option-names.ts";
import { optionError, queueName } from "./options.ts";
import { Stop, calledOff } from "./run-bounds.ts";
import { run } from "./run.ts";
import { Scheduler } from "./schedule.ts";
import type { Task } from "./task.ts";
import { Watchdog } from "./watchdog.ts";

/** What a worker tells about: nothing it says is needed for anything. */
export interface WorkerLogger {
  /** What goes as it should: ready, stopping. */
  info(message: string): void;
  /** What somebody should look at: a run that failed and is retried, a lease that was lost. */
  warn(message: string): void;
  /** What a person must see to; `error` is what was thrown. */
  error(message: string, error?: unknown): void;
}

/** Options of a worker. */
export interface WorkerOptions {
  /** Runs at the same time. 10 unless told. */
  readonly concurrency?: number;
  /** The queues to take from. Unless told, those of the tasks that the app has when the worker is started. */
  readonly queues?: readonly string[];
  /**
   * For how long a task is this worker's without a heartbeat, of which there are three in that time. When it
   * dies, its tasks run elsewhere after that; sooner where the engine sees that the process is gone, as its page says.
   * From 10 ms to a day; 30 s unless told.
   */
  readonly lease?: Duration;
  /**
   * A task whose worker was lost this many times is parked. 5 unless told. From the second time on it runs alone,
   * after all else that the worker runs, so that it takes no other with it.
   */
  readonly maxCrashes?: number;
  /** At a stop, how long running tasks may take to finish before they are handed back. 30 s unless told. */
  readonly shutdownTimeout?: Duration;
  /**
   * Whether a thread watches for handlers that block the event loop for longer than the lease, or than the engine
   * lets a process be silent. It says so on standard error while they do, with the names of the tasks that are running, and the logger warns afterwards.
   * It takes memory of its own and, at the start, some time. Unless told, where the engine is shared, so
   * that other workers get the tasks then.
   */
  readonly watchdog?: boolean;
  /** A name, for whoever inspects the queue. The process id and six random digits unless told. */
  readonly name?: string;
  /** Where to tell what happens. The console unless told. */
  readonly logger?: WorkerLogger;
}

const names: NamesOf<WorkerOptions> = {
  concurrency: true,
  queues: true,
  lease: true,
  maxCrashes: true,
  shutdownTimeout: true,
  watchdog: true,
  name: true,
  logger: true,
};

/** For how long a worker tries to store an end, in milliseconds. */
const settlePatience = 100_000;

/** A claim that is not settled yet. */
interface Claim {
  readonly lease: Lease;
  /** Stops its run. */
  readonly stop: Stop;
  /** Resolves when it is settled. */
  ended: Promise<void>;
  /** Where it is in the list. */
  index: number;
}

/** Runs an app's tasks. Made by `app.worker()`. */
export class Worker {
  /** For whoever inspects the queue. */
  readonly name: string;
  readonly #engine: Engine;
  readonly #concurrency: number;
  #queues: readonly string[] | undefined;
  readonly #lease: number;
  readonly #shutdownTimeout: number;
  readonly #logger: WorkerLogger;
  readonly #warn = (message: string): void => this.#logger.warn(message);
  readonly #context: AppContext;
  readonly #maxCrashes: number;
  readonly #isWatched: boolean;
  readonly #about: WorkerAbout;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #stopNow = new AbortController();
  /**
   * Claims that are not settled yet; their leases are kept alive. No Map: from time to time one that is always added to
   * and deleted from makes itself anew, and each keeps alive what is in the next until all memory is looked through.
   */
  readonly #claims: Claim[] = [];
  #limits: ReadonlyMap<string, LaneLimit> = new Map();
  /** How many tasks there were when the limits were read: others may be added later. */
  #limited = 0;
  /** Why runs are to be aborted, by lease: also of claims that the engine has made and this does not know yet. */
  readonly #early = new Map<string, string>();
  #running = 0;
  /** There are suspects: takes one task at a time, while nothing else runs, until one comes that is none. */
  #cautious = false;
  /** When the last heartbeat that arrived was sent, by the monotonic clock. */
  #beaten = 0;
  #state: "new" | "started" | "stopping" | "stopped" = "new";
  #watchdog: Watchdog | undefined;
  #wake: () => void = () => {};
  #loop: Promise<void> = Promise.resolve();

  /** Made by `app.worker()` alone. */
  constructor(context: AppContext, options: WorkerOptions) {
    checkNames("The options of a worker", options, names);
    const {
      concurrency = 10,
      lease = "30s",
      maxCrashes = 5,
      shutdownTimeout = "30s",
      watchdog = context.engine.capabilities.shared,
      logger = consoleLogger,
    } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw optionError("concurrency", "be a whole number above 0", concurrency);
    if (!Number.isInteger(maxCrashes) || maxCrashes < 1)
      throw optionError("maxCrashes", "be a whole number above 0", maxCrashes);
    if (typeof watchdog !== "boolean") throw optionError("watchdog", "be true or false", watchdog);
    if (options.name !== undefined && (typeof options.name !== "string" || options.name.trim() === ""))
      throw optionError("name", "be a text that tells it from others", options.name);
    this.name = options.name ?? `${process.pid}-${newId().slice(-6)}`;
    this.#engine = context.engine;
    this.#concurrency = concurrency;
    if (options.queues !== undefined) checkLists({ queues: options.queues });
    this.#queues = options.queues?.map(queueName);
    if (this.#queues?.length === 0) throw optionError("queues", "name at least one", this.#queues);
    this.#lease = milliseconds(lease, "lease");
    if (this.#lease < 10 || this.#lease > 86_400_000)
      throw optionError("lease", "be from 10 ms to a day", lease);
    this.#shutdownTimeout = milliseconds(shutdownTimeout, "shutdownTimeout");
    this.#logger = logger;
    this.#context = context;
    this.#maxCrashes = maxCrashes;
    this.#isWatched = watchdog;
    this.#about = {
      tasks: () => runnable(context),
      concurrency,
      stop: () => void this.stop().catch(() => undefined),
    };
  }

  /**
   * Resolves when it has stopped, whoever has asked it to: also a remote control that the engine listens to. Not before
   * nothing of it is left running.
   */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
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
    const queues = (this.#queues ??= queuesOf(this.#context));
    await this.#engine.open();
    const scheduler = new Scheduler({ ...this.#context, engine: this.#engine }, (message) =>
      this.#logger.error(message),
    );
    await scheduler.start().catch((error: unknown) => {
      scheduler.stop();
      throw error;
    });
    // Stopped, or started again, meanwhile.
    if ((this.#state as string) !== "new") {
      scheduler.stop();
      return;
    }
    this.#state = "started";
    // Not of the transaction that it may be started in.
    this.#loop = this.#context.transactions.outside(() => this.#work(queues, scheduler));
  }

  /**
   * Takes no more tasks, and resolves when nothing of it is left running. What has not finished after
   * `timeout` is aborted through `job.signal` and handed back, to run elsewhere.
   *
   * @param options - `timeout` in place of the `shutdownTimeout` of the worker; 0 hands back at once
   */
  async stop({ timeout }: { readonly timeout?: Duration } = {}): Promise<void> {
    if (this.#state === "new") this.#state = "stopped";
    if (this.#state === "stopped") {
      this.#stopped.resolve();
      return;
    }
    this.#state = "stopping";
    this.#wake();
    const wait = timeout === undefined ? this.#shutdownTimeout : milliseconds(timeout, "timeout of stop()");
    const stopTimer = after(wait, () => {
      const reason = new Error("the worker is stopping");
      this.#stopNow.abort(reason);
      for (const { stop } of this.#claims) stop.call(reason);
    });
    await this.#loop;
    stopTimer();
    this.#state = "stopped";
    this.#stopped.resolve();
  }

  async #work(queues: readonly string[], scheduler: Scheduler): Promise<void> {
    if (this.#isWatched) {
      const tasks = namesOf(this.#context);
      this.#watchdog = Watchdog.start({
        worker: this.name,
        lease: this.#lease,
        engine: this.#engine,
        tasks,
        warn: this.#warn,
      });
    }
    this.#beaten = performance.now();
    const heartbeat = setInterval(() => void this.#tryToBeat(), this.#lease / 3);
    const listening = [
      this.#engine.onReady(queues, () => this.#wake()),
      this.#engine.onCancel(this.name, (leases) => this.#abort(leases, calledOff)),
    ];
    const relaying = new AbortController();
    const relayed = this.#context.relay?.run(relaying.signal, this.#warn);
    let failures = 0;
    while (this.#state === "started") {
      const awake = new Promise<void>((resolve) => (this.#wake = resolve));
      const free = (this.#cautious ? 1 : this.#concurrency) - this.#running;
      try {
        const claimed = free > 0 ? await this.#claim(queues, free) : 0;
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
    scheduler.stop();
    relaying.abort();
    // A pass ends by itself, unless the engine or a transaction keeps it waiting: then another relay sends.
    await Promise.race([relayed, aborted(this.#stopNow.signal)]);
    await Promise.all(this.#claims.map((claim) => claim.ended));
    for (const stopListening of listening) stopListening();
    clearInterval(heartbeat);
    await this.#watchdog?.stop();
  }

  /** Returns how many it got; `limit` as well when there is more to be claimed. */
  async #claim(queues: readonly string[], limit: number): Promise<number> {
    const { tasks } = this.#context;
    if (tasks.size !== this.#limited) {
      this.#limited = tasks.size;
      this.#limits = limitsOf(tasks);
    }
    // Blocked meanwhile, or the engine was away: a claim before the heartbeat that is due might take what runs here for
    // lost. Nor may it where that fails.
    if (performance.now() - this.#beaten > (this.#lease * 2) / 3) await this.#beat();
    const deliveries = await this.#engine.claim({
      queues,
      limit,
      lease: this.#lease,
      worker: this.name,
      limits: this.#limits,
      knows: (need) => knows(need, this.#context),
      adopts: (name) => adopts(name, this.#context),
      about: this.#about,
    });
    const suspects = deliveries.filter((delivery) => this.#isSuspect(delivery));
    this.#cautious = suspects.length > 0;
    const isAlone = deliveries.length === 1 && this.#running === 0;
    const postponed = isAlone ? [] : suspects;
    // Stored before anything else starts, which might end this process: they would count a crash that is not theirs.
    if (postponed.length > 0) {
      await Promise.all(
        postponed.map((delivery) =>
          this.#settle({ kind: "release", lease: delivery.lease, unused: true }, delivery),
        ),
      );
    }
    for (const delivery of deliveries) {
      if (postponed.includes(delivery)) continue;
      this.#running++;
      this.#watchdog?.began(delivery.message.task);
      const stop = new Stop();
      const why =
        this.#early.size > 0 ? this.#early.get(`${delivery.lease.token} ${delivery.lease.id}`) : undefined;
      if (why !== undefined) stop.call(new Error(why));
      const { lease } = delivery;
      const claim: Claim = { lease, stop, index: this.#claims.length, ended: Promise.resolve() };
      this.#claims.push(claim);
      claim.ended = this.#handle(delivery, claim);
    }
    if (this.#early.size > 0) this.#early.clear();
    return postponed.length > 0 ? limit : deliveries.length;
  }

  /**
   * Whether the task may be what ended its workers. All that ran beside one such task count its crashes, and
   * would be parked with it if they always ran together. The first crash is let pass: any worker may be killed.
   */
  #isSuspect({ crashes }: Delivery): boolean {
    const maxCrashes = this.#maxCrashes;
    return crashes > 0 && crashes >= Math.min(2, maxCrashes - 1) && crashes < maxCrashes;
  }

  /** From claim to settlement. Never rejects. */
  async #handle(delivery: Delivery, claim: Claim): Promise<void> {
    const options = { maxCrashes: this.#maxCrashes, stop: claim.stop, warn: this.#warn };
    const settlement: Settlement =
      this.#state === "started"
        ? await run(delivery, this.#context, options)
        : { kind: "release", lease: delivery.lease, unused: true };
    // The place is free before the settlement is stored, so that the next claim can share its transaction.
    this.#running--;
    this.#watchdog?.ended(delivery.message.task);
    const settled = this.#settle(settlement, delivery);
    this.#wake();
    await settled;
    this.#remove(claim);
  }

  /** The last of the list takes its place. */
  #remove(claim: Claim): void {
    const last = this.#claims.pop()!;
    if (last === claim) return;
    last.index = claim.index;
    this.#claims[claim.index] = last;
  }

  /** Settles, and tries again while the engine cannot: what a run did is not to be forgotten for a full disk. */
  async #settle(settlement: Settlement, { message }: Delivery): Promise<void> {
    const what = (): string => `Task ${message.task} (${message.id})`;
    if (settlement.kind !== "complete" && settlement.kind !== "release") {
      this.#logger.warn(`${what()}: ${settlement.kind}: ${settlement.reason.message}`);
    }
    const deadline = performance.now() + settlePatience;
    for (let failures = 0; ; failures++) {
      try {
        const [accepted] = await this.#engine.settle([settlement]);
        if (accepted === false) {
          this.#logger.warn(
            failures === 0
              ? `${what()} ended here after its lease was lost: it runs, or ran, elsewhere too.`
              : `${what()} ended here: a try before this one has stored that, or it runs, or ran, elsewhere too.`,
          );
        }
        return;
      } catch (error) {
        const closed = error instanceof PetioleError && error.code === "ERR_ENGINE_CLOSED";
        if (closed || performance.now() > deadline || this.#stopNow.signal.aborted) {
          this.#logger.error(`${what()} ended here, but that could not be stored: it will run again.`, error);
          return;
        }
        // Soon, as the lease may have run out in a store that was away: whoever comes first has the task.
        await sleep(Math.min(100 * 2 ** failures, 1000));
      }
    }
  }

  /** Aborts the runs of some leases; of one whose claim is still under way, once it is here. */
  #abort(leases: readonly Lease[], why: string): void {
    for (const { id, token } of leases) {
      this.#early.set(`${token} ${id}`, why);
      for (const { lease, stop } of this.#claims) {
        if (lease.id === id && lease.token === token) stop.call(new Error(why));
      }
    }
  }

  async #beat(): Promise<void> {
    const beaten = performance.now();
    if (this.#claims.length > 0) {
      const leases = this.#claims.map(({ lease }) => lease);
      const lost = await this.#engine.extend(leases, this.#lease);
      // The task runs elsewhere now, and what this run comes to will be refused: the sooner it ends the better.
      this.#abort(lost, "the lease was lost");
    }
    this.#beaten = Math.max(this.#beaten, beaten);
  }

  async #tryToBeat(): Promise<void> {
    try {
      await this.#beat();
    } catch (error) {
      this.#logger.error(`Petiole worker ${this.name} could not send its heartbeat; it tries again.`, error);
    }
  }
}

function limitsOf(tasks: ReadonlyMap<string, Task>): Map<string, LaneLimit> {
  const limits = new Map<string, LaneLimit>();
  for (const { name, settings } of tasks.values()) {
    // What was sent under a former name is in the lane of that name.
    if (settings.limit) for (const lane of [name, ...settings.aliases]) limits.set(lane, settings.limit);
  }
  return limits;
}

function namesOf({ tasks, aliases, retired }: AppContext): string[] {
  return [tasks, aliases, retired].flatMap((named) => [...named.keys()]);
}

/** The tasks that have a handler here. */
function runnable({ tasks }: AppContext): string[] {
  return [...tasks.values()].flatMap(({ name, handler }) => (handler === undefined ? [] : [name]));
}

function queuesOf({ tasks, retired }: AppContext): readonly string[] {
  const queues = new Set([...tasks.values()].map((task) => task.settings.queue));
  for (const { queue } of retired.values()) queues.add(queue);
  return queues.size > 0 ? [...queues] : ["default"];
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function sleep(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration).unref());
}

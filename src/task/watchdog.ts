/**
 * Says which tasks were running when a worker's event loop is blocked past its lease, or past what its engine allows, while
 * it is blocked.
 *
 * A blocked loop cannot speak for itself, so a thread does. The two share counters, and no message is sent until
 * there is something to say: what a run costs is a few atomic additions.
 *
 * @module
 */
import type * as files from "node:fs";
import type * as threads from "node:worker_threads";
import { Worker as Thread } from "node:worker_threads";
import type { Engine } from "../engine.ts";
import { messageOf } from "../errors.ts";

/** What a watchdog is told of its worker. */
export interface WatchdogOptions {
  /** The worker's name. */
  readonly worker: string;
  /** In milliseconds. */
  readonly lease: number;
  /** Its engine, and the {@link Engine.silence} of that. */
  readonly engine?: Pick<Engine, "name" | "silence">;
  /** The names of the tasks that may run. Any other is counted as one of those that were added later. */
  readonly tasks: readonly string[];
  /** Told of a block when it is over, and of a watchdog that cannot watch. */
  readonly warn: (message: string) => void;
}

/** What the thread is given. The arrays are shared memory. */
interface Watched {
  readonly worker: string;
  /** For how long it may be blocked, in milliseconds. */
  readonly allowed: number;
  /** Whose measure that is, as it is said. */
  readonly measure: string;
  readonly names: readonly string[];
  /** At 0: how many signs of life there were. */
  readonly signs: Int32Array;
  /** How many runs there are, by the index of the name. */
  readonly running: Int32Array;
  /** At 0: the index of the name that was last to begin. */
  readonly latest: Int32Array;
  /** At 0: 1 when the thread shall end. */
  readonly ended: Int32Array;
}

/** Watches one worker, from its start to {@link stop}. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #indices: ReadonlyMap<string, number>;
  readonly #watched: Watched;
  readonly #thread: Thread;
  readonly #exited: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #lastSign = performance.now();
  /** How long the loop was last blocked past what is allowed, in milliseconds. */
  #blocked = 0;

  /** Begins to watch. A process may be forbidden to have threads: then it warns, and nobody watches. */
  static start(options: WatchdogOptions): Watchdog | undefined {
    try {
      return new Watchdog(options);
    } catch (error) {
      const { worker, warn } = options;
      warn(`Petiole worker ${worker} has no watchdog, as there can be no thread: ${messageOf(error)}`);
      return undefined;
    }
  }

  private constructor(options: WatchdogOptions) {
    const { worker, lease, engine, tasks, warn } = options;
    const silence = engine?.silence ?? Infinity;
    const allowed = Math.min(lease, silence);
    this.#options = options;
    this.#indices = new Map(tasks.map((name, index) => [name, index]));
    this.#watched = {
      worker,
      allowed,
      measure:
        silence < lease
          ? `the ${engine?.name} engine takes a process for dead after ${silence} ms`
          : `its lease is ${lease} ms`,
      names: [...tasks, "tasks that were added later"],
      signs: shared(1),
      running: shared(tasks.length + 1),
      latest: shared(1),
      ended: shared(1),
    };
    // As text, for whoever bundles this into a file. Without the process's own options, which may load a program
    // into each of its threads.
    const source = `(${watch.toString()})(require("node:worker_threads"), require("node:fs"))`;
    const workerData = this.#watched;
    const thread = new Thread(source, { eval: true, workerData, name: "watchdog", env: {}, execArgv: [] });
    thread.on("message", (tasks: string) => this.#tell(tasks));
    thread.on("error", (error) =>
      warn(`Petiole worker ${worker}: nobody sees any more whether its event loop is blocked: ${error}`),
    );
    this.#thread = thread;
    this.#exited = new Promise((resolve) => thread.once("exit", () => resolve()));
    // After the listeners, which would hold the process again.
    thread.unref();
    // As often as the leases are renewed, whoever does that.
    this.#timer = setInterval(() => this.#sign(), allowed / 3).unref();
  }

  /** The loop turns. */
  #sign(): void {
    const now = performance.now();
    if (now - this.#lastSign > this.#watched.allowed) this.#blocked = now - this.#lastSign;
    this.#lastSign = now;
    Atomics.add(this.#watched.signs, 0, 1);
  }

  /** A run begins, on a lease that is new: the time until its heartbeat must come counts from here. */
  began(task: string): void {
    const index = this.#indexOf(task);
    // The sign first: silence that was there before is not this run's.
    this.#sign();
    Atomics.store(this.#watched.latest, 0, index);
    Atomics.add(this.#watched.running, index, 1);
  }

  /** A run is over. */
  ended(task: string): void {
    Atomics.sub(this.#watched.running, this.#indexOf(task), 1);
  }

  /** Resolves when the thread has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    Atomics.store(this.#watched.ended, 0, 1);
    Atomics.notify(this.#watched.ended, 0);
    // Somebody waits now, and a process that has nothing else to do would end before.
    this.#thread.ref();
    await this.#exited;
  }

  #indexOf(task: string): number {
    return this.#indices.get(task) ?? this.#indices.size;
  }

  /** Called by the thread's message, so the loop is free again. */
  #tell(tasks: string): void {
    const { worker, warn } = this.#options;
    const { allowed, measure } = this.#watched;
    const silence = performance.now() - this.#lastSign;
    const blocked = Math.round(silence > allowed ? silence : this.#blocked);
    warn(
      `Petiole worker ${worker}: its event loop was blocked for ${blocked} ms, and ${measure}: ` +
        `its tasks were given to other workers. Running then: ${tasks}.`,
    );
  }
}

function shared(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * The thread's whole program. It is turned into text, so it may use nothing from outside; nor a function of its
 * own with a name, to which some compilers add a call of a helper that is not there.
 */
function watch({ parentPort, workerData }: typeof threads, { writeSync }: typeof files): void {
  const { worker, allowed, measure, names, signs, running, latest, ended } = workerData as Watched;
  const step = Math.max(5, allowed / 6);
  let looked = performance.now();
  let seen = -1;
  let silence = 0;
  let told = false;
  while (Atomics.load(ended, 0) === 0) {
    Atomics.wait(ended, 0, 0, step);
    const now = performance.now();
    // When this thread comes late itself, the whole process was stopped, for which no handler is to blame.
    silence += Math.min(now - looked, 2 * step);
    looked = now;
    const sign = Atomics.load(signs, 0);
    if (sign !== seen) {
      seen = sign;
      silence = 0;
      told = false;
    }
    if (told || silence <= allowed) continue;
    const counts = names.map((_, index) => Atomics.load(running, index));
    const tasks = names.flatMap((name, index) => (counts[index]! > 0 ? [`${name} (${counts[index]})`] : []));
    if (tasks.length === 0) continue;
    told = true;
    const last = Atomics.load(latest, 0);
    const list = tasks.join(", ") + (counts[last]! > 0 ? `. Started last: ${names[last]}` : "");
    try {
      writeSync(
        2,
        `Petiole worker ${worker}: its event loop is blocked, for ${Math.round(silence)} ms already, and ` +
          `${measure}: its tasks are given to other workers. Running: ${list}.\n`,
      );
    } catch {
      // Nobody reads standard error, or not fast enough. The worker's logger is told later.
    }
    parentPort?.postMessage(list, []);
  }
}

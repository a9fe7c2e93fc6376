/** petiole worker --processes: keeps several worker processes running, and never opens the engine itself. @module */
import { setTimeout as sleep } from "node:timers/promises";
import type { Invocation } from "./arguments.ts";
import { WorkerProcess, type Ending } from "./worker-process.ts";

/** Between the end of a process and the start of another, in milliseconds: doubled each time. */
const [shortestDelay, longestDelay] = [100, 10_000];
/** A process that lived this long has not failed at once: its successor starts after the shortest delay again. */
const longLife = 30_000;
/** So many starts that failed in a row are too many, when no other process works either. */
const tooManyFailures = 5;

/**
 * Runs workers in `count` processes until SIGTERM or SIGINT, each with the same command line but for
 * `--processes`. One that dies is replaced.
 *
 * @returns the exit code: 0 when all have stopped as they were asked to
 */
export function supervise(invocation: Invocation, count: number): Promise<number> {
  const supervisor = new Supervisor(invocation, count);
  let signals = 0;
  const stop = (signal: NodeJS.Signals): void => {
    signals++;
    supervisor.stop(signal, signals > 1);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  return supervisor.run();
}

class Supervisor {
  readonly #invocation: Invocation;
  /** The process in each place; a place keeps its number when its process is replaced. */
  readonly #places: (WorkerProcess | undefined)[];
  readonly #stopping = new AbortController();
  readonly #complaints = new Set<string>();
  #exitCode = 0;

  constructor(invocation: Invocation, count: number) {
    this.#invocation = invocation;
    this.#places = Array.from({ length: count }, () => undefined);
  }

  async run(): Promise<number> {
    await Promise.all(this.#places.map((_, place) => this.#keep(place)));
    return this.#exitCode;
  }

  stop(signal: NodeJS.Signals, now: boolean): void {
    this.#stopping.abort();
    for (const process of this.#places) process?.stop(signal, now);
  }

  /** Keeps a process in a place, until all shall stop. */
  async #keep(place: number): Promise<void> {
    const { signal: stopping } = this.#stopping;
    let delay = shortestDelay;
    let failures = 0;
    while (!stopping.aborted) {
      const process = new WorkerProcess(parametersOf(this.#invocation, place + 1), (text) => {
        // All of them fail in the same way, again and again: once is enough.
        if (!this.#complaints.has(text)) console.error(text);
        this.#complaints.add(text);
      });
      this.#places[place] = process;
      const ending = await process.ended;
      this.#places[place] = undefined;
      const name = `worker process ${place + 1} (${process.id ?? "none"})`;
      if (stopping.aborted) {
        // What could not start had nothing to finish.
        if (ending.asAsked || !process.isReady) return;
        console.error(`${name} ${ending.how} before it had stopped`);
        this.#exitCode ||= 1;
        return;
      }
      failures = process.isReady ? 0 : failures + 1;
      if (this.#isHopeless(ending, failures)) return;
      if (ending.lived >= longLife) delay = shortestDelay;
      console.error(`${name} ${ending.how}; another starts in ${delay / 1000} s`);
      await sleep(delay, undefined, { signal: stopping }).catch(() => {});
      delay = Math.min(longestDelay, delay * 2);
    }
  }

  /** Whether there is no use in another start; then all stop. */
  #isHopeless({ failure, how }: Ending, failures: number): boolean {
    const isCommandLine = failure === 2;
    if (!isCommandLine) {
      if (failures < tooManyFailures || this.#places.some((process) => process?.isReady)) return false;
      console.error(`a worker process ${how} before it was ready, ${failures} times in a row: giving up`);
    }
    this.#exitCode = isCommandLine ? 2 : 1;
    this.stop("SIGTERM", false);
    return true;
  }
}

/** The command line of the process in a place. Names differ, so that whoever inspects a queue can tell them apart. */
function parametersOf({ module, flags }: Invocation, place: number): string[] {
  const { concurrency, queues, lease, maxCrashes, shutdownTimeout, name } = flags;
  const given = {
    concurrency,
    queues,
    lease,
    "max-crashes": maxCrashes,
    "shutdown-timeout": shutdownTimeout,
    name: name === undefined ? undefined : `${name}-${place}`,
  };
  const parameters = Object.entries(given).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}=${value}`],
  );
  return ["worker", ...parameters, "--", module];
}

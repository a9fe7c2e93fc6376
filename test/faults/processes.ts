/** Worker processes: started, killed, frozen and thawed, and ended by their ids in every case. @module */
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Said, WorkerSettings } from "./worker-settings.ts";

const program = fileURLToPath(new URL("worker.ts", import.meta.url));

/** All that are alive, for the end of this process. */
const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** How a worker process is started. */
export interface StartOptions {
  readonly settings: WorkerSettings;
  /** Modules that are loaded before it. */
  readonly imports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** A worker in a process of its own. */
export class WorkerProcess {
  readonly name: string;
  /** Rejects when it ends before it is ready. */
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  /** What its worker has logged. */
  readonly log: string[] = [];
  /** What it has written to its standard error. */
  errors = "";
  /** It dies by its own settings, or was killed from here. */
  isDoomed: boolean;
  readonly #child: ChildProcess;

  constructor({ settings, imports = [], environment = {} }: StartOptions) {
    this.name = settings.name;
    this.isDoomed = settings.death !== undefined;
    const child = spawn(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        ...imports.map((each) => `--import=${each}`),
        program,
        JSON.stringify(settings),
      ],
      { stdio: ["ignore", "ignore", "pipe", "ipc"], env: { ...process.env, ...environment } },
    );
    this.#child = child;
    alive.add(child);
    child.stderr!.setEncoding("utf8").on("data", (part: string) => (this.errors += part));
    this.ended = new Promise((resolve) => {
      child.once("close", () => {
        alive.delete(child);
        resolve();
      });
    });
    this.ready = new Promise((resolve, reject) => {
      child.on("message", (said: Said) => {
        if ("ready" in said) resolve();
        else this.log.push(said.log);
      });
      child.once("error", reject);
      void this.ended.then(() => {
        if (this.isDoomed) resolve();
        else reject(new Error(`worker ${this.name} ended with ${child.exitCode}: ${this.errors}`));
      });
    });
    // Whoever awaits it is told; nobody has to.
    this.ready.catch(() => undefined);
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** It ended, and nobody wanted it to. */
  get hasFallen(): boolean {
    return this.isOver && !this.isDoomed;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** By SIGKILL. Resolves once it is dead. */
  async kill(): Promise<void> {
    this.isDoomed = true;
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  /** Lets it finish what it runs; kills it when that takes too long. Returns whether it ended by itself. */
  async stop(patience = 10_000): Promise<boolean> {
    this.isDoomed = true;
    this.#child.kill("SIGCONT");
    this.#child.kill("SIGTERM");
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#child.kill("SIGKILL");
    }, patience);
    await this.ended;
    clearTimeout(timer);
    return !isLate;
  }
}

/** The workers of one round, on one engine. */
export class Crew {
  readonly #base: Omit<WorkerSettings, "name">;
  readonly #members = new Set<WorkerProcess>();
  /** Those that are dead too. */
  readonly all: WorkerProcess[] = [];

  constructor(base: Omit<WorkerSettings, "name">) {
    this.#base = base;
  }

  /** Those that were started and have not ended. */
  get living(): WorkerProcess[] {
    return [...this.#members].filter((worker) => !worker.isOver);
  }

  /** Starts one; it may not be ready yet. */
  start(changes: Partial<WorkerSettings> = {}, options: Omit<StartOptions, "settings"> = {}): WorkerProcess {
    const settings = { ...this.#base, name: `worker ${this.all.length + 1}`, ...changes };
    const worker = new WorkerProcess({ settings, ...options });
    this.#members.add(worker);
    this.all.push(worker);
    void worker.ended.then(() => this.#members.delete(worker));
    return worker;
  }

  /** Starts so many; resolves once they take tasks. */
  async startAll(count: number, changes?: Partial<WorkerSettings>): Promise<WorkerProcess[]> {
    const workers = Array.from({ length: count }, () => this.start(changes));
    await Promise.all(workers.map((worker) => worker.ready));
    return workers;
  }

  /** What is wrong with the processes themselves: those that ended without being told. */
  get fallen(): string[] {
    return this.all
      .filter((worker) => worker.hasFallen)
      .map((worker) => `${worker.name} ended by itself: ${worker.errors.slice(0, 2000)}`);
  }

  /** Ends them all. */
  async close(): Promise<void> {
    await Promise.all(this.living.map((worker) => worker.kill()));
  }
}

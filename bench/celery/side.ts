/** A process that is measured: it says that it is ready, waits for a line, works, and says how many milliseconds it took. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { python, pythonEnvironment } from "../../test/services/python.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** What runs in the process: a program of Node's or Python's, or a worker of Celery's. */
export interface Program {
  readonly command: string;
  readonly parameters: readonly string[];
}

/** A program of Node's, in this folder. */
export function node(file: string): Program {
  return { command: process.execPath, parameters: [`${folder}${file}`] };
}

/** Celery's producer. */
export const celeryProducer: Program = { command: python, parameters: [`${folder}celery_producer.py`] };

/** Celery's worker: one process that takes tasks, `solo`, or one that has a child for them, `prefork`. */
export function celeryWorker(pool: "solo" | "prefork"): Program {
  const parameters = ["-m", "celery", "-A", "celery_app", "worker", "--pool", pool, "--concurrency", "1"];
  return {
    command: python,
    parameters: [...parameters, "-l", "WARNING", "--without-mingle", "--without-gossip"],
  };
}

/** Where it works, and how much. */
export interface Work {
  readonly url: string;
  readonly count: number;
}

/** A running program. */
export class Side {
  readonly #child: ChildProcess;
  #lines: string[] = [];
  #told: () => void = () => {};

  constructor({ command, parameters }: Program, { url, count }: Work) {
    this.#child = spawn(command, parameters, {
      env: {
        ...pythonEnvironment(folder),
        PYTHONWARNINGS: "ignore",
        BENCH_URL: url,
        BENCH_COUNT: `${count}`,
      },
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    let rest = "";
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.#lines.push(...lines.filter((line) => /^(ready|took )/.test(line)));
      this.#told();
    });
  }

  /** The next line that begins so. */
  async #line(start: string): Promise<string> {
    for (;;) {
      const at = this.#lines.findIndex((line) => line.startsWith(start));
      if (at >= 0) return this.#lines.splice(at, 1)[0]!;
      if (this.#child.exitCode !== null) throw new Error(`it ended with ${this.#child.exitCode}`);
      await new Promise<void>((resolve) => {
        this.#told = resolve;
        setTimeout(resolve, 200);
      });
    }
  }

  /** Resolves once it waits for `go`. */
  async ready(): Promise<void> {
    await this.#line("ready");
  }

  go(): void {
    this.#child.stdin!.write("go\n");
  }

  /** The milliseconds that its work took. */
  async took(): Promise<number> {
    return Number((await this.#line("took ")).slice(5));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exit = once(this.#child, "exit");
    // A worker's children are of its group.
    process.kill(-this.#child.pid!, "SIGKILL");
    await exit;
  }
}

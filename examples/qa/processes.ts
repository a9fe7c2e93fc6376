/** The example's processes: started, killed, and stopped by their own handles. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const workerModule = "examples/qa/worker.ts";

export class Processes {
  readonly #running = new Set<ChildProcess>();
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = { ...process.env, ...environment };
  }

  /** Starts the web process; returns it with its address once it listens. `port` 0 takes any that is free. */
  async startWeb(port: number): Promise<{ readonly web: ChildProcess; readonly url: string }> {
    const web = this.#start(["examples/qa/web.ts"], { PORT: String(port) });
    return { web, url: await firstLine(web, "web", /^(http:\S+)$/) };
  }

  /** Starts a worker, as `petiole worker` does; returns once it takes tasks. */
  async startWorker(): Promise<ChildProcess> {
    const worker = this.#start(
      ["dist/cli/main.js", "worker", workerModule, "--concurrency", "4", "--lease", "2s"],
      {},
    );
    await firstLine(worker, "worker", /^worker (\S+) is ready$/);
    return worker;
  }

  /** What `petiole <command>` prints about the app, as JSON. */
  async inspect(command: "status" | "failed" | "parked"): Promise<string> {
    const inspection = this.#start(["dist/cli/main.js", command, workerModule, "--json"], {});
    let text = "";
    inspection.stdout!.setEncoding("utf8").on("data", (part: string) => (text += part));
    const code = await ended(inspection);
    if (code !== 0) throw new Error(`petiole ${command} ended with ${code}`);
    return text;
  }

  /** Kills a process as a failing machine would. */
  async kill(child: ChildProcess): Promise<void> {
    child.kill("SIGKILL");
    await ended(child);
  }

  /** Asks a process to stop, and waits until it has; returns whether it did so by itself, and in good order. */
  async stop(child: ChildProcess): Promise<boolean> {
    child.kill("SIGTERM");
    const patience = setTimeout(() => child.kill("SIGKILL"), 10_000);
    const code = await ended(child);
    clearTimeout(patience);
    return code === 0;
  }

  /** Asks every process to stop, and waits until it has. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.stop(child)));
  }

  #start(parameters: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn(process.execPath, parameters, {
      cwd: root,
      env: { ...this.#environment, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    return child;
  }
}

/** Waits for a line of a process's output, and returns the part of it that the pattern names. */
function firstLine(child: ChildProcess, name: string, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const match = pattern.exec(line);
      if (match) resolve(match[1]!);
      else console.log(`[${name}] ${line}`);
    });
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(new Error(`the ${name} process ended with ${code ?? signal}`)),
    );
  });
}

/** The exit code, once the process has ended. */
function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("exit", (code) => resolve(code)));
}

/**
 * A Python site for tests: a worker of Celery's, and a process that sends tasks and waits for them.
 *
 * @module
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { python, pythonEnvironment } from "../services/python.ts";

const folder = fileURLToPath(new URL("site", import.meta.url));

/** Where the site's Celery finds its broker and its results. */
export interface SitePlaces {
  readonly broker: string;
  readonly backend: string;
  /** Whether it has the package `petiole`. */
  readonly petiole?: boolean;
  /** More of the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

function environmentOf({
  broker,
  backend,
  petiole = false,
  environment = {},
}: SitePlaces): NodeJS.ProcessEnv {
  return {
    ...pythonEnvironment(folder),
    ...environment,
    BROKER: broker,
    BACKEND: backend,
    ...(petiole ? { PETIOLE: "1" } : {}),
  };
}

export interface CeleryWorkerOptions extends SitePlaces {
  /** `solo`, unless told: one process; `prefork`: a child runs the tasks. */
  readonly pool?: "solo" | "prefork" | "threads";
  readonly queues?: readonly string[];
  readonly concurrency?: number;
  /** The module that has the app. */
  readonly app?: string;
  /** Whether it looks for other workers, and listens to them, as Celery's do unless told. */
  readonly neighbours?: boolean;
}

/** A worker of Celery's. */
export interface CeleryWorker {
  readonly pid: number;
  /** What it has printed so far. */
  readonly said: () => string;
  /** Whether its process is there. */
  readonly isAlive: () => boolean;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

let workers = 0;

/** Starts a worker; resolves once it takes tasks. */
export async function startCeleryWorker(options: CeleryWorkerOptions): Promise<CeleryWorker> {
  const { pool = "solo", queues = ["celery"], concurrency = 1, app = "site_app" } = options;
  const alone = options.neighbours === true ? [] : ["--without-mingle", "--without-gossip"];
  workers += 1;
  const parameters = ["-m", "celery", "-A", app, "worker", "--pool", pool, "--concurrency", `${concurrency}`];
  const name = `site${process.pid}x${workers}@test`;
  const child = spawn(python, [...parameters, "-Q", queues.join(","), "-n", name, "-l", "INFO", ...alone], {
    cwd: tmpdir(),
    env: environmentOf(options),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        said = (said + part).slice(-200_000);
        if (said.includes(" ready.")) resolve();
      });
    }
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`Celery's worker ended with ${code}:\n${said}`)));
  });
  return {
    pid: child.pid!,
    said: () => said,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    kill: () => ended(child, "SIGKILL"),
    async stop() {
      const hurry = setTimeout(() => killAll(child, "SIGKILL"), 5000);
      await ended(child, "SIGTERM");
      clearTimeout(hurry);
      killAll(child, "SIGKILL");
    },
  };
}

/** The worker and its children are a group of processes. */
function killAll(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // There is none of them left.
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  if (signal === "SIGKILL") killAll(child, signal);
  else child.kill(signal);
  await exit;
}

/** What a Python expression came to. */
export interface Outcome {
  /** Its `repr`. */
  readonly value?: string;
  /** Itself, where it is a text, a number or a boolean. */
  readonly plain?: unknown;
  /** The class of what it raised, `builtins.ValueError`. */
  readonly error?: string;
  /** The `repr` of that one's arguments. */
  readonly args?: string;
  readonly trace?: string;
}

/** A Python process of the site's that sends tasks. */
export interface SiteClient {
  /** Evaluates an expression of Python's: see `site_client.py` for what it knows. */
  outcome(expression: string): Promise<Outcome>;
  /** The same, which must not raise: its `repr`. */
  value(expression: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts one. */
export async function startSiteClient(places: SitePlaces, module = "site_client.py"): Promise<SiteClient> {
  const child = spawn(python, [`${folder}/${module}`], {
    env: environmentOf(places),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const waiting: ((outcome: Outcome) => void)[] = [];
  let rest = "";
  const ready = new Promise<Outcome>((resolve) => waiting.push(resolve));
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) waiting.shift()?.(JSON.parse(line) as Outcome);
  });
  child.once("exit", (code) => {
    for (const each of waiting.splice(0)) each({ error: `the process ended with ${code}` });
  });
  await ready;
  let count = 0;
  const outcome = (expression: string): Promise<Outcome> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      child.stdin.write(`${++count} ${expression}\n`);
    });
  return {
    outcome,
    async value(expression) {
      const { value, error, args, trace } = await outcome(expression);
      if (error !== undefined) throw new Error(`${expression}: ${error}${args}\n${trace}`);
      return value!;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}

/**
 * A TypeScript worker in a process of its own, so that it can be killed.
 *
 * @module
 */
import { fork } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { Petiole } from "petiole";
import { celery } from "petiole/engine/celery";
import type { Engine } from "petiole/engine";

/** What such a process is told. */
export interface TypescriptWorkerOptions {
  /** The broker's URL, as Celery is told it. */
  readonly broker: string;
  readonly queues: readonly string[];
  /** Milliseconds, as is `lease`. */
  readonly visibilityTimeout: number;
  readonly lease: number;
  readonly concurrency?: number;
}

/** One that runs. */
export interface TypescriptWorker {
  readonly pid: number;
  readonly isAlive: () => boolean;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Starts one; resolves once it takes tasks. */
export async function startTypescriptWorker(options: TypescriptWorkerOptions): Promise<TypescriptWorker> {
  const child = fork(import.meta.filename, [JSON.stringify(options)], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const end = (): boolean => child.kill("SIGKILL");
  process.once("exit", end);
  const exit = once(child, "exit");
  const [said] = (await Promise.race([once(child, "message"), exit])) as readonly unknown[];
  if (said !== "ready") throw new Error(`the TypeScript worker ended with ${String(said)}`);
  return {
    pid: child.pid!,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    async kill() {
      process.off("exit", end);
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await exit;
      }
    },
  };
}

/** An engine on the broker that Celery is told of by a URL. */
export function engineAt(
  broker: string,
  options: {
    readonly visibilityTimeout?: number;
    readonly timeout?: number;
    readonly hostname?: string;
  } = {},
): Engine {
  if (!broker.startsWith("redis:")) {
    const url = broker.replace(/^pyamqp:/, "amqp:");
    return celery({ broker: () => connect(url), ...options });
  }
  const client = new Redis(broker, { lazyConnect: true });
  client.on("error", () => undefined);
  return celery({ broker: client, ...options });
}

async function work(options: TypescriptWorkerOptions): Promise<void> {
  const { broker, queues, visibilityTimeout, lease, concurrency = 1 } = options;
  const app = new Petiole({ engine: engineAt(broker, { visibilityTimeout }) });
  app.task("ts.hangOnce", async ({ path }: { path: string }) => {
    appendFileSync(path, `${process.pid}\n`);
    // The first time that it runs, it never ends.
    if (readFileSync(path, "utf8").split("\n").length === 2) await new Promise(() => undefined);
    return process.pid;
  });
  app.task("ts.record", ({ path, key }: { path: string; key: string }) => {
    appendFileSync(path, `${key}\n`);
    return key;
  });
  app.task("both.which", async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return "typescript";
  });
  // It is told of every broker that is killed.
  const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
  await app.worker({ queues, lease, concurrency, watchdog: false, logger }).start();
  process.send!("ready");
  // Whoever started it is gone: nobody would end it.
  process.on("disconnect", () => process.exit());
}

if (process.argv[1] === import.meta.filename)
  await work(JSON.parse(process.argv[2]!) as TypescriptWorkerOptions);

/** petiole worker: runs tasks until told to stop. @module */
import type { Duration } from "../task/duration.ts";
import type { Worker } from "../task/worker.ts";
import type { App } from "./app-module.ts";
import { wrong, type Invocation } from "./arguments.ts";
import { isPetioleError } from "./failure.ts";
import type { Supervised } from "./supervised.ts";

/**
 * Runs a worker until SIGTERM or SIGINT. At the first, running tasks may finish; at the second, they are
 * handed back. Under a supervisor it is the supervisor that tells the second from the first.
 */
export async function work(
  app: App,
  { flags }: Invocation,
  supervised: Supervised | undefined,
): Promise<number> {
  const worker = makeWorker(app, flags);
  const stopped = new Promise<void>((resolve, reject) => {
    let urgency: "none" | "finish" | "now" = "none";
    const stop = (why: string, now: boolean): void => {
      if (urgency === "now" || (urgency === "finish" && !now)) return;
      urgency = now ? "now" : "finish";
      const tasks = worker.running === 1 ? "1 running task" : `${worker.running} running tasks`;
      console.log(`${why}: ${now ? "handing back" : "finishing"} ${tasks}`);
      worker.stop(now ? { timeout: 0 } : {}).then(resolve, reject);
    };
    const onSignal = (signal: NodeJS.Signals): void => stop(signal, !supervised && urgency !== "none");
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
    supervised?.onStop(stop);
    // Somebody else has stopped it, by the engine's remote control.
    worker.stopped.then(resolve, reject);
  });
  // Also while it starts it may be told to stop.
  const isReady = await Promise.race([worker.start().then(() => true), stopped.then(() => false)]);
  if (isReady) {
    console.log(`worker ${worker.name} is ready`);
    if (!app.engine.capabilities.shared)
      console.error(
        `The ${app.engine.name} engine keeps tasks in this process: it runs none that another process sends.`,
      );
    supervised?.ready();
  }
  await stopped;
  await app.close();
  console.log(`worker ${worker.name} has stopped`);
  return 0;
}

function makeWorker(app: App, flags: Invocation["flags"]): Worker {
  const { concurrency, queues, lease, maxCrashes, shutdownTimeout, name } = flags;
  try {
    return app.worker({
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(queues === undefined ? {} : { queues: queues.split(",") }),
      ...(lease === undefined ? {} : { lease: typedDuration(lease) }),
      ...(maxCrashes === undefined ? {} : { maxCrashes }),
      ...(shutdownTimeout === undefined ? {} : { shutdownTimeout: typedDuration(shutdownTimeout) }),
      ...(name === undefined ? {} : { name }),
    });
  } catch (error) {
    // Every option of this worker was typed.
    if (isPetioleError(error) && error.code === "ERR_OPTION_INVALID")
      throw wrong(error.message.replace(/\.$/, ""));
    throw error;
  }
}

/** A duration that was typed: digits alone are milliseconds, as a number is in code. */
function typedDuration(text: string): Duration {
  return /^\d+$/.test(text) ? Number(text) : (text as Duration);
}

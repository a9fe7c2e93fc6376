/** petiole worker: runs tasks until told to stop. @module */
import type { Duration } from "../task/duration.ts";
import type { Worker } from "../task/worker.ts";
import type { App } from "./app-module.ts";
import { wrong, type Invocation } from "./arguments.ts";
import { isPetioleError } from "./failure.ts";

/**
 * Runs a worker until SIGTERM or SIGINT. At the first, running tasks may finish; at the second, they are
 * handed back.
 */
export async function work(app: App, { flags }: Invocation): Promise<number> {
  const worker = makeWorker(app, flags);
  const stopped = new Promise<void>((resolve, reject) => {
    let signals = 0;
    const stop = (signal: NodeJS.Signals): void => {
      signals++;
      const tasks = worker.running === 1 ? "1 running task" : `${worker.running} running tasks`;
      console.log(`${signal}: ${signals === 1 ? "finishing" : "handing back"} ${tasks}`);
      worker.stop(signals === 1 ? {} : { timeout: 0 }).then(resolve, reject);
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
  await worker.start();
  console.log(`worker ${worker.name} is ready`);
  await stopped;
  await app.close();
  console.log(`worker ${worker.name} has stopped`);
  return 0;
}

function makeWorker(app: App, flags: Invocation["flags"]): Worker {
  const { concurrency, queues, lease, name } = flags;
  try {
    return app.worker({
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(queues === undefined ? {} : { queues: queues.split(",") }),
      ...(lease === undefined ? {} : { lease: lease as Duration }),
      ...(name === undefined ? {} : { name }),
    });
  } catch (error) {
    // Every option of this worker was typed.
    if (isPetioleError(error) && error.code === "ERR_OPTION_INVALID")
      throw wrong(error.message.replace(/\.$/, ""));
    throw error;
  }
}

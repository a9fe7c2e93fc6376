/** petiole worker: runs tasks until told to stop. @module */
import type { Duration } from "../task/duration.ts";
import type { App } from "./app-module.ts";
import { wholeNumber, type Invocation } from "./arguments.ts";

/**
 * Runs a worker until SIGTERM or SIGINT. At the first, running tasks may finish; at the second, they are
 * handed back.
 */
export async function work(app: App, { flags }: Invocation): Promise<number> {
  const worker = app.worker({
    ...(flags.concurrency === undefined
      ? {}
      : { concurrency: wholeNumber(flags.concurrency, "concurrency") }),
    ...(flags.queues === undefined ? {} : { queues: flags.queues.split(",") }),
    ...(flags.lease === undefined ? {} : { lease: flags.lease as Duration }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
  });
  const stopped = new Promise<void>((resolve, reject) => {
    let signals = 0;
    const stop = (signal: NodeJS.Signals): void => {
      signals++;
      console.log(
        `${signal}: ${signals === 1 ? "finishing" : "handing back"} ${worker.running} running tasks`,
      );
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

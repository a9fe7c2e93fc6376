/** Stopping a process where it is. @module */
import type { WorkerProcess } from "./processes.ts";
import type { Round } from "./round.ts";

/** Freezes a worker, and thaws it when `meanwhile` is over. */
export async function freeze(
  round: Round,
  worker: WorkerProcess,
  meanwhile: () => Promise<void>,
): Promise<void> {
  worker.signal("SIGSTOP");
  try {
    await meanwhile();
  } finally {
    worker.signal("SIGCONT");
  }
  round.happened("frozen");
}

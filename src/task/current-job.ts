/** Which job the code is running in, so that what it enqueues knows its parent. @module */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Job } from "./job.ts";

const current = new AsyncLocalStorage<Job>();

/** The job whose handler this is called from. */
export function currentJob(): Job | undefined {
  return current.getStore();
}

/** Runs a job's handler. */
export function inJob<Result>(job: Job, run: () => Result): Result {
  return current.run(job, run);
}

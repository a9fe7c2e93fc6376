/**
 * Stamps, as a handler sees them.
 *
 * @module
 */
import type { Job } from "../../../task/job.ts";
import { headersOfJob } from "../../../task/make-job.ts";
import { isObject } from "../protocol/malformed.ts";
import { invalid } from "./elements.ts";
import type { Stamps } from "./types.ts";

/**
 * The stamps of the task that a handler, or a middleware around it, runs: `request.stamps` of Python's. Whoever has built
 * the canvas has put them there, so check what you rely on. None where it was not stamped, on other engines, and of a job
 * that no worker has made.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for what is no job
 *
 * @example
 * app.task("posts.index", async (id: number, job) => index(id, { tenant: stampsOf(job)["tenant"] }));
 */
export function stampsOf(job: Pick<Job, "id">): Stamps {
  if (typeof job !== "object" || (job as unknown) === null)
    throw invalid("stampsOf()", "given the job of a handler", job);
  const celery = headersOfJob(job)?.["celery"];
  const stamps = isObject(celery) ? celery["stamps"] : undefined;
  return isObject(stamps) ? (stamps as Stamps) : {};
}

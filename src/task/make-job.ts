/** The job of a run. @module */
import type { Delivery } from "../engine.ts";
import { PetioleError, describe } from "../errors.ts";
import type { Job } from "./job.ts";
import type { Reporter } from "./reporter.ts";
import type { RunBounds } from "./run-bounds.ts";
import type { TaskRows } from "./task-rows.ts";

/** Makes what a handler is given beside its payload. */
export function makeJob(
  { message, attempts }: Delivery,
  task: string,
  rows: TaskRows,
  bounds: Pick<RunBounds, "signal">,
  reporter: Reporter,
): Job {
  const { id, queue, headers } = message;
  const { parent, root } = headers;
  return {
    id,
    task,
    queue,
    attempt: attempts + 1,
    parent: typeof parent === "string" ? parent : undefined,
    root: typeof root === "string" ? root : id,
    get signal() {
      return bounds.signal;
    },
    modelOf(row: object): never {
      const model = rows.modelOf(row);
      if (model !== undefined) return model as never;
      throw new PetioleError(
        "ERR_MODEL_UNKNOWN",
        `job.modelOf() of task ${task} was given ${describe(row)}, which did not arrive as a reference.`,
      );
    },
    isModel: (row: object, name: string): row is never => rows.modelOf(row) === name,
    drift: (row) => rows.drift(row),
    progress: (fraction, note) => reporter.progress(fraction, note),
    log: (text) => reporter.log(text),
  };
}

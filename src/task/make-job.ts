/** The job of a run. @module */
import type { Delivery } from "../engine.ts";
import { PetioleError, describe } from "../errors.ts";
import type { Job } from "./job.ts";
import type { Reporter } from "./reporter.ts";
import type { RunBounds } from "./run-bounds.ts";
import type { TaskRows } from "./task-rows.ts";

/** Makes what a handler is given beside its payload. */
export function makeJob(
  delivery: Delivery,
  task: string,
  rows: TaskRows,
  bounds: Pick<RunBounds, "signal">,
  reporter: Reporter,
): Job {
  return new RunningJob(delivery, task, rows, bounds, reporter);
}

/**
 * A class for the sake of its getter: one in an object literal gives each object a hidden class of its own, and that keeps
 * alive all that the getter sees, the whole run, until the garbage collector looks through all memory.
 */
class RunningJob implements Job {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly attempt: number;
  readonly parent: string | undefined;
  readonly root: string;
  readonly modelOf: Job["modelOf"];
  readonly isModel: Job["isModel"];
  readonly drift: Job["drift"];
  readonly progress: Job["progress"];
  readonly log: Job["log"];
  readonly #bounds: Pick<RunBounds, "signal">;

  constructor(
    { message, attempts }: Delivery,
    task: string,
    rows: TaskRows,
    bounds: Pick<RunBounds, "signal">,
    reporter: Reporter,
  ) {
    const { id, queue, headers } = message;
    const { parent, root } = headers;
    this.id = id;
    this.task = task;
    this.queue = queue;
    this.attempt = attempts + 1;
    this.parent = typeof parent === "string" ? parent : undefined;
    this.root = typeof root === "string" ? root : id;
    this.#bounds = bounds;
    // Properties, so that a handler may take them off the job.
    this.modelOf = (row: object): never => {
      const model = rows.modelOf(row);
      if (model !== undefined) return model as never;
      throw new PetioleError(
        "ERR_MODEL_UNKNOWN",
        `job.modelOf() of task ${task} was given ${describe(row)}, which did not arrive as a reference.`,
      );
    };
    this.isModel = (row: object, name: string): row is never => rows.modelOf(row) === name;
    this.drift = (row) => rows.drift(row);
    this.progress = (fraction, note) => reporter.progress(fraction, note);
    this.log = (text) => reporter.log(text);
  }

  get signal(): AbortSignal {
    return this.#bounds.signal;
  }
}

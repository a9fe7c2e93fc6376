/** The job of a run. @module */
import type { Delivery } from "../engine.ts";
import { PetioleError, describe } from "../errors.ts";
import type { MessageHeaders } from "../message.ts";
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
  return new RunJob(delivery, task, rows, bounds, reporter);
}

/** What travels beside the payload of a job's task; undefined of one that no worker has made. */
export function headersOfJob(job: object): MessageHeaders | undefined {
  return RunJob.headersOf(job);
}

/**
 * What it can do is made when it is asked for, so that a handler may take it out of the job: `({ log }) => …`.
 *
 * No object is written with a getter of its own, nor with functions in the fields of a class: V8 gives each such object
 * a hidden class, which keeps alive what they see, the whole run, until all memory is looked through.
 */
class RunJob implements Job {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly attempt: number;
  readonly parent: string | undefined;
  readonly root: string;
  readonly #headers: MessageHeaders;
  readonly #rows: TaskRows;
  readonly #bounds: Pick<RunBounds, "signal">;
  readonly #reporter: Reporter;

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
    this.#headers = headers;
    this.#rows = rows;
    this.#bounds = bounds;
    this.#reporter = reporter;
  }

  static headersOf(job: object): MessageHeaders | undefined {
    return #headers in job ? job.#headers : undefined;
  }

  get signal(): AbortSignal {
    return this.#bounds.signal;
  }

  get modelOf() {
    return (row: object): never => {
      const model = this.#rows.modelOf(row);
      if (model !== undefined) return model as never;
      throw new PetioleError(
        "ERR_MODEL_UNKNOWN",
        `job.modelOf() of task ${this.task} was given ${describe(row)}, which did not arrive as a reference.`,
      );
    };
  }

  get isModel() {
    return (row: object, name: string): row is never => this.#rows.modelOf(row) === name;
  }

  get drift(): Job["drift"] {
    return (row) => this.#rows.drift(row);
  }

  get progress(): Job["progress"] {
    return (fraction, note) => this.#reporter.progress(fraction, note);
  }

  get log(): Job["log"] {
    return (text) => this.#reporter.log(text);
  }
}

/** The job: what a handler is told beside its payload. @module */
import type { ModelNamesOf } from "./portable.ts";

/** One run of a task, as its handler sees it. `Rows` maps the app's model names to their rows. */
export interface Job<Rows = object> {
  readonly id: string;
  /** The task's name. */
  readonly task: string;
  readonly queue: string;
  /** Which attempt this is; 1 for the first. */
  readonly attempt: number;
  /** Aborts when the task's `timeout` is over, or when the worker must stop now. Pass it on to what you await. */
  readonly signal: AbortSignal;

  /**
   * The name of the model that a row of the payload belongs to.
   *
   * @throws PetioleError `ERR_MODEL_UNKNOWN` for an object that did not arrive as a reference
   */
  modelOf<Row extends object>(row: Row): ModelNamesOf<Rows, Row>;

  /**
   * Whether a row of the payload belongs to a model; narrows its type.
   *
   * @example
   * if (job.isModel(post, "qa.Comment")) notify(post.commentOn);
   */
  isModel<Name extends keyof Rows & string>(row: object, name: Name): row is Extract<Rows[Name], object>;
}

/** The job: what a handler is told beside its payload, and what it can tell. @module */
import type { FieldChange } from "../wire/snapshot.ts";
import type { ModelNamesOf } from "./portable.ts";

/** One run of a task, as its handler sees it. `Rows` maps the app's model names to their rows. */
export interface Job<Rows = object> {
  /** The task's id: the same in every run, so that it serves as an idempotency key. */
  readonly id: string;
  /** The task's name, also where it was sent under one that the task had before. */
  readonly task: string;
  /** The queue that it was taken from. */
  readonly queue: string;
  /** Which attempt this is; 1 for the first. */
  readonly attempt: number;
  /** The id of the task whose handler enqueued this one; undefined when none did. */
  readonly parent: string | undefined;
  /** The id of the task that it all began with: its own when it has no parent. */
  readonly root: string;
  /**
   * Aborts when the task's `timeout` is over, when it is cancelled, when its lease is lost, or when the worker
   * must stop now. Pass it on to what you await.
   */
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

  /**
   * The fields in which a row differs from what it was when the task was sent, before and after. Its reference must
   * have been sent with its fields: `ref(table, row, { drift: true })`, or `drift: true` on the task.
   *
   * @throws PetioleError `ERR_MODEL_UNKNOWN` for a row that was not
   *
   * @example
   * for (const { field, before, after } of job.drift(post)) job.log(`${field}: ${before} → ${after}`);
   */
  drift(row: object): readonly FieldChange[];

  /**
   * Tells how far the run has come, to `handle.progress()` in any process. It does not wait: of several in a
   * row the last is told.
   *
   * @param fraction - from 0 to 1
   * @throws PetioleError `ERR_OPTION_INVALID`
   */
  progress(fraction: number, note?: string): void;

  /** Keeps a line with the task, for whoever looks at it. Of a task's lines the latest 1,000 are kept. */
  log(text: string): void;
}

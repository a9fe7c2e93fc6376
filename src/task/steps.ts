/** Steps: what `app.chain` and `app.group` are given, made alike and checked. @module */
import type { AppContext } from "./app-context.ts";
import type { EnqueueOptions } from "./options.ts";
import { optionError } from "./options.ts";
import { Signature, TaskWith, type SignedTask, type StepOptions } from "./signature.ts";
import { Task } from "./task.ts";

/** One step. */
export interface Step {
  readonly task: SignedTask;
  readonly options: StepOptions;
  /** Its own payload. */
  readonly given?: { readonly payload: unknown };
}

/**
 * A task, with options or not, or a signature, as a step; undefined for anything else.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for a task of another app
 */
export function stepOf(value: unknown, where: string, context: AppContext): Step | undefined {
  let step: Step | undefined;
  if (value instanceof Task) step = { task: value, options: {} };
  if (value instanceof TaskWith) step = { task: value.task, options: value.options };
  if (value instanceof Signature)
    step = { task: value.task, options: value.options, given: { payload: value.payload } };
  if (step && context.tasks.get(step.task.name) !== step.task)
    throw optionError(where, "be of this app", `task ${step.task.name} of another`);
  return step;
}

/**
 * Refuses options that are not among those of the whole.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 */
export function checkWholeOptions(
  options: Readonly<Partial<Record<keyof EnqueueOptions, unknown>>>,
  allowed: readonly (keyof EnqueueOptions)[],
  whole: string,
): void {
  if (typeof options !== "object" || options === null)
    throw optionError(`The options of ${whole}`, "be an object", options);
  const other = Object.entries(options).find(
    ([name, value]) => value !== undefined && !(allowed as readonly string[]).includes(name),
  );
  if (other === undefined) return;
  throw optionError(
    `The options of ${whole}`,
    `be among ${allowed.join(", ")} (give those of one task with task.with(options) or task.signature(payload, options))`,
    other[0],
  );
}

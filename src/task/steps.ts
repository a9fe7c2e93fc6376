/** Steps: what `app.chain` and `app.group` are given, made alike and checked. @module */
import type { AppContext } from "./app-context.ts";
import { checkSendOptions, type NamesOf } from "./option-names.ts";
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
export function checkWholeOptions<Options extends EnqueueOptions>(
  whole: string,
  options: Options,
  names: NamesOf<Options>,
): void {
  const advice = " (give those of one task with task.with(options) or task.signature(payload, options))";
  checkSendOptions(whole, options, names, advice);
}

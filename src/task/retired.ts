/** Tasks that are gone on purpose. @module */
import type { Settlement, Lease } from "../engine.ts";
import { checkNames } from "../errors.ts";
import { optionError, queueName } from "./options.ts";

/** What becomes of a task that is gone. */
export interface RetiredTaskOptions {
  /** How one that is still under way ends: `"fail"` unless told, or `"discard"`. */
  readonly outcome?: "fail" | "discard";
  /** The queue that it was sent to. That of the app's `defaults` unless told, or `"default"`. */
  readonly queue?: string;
}

/** {@link RetiredTaskOptions} with everything decided. */
export type RetiredTask = Required<RetiredTaskOptions>;

/** @throws PetioleError `ERR_OPTION_INVALID` */
export function retiredTask(name: string, options: RetiredTaskOptions, queue = "default"): RetiredTask {
  checkNames(`The options of the retired task ${name}`, options, { outcome: true, queue: true });
  const { outcome = "fail" } = options;
  if (outcome !== "fail" && outcome !== "discard")
    throw optionError(`outcome of the retired task ${name}`, 'be "fail" or "discard"', outcome);
  return { outcome, queue: queueName(options.queue ?? queue) };
}

/** How a task ends that is retired. */
export function retirement({ outcome }: RetiredTask, name: string, lease: Lease): Settlement {
  const reason = { code: "ERR_TASK_RETIRED", message: `task ${name} is retired: it is not run any more` };
  return { kind: outcome, lease, reason };
}

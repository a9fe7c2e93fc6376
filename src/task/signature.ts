/** A task with what it is to be given, not sent yet: what chains and groups are made of. @module */
import { checkSendOptions, stepNames } from "./option-names.ts";
import type { EnqueueOptions, TaskSettings } from "./options.ts";

declare const result: unique symbol;
declare const payload: unique symbol;

/** Options of one step: of one send, but for the transaction, which `enqueue` of the whole is given. */
export type StepOptions = Omit<EnqueueOptions, "transaction">;

/** What of a task its signatures keep. */
export interface SignedTask {
  readonly name: string;
  readonly settings: TaskSettings;
}

/**
 * A task with its payload. Made by `task.signature`.
 *
 * In a chain it is a step that does not look at the result of the one before. The payload is checked and encoded when it
 * is sent, so it may be changed until then.
 *
 * `Result` is what the task's handler returns.
 */
export class Signature<Result = unknown> {
  declare readonly [result]?: Result;
  readonly task: SignedTask;
  readonly payload: unknown;
  readonly options: StepOptions;

  /**
   * Made by `task.signature` alone.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for a transaction among the options
   */
  constructor(task: SignedTask, given: unknown, options: StepOptions = {}) {
    this.task = task;
    this.payload = given;
    this.options = checkedStepOptions(options, `the signature of task ${task.name}`);
  }
}

/**
 * A task with options, whose payload is the result of the step before it. Made by `task.with`.
 *
 * `Payload` is what it takes, as `enqueue` does; `Result` what the task's handler returns.
 */
export class TaskWith<Payload = never, Result = unknown> {
  declare readonly [payload]?: (taken: Payload) => void;
  declare readonly [result]?: Result;
  readonly task: SignedTask;
  readonly options: StepOptions;

  /**
   * Made by `task.with` alone.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for a transaction among the options
   */
  constructor(task: SignedTask, options: StepOptions) {
    this.task = task;
    this.options = checkedStepOptions(options, `with() of task ${task.name}`);
  }
}

/** @throws PetioleError `ERR_OPTION_INVALID` */
function checkedStepOptions(options: StepOptions, what: string): StepOptions {
  const advice = " (a transaction: give it to enqueue() of the chain or group, which is sent as a whole)";
  checkSendOptions(what, options, stepNames, advice);
  return options;
}

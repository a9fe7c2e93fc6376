/** The names that options have, and the check that there are no others. @module */
import { checkNames, checkOption } from "../errors.ts";
import { isRecord } from "../wire/tag.ts";
import type { EnqueueOptions, GeneralTaskOptions, RateLimit, RetryOptions, TaskOptions } from "./options.ts";

/** The names of an interface, all of them. */
export type NamesOf<Options> = Readonly<Record<keyof Options, true>>;

const retryNames: NamesOf<RetryOptions> = {
  attempts: true,
  delay: true,
  factor: true,
  maxDelay: true,
  jitter: true,
};

const rateNames: NamesOf<RateLimit> = { limit: true, per: true };

const generalNames: NamesOf<GeneralTaskOptions> = {
  queue: true,
  priority: true,
  expires: true,
  retry: true,
  retryOn: true,
  discardOn: true,
  timeout: true,
  ifMissing: true,
  waitFor: true,
  ifChanged: true,
  drift: true,
  unknownFields: true,
  keep: true,
};

const taskNames: NamesOf<TaskOptions> = {
  ...generalNames,
  concurrency: true,
  rate: true,
  unique: true,
  schema: true,
  version: true,
  upgrade: true,
  aliases: true,
};

const sendNames: NamesOf<EnqueueOptions> = {
  delay: true,
  runAt: true,
  queue: true,
  priority: true,
  expires: true,
  unique: true,
  headers: true,
  transaction: true,
};

/** Those of a step of a chain, or a member of a group. */
export const { transaction: _, ...stepNames } = sendNames;

/** @throws PetioleError `ERR_OPTION_INVALID` for an app's `defaults` that are no object, or have other names */
export function checkDefaults(defaults: GeneralTaskOptions): void {
  checkNames("defaults", defaults, generalNames);
  if (defaults.retry !== undefined) checkNames("retry of defaults", defaults.retry, retryNames);
}

/** @throws PetioleError `ERR_OPTION_INVALID` for options of a task that are no object, or have other names */
export function checkTaskNames(task: string, options: Pick<TaskOptions, "retry" | "rate">): void {
  checkNames(`The options of task ${task}`, options, taskNames);
  const { retry, rate } = options;
  if (retry !== undefined) checkNames(`retry of task ${task}`, retry, retryNames);
  if (rate !== undefined) checkNames(`rate of task ${task}`, rate, rateNames);
}

/**
 * Checks options of a send, a step, a chain or a group.
 *
 * @param names those of them that it takes
 * @param advice what to do with the others
 * @throws PetioleError `ERR_OPTION_INVALID` for what is no object, other names, and headers that are no object
 */
export function checkSendOptions(
  whose: string,
  options: EnqueueOptions,
  names: Partial<typeof sendNames> = sendNames,
  advice = "",
): void {
  checkNames(`The options of ${whose}`, options, names, advice);
  const { headers } = options;
  checkOption(headers === undefined || isRecord(headers), "headers", "an object", headers);
}

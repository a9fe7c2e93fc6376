/** What follows a run that ended badly. @module */
import type { Delivery, Settlement } from "../engine.ts";
import type { ErrorMatch, TaskSettings } from "./options.ts";
import { reasonOfThrown } from "./reason.ts";

/** How the worker settles a claim whose handler threw. */
export function afterFailure(
  delivery: Delivery,
  error: unknown,
  settings: TaskSettings,
  now: number,
): Settlement {
  const { lease } = delivery;
  if (matches(error, settings.discardOn)) {
    return { kind: "discard", lease, reason: reasonOfThrown(error, "ERR_TASK_DISCARDED") };
  }
  const reason = reasonOfThrown(error);
  const attempts = delivery.attempts + 1;
  const another = attempts < settings.attempts && (!settings.retryOn || matches(error, settings.retryOn));
  if (!another) return { kind: "fail", lease, reason };
  return { kind: "retryAt", lease, at: now + backoff(attempts, settings), reason };
}

/**
 * How long to wait after the `attempts`th attempt: exponential, with jitter taken off, so that tasks that
 * failed together do not come back together.
 */
export function backoff(
  attempts: number,
  { delay, factor, maxDelay, jitter }: Pick<TaskSettings, "delay" | "factor" | "maxDelay" | "jitter">,
  random: number = Math.random(),
): number {
  const full = Math.min(maxDelay, delay * factor ** (attempts - 1));
  return full * (1 - jitter * random);
}

/** Between tries to reach a database: from half a second to half a minute, for as long as it takes. */
export const deferral = { delay: 500, factor: 2, maxDelay: 30_000, jitter: 0.5 } as const;

function matches(error: unknown, rules: readonly ErrorMatch[]): boolean {
  return rules.some((rule) =>
    isClass(rule) ? error instanceof rule : (rule as (error: unknown) => boolean)(error),
  );
}

/** Classes and functions are told apart by the prototype that only a class's is locked to. */
function isClass(rule: ErrorMatch): rule is abstract new (...parameters: never) => object {
  const prototype = Object.getOwnPropertyDescriptor(rule, "prototype");
  return prototype !== undefined && (prototype.writable === false || rule.prototype instanceof Error);
}

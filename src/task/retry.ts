/** What follows a run that ended badly. @module */
import type { Delivery, Settlement } from "../engine.ts";
import type { ErrorMatch, TaskSettings } from "./options.ts";
import { PetioleError, attempt, messageOf } from "../errors.ts";
import { reasonOfThrown } from "./reason.ts";

/**
 * How the worker settles a claim whose handler threw. A rule that throws fails the task: what it would have
 * decided is not known.
 */
export function afterFailure(
  delivery: Delivery,
  error: unknown,
  settings: TaskSettings,
  now: number,
): Settlement {
  const { lease } = delivery;
  const reason = reasonOfThrown(error, isTimeout(error) ? "ERR_TASK_TIMEOUT" : "ERR_TASK_FAILED");
  try {
    if (matches(error, settings.discardOn)) {
      return { kind: "discard", lease, reason: { ...reason, code: "ERR_TASK_DISCARDED" } };
    }
    const attempts = delivery.attempts + 1;
    const another = attempts < settings.attempts && (!settings.retryOn || matches(error, settings.retryOn));
    if (!another) return { kind: "fail", lease, reason };
    return { kind: "retryAt", lease, at: now + backoff(attempts, settings), reason };
  } catch (thrown) {
    const message = `${reason.message}; and a rule of retryOn or discardOn threw: ${messageOf(thrown)}`;
    return { kind: "fail", lease, reason: { ...reason, message } };
  }
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
  // After a thousand attempts the factor is infinite, and infinitely many times no delay is no number.
  const full = delay === 0 ? 0 : Math.min(maxDelay, delay * factor ** (attempts - 1));
  return full * (1 - jitter * random);
}

/** Between tries to reach a database: half a second at first, half a minute at most, jitter taken off, for as long as it takes. */
export const deferral = { delay: 500, factor: 2, maxDelay: 30_000, jitter: 0.5 } as const;

function isTimeout(error: unknown): boolean {
  // What a handler throws may be a proxy that throws in turn.
  return attempt(() => error instanceof PetioleError && error.code === "ERR_TASK_TIMEOUT") === true;
}

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

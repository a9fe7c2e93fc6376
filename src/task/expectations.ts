/**
 * What becomes of a task whose rows are not as it expects: missing, or changed since it was sent. A reference's own
 * expectations come before the task's.
 *
 * @module
 */
import type { Delivery, Reason, Settlement } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import type { Reference } from "../wire/reference.ts";
import type { TaskSettings } from "./options.ts";
import { reasonOf } from "./reason.ts";
import { backoff } from "./retry.ts";
import { keyText, missingError, type TaskRows } from "./task-rows.ts";

/** Between looks for a row that is not visible yet. */
const waiting = { delay: 100, factor: 2, maxDelay: 10_000, jitter: 0.5 } as const;

/**
 * The end, or the deferral, of a task whose rows are not as expected; undefined when it runs. Of several rows, what
 * fails the task comes first, then what it waits for, then what skips it.
 */
export function disappointment(
  delivery: Delivery,
  rows: TaskRows,
  settings: TaskSettings,
  now: number,
): Settlement | undefined {
  if (rows.missing.length === 0 && rows.changed.length === 0) return undefined;
  const { lease } = delivery;
  const missing = byOutcome(rows.missing, ({ details }) => details?.ifMissing ?? settings.ifMissing);
  const changed = byOutcome(rows.changed, ({ details }) => details?.ifChanged ?? settings.ifChanged);
  const failing = missing.get("fail") ?? changed.get("fail");
  if (failing) {
    const isMissing = missing.has("fail");
    return { kind: "fail", lease, reason: isMissing ? missingReason(failing) : changedReason(failing) };
  }
  const awaited = missing.get("wait");
  if (awaited) return wait(delivery, missingReason(awaited), settings, now);
  const skipping = missing.get("skip");
  if (skipping) return { kind: "skip", lease, reason: missingReason(skipping) };
  const outdated = changed.get("skip");
  return outdated && { kind: "skip", lease, reason: changedReason(outdated) };
}

/** For each outcome, the first reference that has it. */
function byOutcome<Outcome>(
  references: readonly Reference[],
  outcomeOf: (reference: Reference) => Outcome,
): Map<Outcome, Reference> {
  const outcomes = new Map<Outcome, Reference>();
  for (const reference of references) {
    const outcome = outcomeOf(reference);
    if (!outcomes.has(outcome)) outcomes.set(outcome, reference);
  }
  return outcomes;
}

function wait(delivery: Delivery, reason: Reason, settings: TaskSettings, now: number): Settlement {
  const { lease, deferrals, deferredAt } = delivery;
  const until = (deferredAt ?? now) + settings.waitFor;
  if (now >= until) {
    const message = `${reason.message}; it was waited for ${settings.waitFor} ms`;
    return { kind: "fail", lease, reason: { ...reason, message } };
  }
  return { kind: "defer", lease, at: Math.min(until, now + backoff(deferrals + 1, waiting)), reason };
}

function missingReason(reference: Reference): Reason {
  return reasonOf(missingError(reference));
}

function changedReason(reference: Reference): Reason {
  const error = new PetioleError(
    "ERR_ROW_CHANGED",
    `the ${reference.model} with the key ${keyText(reference.pk)} has changed since the task was sent`,
  );
  return reasonOf(error);
}

/**
 * Ending claims.
 *
 * @module
 */
import { endOf, type Settlement } from "../../engine.ts";
import type { Entry } from "./entry.ts";
import type { Store } from "./store.ts";

/** Ends the claim of a task as a {@link Settlement} says. */
export function settle(store: Store, entry: Entry, settlement: Settlement): void {
  const { cancelled } = entry;
  store.stopRunning(entry);
  if (settlement.kind === "complete" || settlement.kind === "fail") entry.attempts += 1;
  if (settlement.kind === "complete") {
    entry.reason = undefined;
    entry.result = settlement.result;
    store.end(entry, "succeeded", settlement.keep);
  } else if (settlement.kind in endOf) {
    const { kind, reason, keep, needs } = settlement as Extract<Settlement, { kind: keyof typeof endOf }>;
    if (needs !== undefined && cancelled !== undefined) return callOff(store, entry, cancelled);
    entry.reason = JSON.stringify(reason);
    store.end(entry, endOf[kind], keep);
    if (kind === "park" && needs !== undefined) store.leave(entry, needs);
  } else {
    again(store, entry, settlement as Again, cancelled);
  }
}

type Again = Extract<Settlement, { kind: "retryAt" | "defer" | "release" }>;

/** Another run shall follow; not if the task was cancelled meanwhile. */
function again(store: Store, entry: Entry, settlement: Again, cancelled: string | undefined): void {
  const isUnused =
    settlement.kind === "defer" || (settlement.kind === "release" && settlement.unused === true);
  if (isUnused) store.lanes.giveBack(entry.lane, entry.startedAt);
  if (settlement.kind === "retryAt") {
    entry.attempts += 1;
    entry.deferrals = 0;
    entry.deferredAt = undefined;
  }
  if (cancelled !== undefined) return callOff(store, entry, cancelled);
  if (settlement.kind === "release") {
    store.enqueue(entry, entry.runAt, entry.runAt);
    return;
  }
  if (settlement.kind === "defer") {
    entry.deferrals += 1;
    entry.deferredAt ??= store.now();
  }
  entry.reason = JSON.stringify(settlement.reason);
  store.enqueue(entry, settlement.at);
}

/** Another run would follow, but it was cancelled meanwhile. */
function callOff(store: Store, entry: Entry, why: string): void {
  entry.reason = why;
  store.end(entry, "cancelled");
}

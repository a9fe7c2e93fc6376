/**
 * What people do with tasks: list, count, retry, discard, cancel.
 *
 * @module
 */
import type { ListRequest, QueueCount, Reason, TaskPage, TaskState } from "../../engine.ts";
import { recordOf } from "./entry.ts";
import type { Store } from "./store.ts";

/** See {@link Engine.list}. */
export function list(store: Store, { states, queue, task, limit = 100, after = "0" }: ListRequest): TaskPage {
  const found = [...store.all()].filter(
    ({ sequence, state, message }) =>
      sequence > Number(after) &&
      (states === undefined || states.includes(state)) &&
      (queue === undefined || queue === message.queue) &&
      (task === undefined || task === message.task),
  );
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const records = page.map(recordOf);
  return found.length > limit && last !== undefined ? { records, next: String(last.sequence) } : { records };
}

/** See {@link Engine.counts}. */
export function counts(store: Store): QueueCount[] {
  const counted = new Map<string, { queue: string; state: TaskState; count: number }>();
  for (const { message, state } of store.all()) {
    const key = `${state} ${message.queue}`;
    const count = counted.get(key) ?? { queue: message.queue, state, count: 0 };
    count.count += 1;
    counted.set(key, count);
  }
  return [...counted.values()];
}

/** See {@link Engine.retry}. */
export function retry(store: Store, ids: readonly string[]): number {
  const entries = store.among(ids, ["failed", "parked", "skipped", "discarded", "expired", "cancelled"]);
  for (const entry of entries) store.restart(entry);
  return entries.length;
}

/** See {@link Engine.discard}. */
export function discard(store: Store, ids: readonly string[], reason: Reason): number {
  const entries = store.among(ids, ["scheduled", "waiting", "failed", "parked"]);
  for (const entry of entries) {
    store.pending.remove(entry);
    entry.reason = JSON.stringify(reason);
    store.end(entry, "discarded");
  }
  return entries.length;
}

/** See {@link Engine.cancel}. */
export function cancel(store: Store, ids: readonly string[], reason: Reason): number {
  const text = JSON.stringify(reason);
  const entries = store
    .among(ids, ["scheduled", "waiting", "running", "parked"])
    .filter((entry) => entry.cancelled === undefined && (entry.state !== "parked" || store.left.has(entry)));
  for (const entry of entries) {
    if (entry.state === "running") {
      entry.cancelled = text;
      store.audience.marked(entry);
    } else {
      store.pending.remove(entry);
      entry.reason = text;
      store.end(entry, "cancelled");
    }
  }
  return entries.length;
}

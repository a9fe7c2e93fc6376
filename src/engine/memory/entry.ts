/**
 * One task in memory.
 *
 * @module
 */
import { endStates } from "../../engine.ts";
import type { LogLine, Outgoing, Progress, Reason, TaskRecord, TaskState, UniqueKey } from "../../engine.ts";
import type { Message, MessageHeaders } from "../../message.ts";

/** A task. Headers and reasons are kept as text, so that nobody can change them from outside. */
export interface Entry {
  readonly sequence: number;
  readonly message: Omit<Message, "headers">;
  readonly headers: string;
  readonly sentAt: number;
  readonly priority: number;
  readonly lane: string;
  readonly unique: UniqueKey | undefined;
  /** Ids of duplicates that answer for this task. */
  readonly aliases: string[];
  /** What its handler logged. */
  lines: LogLine[];
  state: TaskState;
  runAt: number;
  attempts: number;
  crashes: number;
  deferrals: number;
  deferredAt?: number | undefined;
  token?: string | undefined;
  leaseUntil: number;
  startedAt?: number | undefined;
  endedAt?: number | undefined;
  /** When it may be removed; Infinity while it is on the way, and for what is kept for good. */
  removeAt: number;
  worker?: string | undefined;
  reason?: string | undefined;
  /** While it is parked: what a worker must know to run it. */
  needs?: readonly string[] | undefined;
  /** Why it was cancelled while it runs. */
  cancelled?: string | undefined;
  result?: string | undefined;
  progress?: Progress | undefined;
}

/** A task that was just sent. Throws when its headers are no JSON. */
export function newEntry(sequence: number, outgoing: Outgoing, now: number): Entry {
  const { id, task, queue, payload, headers } = outgoing.message;
  return {
    sequence,
    message: { id, task, queue, payload },
    headers: JSON.stringify(headers),
    sentAt: now,
    priority: outgoing.priority ?? 0,
    lane: outgoing.lane ?? "",
    unique: outgoing.unique && { ...outgoing.unique },
    aliases: [],
    lines: [],
    state: "waiting",
    runAt: now,
    attempts: 0,
    crashes: 0,
    deferrals: 0,
    leaseUntil: 0,
    removeAt: Infinity,
  };
}

/** Whether a state is an end. */
export function isEnd(state: TaskState): boolean {
  return (endStates as readonly TaskState[]).includes(state);
}

/** The message, as it was sent. */
export function messageOf(entry: Entry): Message {
  return { ...entry.message, headers: JSON.parse(entry.headers) as MessageHeaders };
}

/** Everything about the task. */
export function recordOf(entry: Entry): TaskRecord {
  const { state, attempts, crashes, deferrals, priority, sentAt, runAt } = entry;
  const { startedAt, endedAt, worker, reason, result, progress } = entry;
  return {
    message: messageOf(entry),
    state,
    attempts,
    crashes,
    deferrals,
    priority,
    sentAt,
    runAt,
    ...(startedAt !== undefined && { startedAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(worker !== undefined && { worker }),
    ...(reason !== undefined && { reason: JSON.parse(reason) as Reason }),
    ...(result !== undefined && { result }),
    ...(progress !== undefined && { progress: { ...progress } }),
  };
}

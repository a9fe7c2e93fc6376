/**
 * One task in memory.
 *
 * @module
 */
import { endStates } from "../../engine.ts";
import type { Outgoing, Reason, TaskRecord, TaskState } from "../../engine.ts";
import type { Message, MessageHeaders } from "../../message.ts";

/** A task. Headers and reason are kept as text, so that nobody can change them from outside. */
export interface Entry {
  readonly sequence: number;
  readonly message: Omit<Message, "headers">;
  readonly headers: string;
  readonly sentAt: number;
  state: TaskState;
  runAt: number;
  attempts: number;
  crashes: number;
  deferrals: number;
  token?: string | undefined;
  leaseUntil: number;
  startedAt?: number | undefined;
  endedAt?: number | undefined;
  worker?: string | undefined;
  reason?: string | undefined;
  result?: string | undefined;
}

/** A task that was just sent. Throws when its headers are no JSON. */
export function newEntry(sequence: number, { message }: Outgoing, now: number): Entry {
  const { id, task, queue, payload, headers } = message;
  return {
    sequence,
    message: { id, task, queue, payload },
    headers: JSON.stringify(headers),
    sentAt: now,
    state: "waiting",
    runAt: now,
    attempts: 0,
    crashes: 0,
    deferrals: 0,
    leaseUntil: 0,
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
  const { state, attempts, crashes, deferrals, sentAt, runAt } = entry;
  const { startedAt, endedAt, worker, reason, result } = entry;
  return {
    message: messageOf(entry),
    state,
    attempts,
    crashes,
    deferrals,
    sentAt,
    runAt,
    ...(startedAt !== undefined && { startedAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(worker !== undefined && { worker }),
    ...(reason !== undefined && { reason: JSON.parse(reason) as Reason }),
    ...(result !== undefined && { result }),
  };
}

/**
 * The Engine interface: what `task/` asks of whatever stores and hands out messages.
 *
 * Glossary. A *message* is a task on its way. A worker *claims* messages and holds a *lease* on each:
 * a time until which nobody else gets it, extended by *heartbeats*. Ending a claim is *settling* it.
 * An *attempt* is a run that ended; a lease that ran out is a *crash* and counts apart. A settlement
 * whose lease was lost meanwhile is *fenced*: refused, because another worker has the task now.
 *
 * An engine decides nothing about retries: the worker loop does, and says so in a {@link Settlement}.
 *
 * @module
 */
import type { Json, Message } from "./message.ts";

/** What an engine can do, as data. Asking for what it cannot do is an error that says so. */
export interface Capabilities {
  /** Messages survive the end of every process. */
  readonly durable: boolean;
  /** Several processes may use the same queues at once. */
  readonly shared: boolean;
}

/** Where a task is. The first three are on the way, the others are ends. */
export type TaskState =
  | "scheduled" // waiting for its time: delayed, or to be retried
  | "waiting" // ready for the next free worker
  | "running" // leased to a worker
  | "succeeded"
  | "failed" // its last attempt failed; kept until a person retries or discards it
  | "parked" // could not be run as it is (undecodable, unknown task or type, crashed too often); kept
  | "skipped" // not run, as declared: a row that is gone
  | "discarded"; // given up, as declared by `discardOn` or by a person

/** The states that are ends. */
export const endStates = [
  "succeeded",
  "failed",
  "parked",
  "skipped",
  "discarded",
] as const satisfies TaskState[];

/** Why a task is where it is: structured, so that a dashboard can show it and a program can read it. */
export interface Reason {
  /** A stable code, from `errors.ts` where the reason is ours. */
  readonly code: string;
  /** For a person. */
  readonly message: string;
  /** What else is known: the thrown error's class and stack, the path, the missing key, … */
  readonly details?: Json;
}

/** A message to send, and the time at which it may first run (epoch milliseconds; in the past means now). */
export interface Outgoing {
  readonly message: Message;
  readonly runAt: number;
}

/** The right to run a task, until it runs out or is settled. `token` is new with every claim. */
export interface Lease {
  readonly id: string;
  readonly token: string;
}

/** A claimed message, with what has happened to it before. */
export interface Delivery {
  readonly message: Message;
  readonly lease: Lease;
  /** Runs that ended before this one; 0 the first time. */
  readonly attempts: number;
  /** Leases that ran out before this one. */
  readonly crashes: number;
  /** How often it was deferred since its last attempt. */
  readonly deferrals: number;
}

/** What to claim. */
export interface ClaimRequest {
  readonly queues: readonly string[];
  /** At most this many. */
  readonly limit: number;
  /** How long the lease lasts, in milliseconds. */
  readonly lease: number;
  /** A name for the worker, for whoever inspects the queue. */
  readonly worker: string;
}

/** How a claim ends. */
export type Settlement =
  /** It succeeded: counts the attempt that ended; `result` is wire text. */
  | { readonly kind: "complete"; readonly lease: Lease; readonly result: string }
  /** A run ended badly and another shall follow: counts an attempt, sets deferrals to 0. */
  | { readonly kind: "retryAt"; readonly lease: Lease; readonly at: number; readonly reason: Reason }
  /** It could not run yet (a database out of reach): counts a deferral, no attempt. */
  | { readonly kind: "defer"; readonly lease: Lease; readonly at: number; readonly reason: Reason }
  /** Handed back untouched, at a shutdown: ready at once, counts nothing. */
  | { readonly kind: "release"; readonly lease: Lease }
  /** An end: `fail` counts the attempt that ended, the others count nothing. Payload and reason are kept. */
  | {
      readonly kind: "fail" | "park" | "skip" | "discard";
      readonly lease: Lease;
      readonly reason: Reason;
    };

/** Everything known about one task. */
export interface TaskRecord {
  readonly message: Message;
  readonly state: TaskState;
  readonly attempts: number;
  readonly crashes: number;
  readonly deferrals: number;
  /** Epoch milliseconds, as are the other times. */
  readonly sentAt: number;
  readonly runAt: number;
  /** When the latest run began. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** The worker of the latest run. */
  readonly worker?: string;
  /** Why it was last retried or deferred, or how it ended, unless it succeeded. */
  readonly reason?: Reason;
  /** What it returned, as wire text. */
  readonly result?: string;
}

/** Which tasks to list, oldest first. */
export interface ListRequest {
  readonly states?: readonly TaskState[];
  readonly queue?: string;
  readonly task?: string;
  /** At most this many; 100 unless told. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

/** A page of tasks; `next` is there when there are more. */
export interface TaskPage {
  readonly records: readonly TaskRecord[];
  readonly next?: string;
}

/** How many tasks a queue holds in a state. */
export interface QueueCount {
  readonly queue: string;
  readonly state: TaskState;
  readonly count: number;
}

/** Stores messages and hands each to one worker at a time. */
export interface Engine {
  /** For messages to people; nothing may depend on it. */
  readonly name: string;
  readonly capabilities: Capabilities;

  /** Opens what it needs; safe to call twice. Other methods call it by themselves. */
  open(): Promise<void>;

  /**
   * Accepts all of the batch or none of it; once it resolves, none is lost. A message whose id is known
   * already is left as it is, so that a send may be repeated.
   */
  send(batch: readonly Outgoing[]): Promise<void>;

  /** Claims tasks that are ready, and tasks whose lease has run out (counting a crash). Never waits for one. */
  claim(request: ClaimRequest): Promise<readonly Delivery[]>;

  /** A heartbeat: extends the leases to `duration` milliseconds from now. Returns those that are lost. */
  extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]>;

  /** Ends claims. `false` for each whose lease was lost meanwhile: nothing was changed for it. */
  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]>;

  /**
   * Calls `listener` whenever a claim on these queues may find something: a send by any process, a
   * scheduled task's time, a lease that ran out. It may call it too often, and never misses for long.
   * Returns the function that stops it.
   */
  onReady(queues: readonly string[], listener: () => void): () => void;

  /** Everything about one task; undefined when there is none, or no more. */
  find(id: string): Promise<TaskRecord | undefined>;

  /** Resolves once the task has reached an end, or as undefined when it is not there. Rejects with the signal's reason. */
  ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined>;

  list(request: ListRequest): Promise<TaskPage>;

  counts(): Promise<readonly QueueCount[]>;

  /** Makes failed, parked, skipped or discarded tasks wait again, all counters at 0. Returns how many there were. */
  retry(ids: readonly string[]): Promise<number>;

  /** Ends scheduled, waiting, failed or parked tasks as discarded. Returns how many there were. */
  discard(ids: readonly string[], reason: Reason): Promise<number>;

  /** Lets go of everything; what was accepted stays. Further calls are refused with `ERR_ENGINE_CLOSED`. */
  close(): Promise<void>;
}

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
  /**
   * What its payloads are written in, where others than Petiole read them: see `dialect` of `createWire`. An app may
   * say otherwise. `"exact"` unless told.
   */
  readonly dialect?: "portable";
  /** What it cannot do: why, and what to do instead. */
  readonly lacks: Readonly<Partial<Record<EngineFeature, string>>>;
}

/** What some engines cannot do. */
export type EngineFeature =
  /**
   * A task that has not ended can be looked up: by `find`, `watch`, `list`, `counts`, and `ended` says of one that is not
   * there that it is not. Without it, they know of ends, and of what waits for a person (`counts` may also tell how many
   * wait); `discard` is for what failed or is parked, and `cancel` counts what it has told of.
   */
  | "records"
  /** A message whose id is known already is left as it is. Without it, a send that is repeated may send again. */
  | "knownIds"
  /** What is handed back, or was lost, keeps its place in its queue. Without it, it goes to the end. */
  | "place"
  /** How a task ended can be learned in every process. Without it, in the one that sent it. */
  | "sharedEnds"
  /** A lease outlives the connection by which it was claimed. Without it, the task is others' when that is cut. */
  | "lastingLeases"
  /** Within a queue, the higher priority runs first. */
  | "priority"
  /** A lane's limits: `concurrency` and `rate`. */
  | "limits"
  /** De-duplication keys. */
  | "uniqueKeys"
  /** All of a batch is accepted or none of it, whichever queues it is for. */
  | "atomicBatch"
  /** A queue of which nothing is taken for a while. */
  | "pause"
  /** Cancelling reaches the worker of a task that runs. */
  | "cancelRunning"
  /** What a run tells, its progress and its log, can be read while it runs. */
  | "reports"
  /** Tasks can be listed and counted. */
  | "list"
  /** A task is parked for a worker that knows what it needs. */
  | "needs"
  /** `sendWithin`: a send is part of a transaction of the user's own, in the engine's database. */
  | "sameDatabase";

/** Where a task is. The first three are on the way, the others are ends. */
export type TaskState =
  | "scheduled" // waiting for its time: delayed, or to be retried
  | "waiting" // ready for the next free worker
  | "running" // leased to a worker
  | "succeeded"
  | "failed" // its last attempt failed; kept until a person retries or discards it
  | "parked" // could not be run as it is (undecodable, unknown task or type, crashed too often); kept
  | "skipped" // not run, as declared: a row that is gone
  | "discarded" // given up, as declared by `discardOn` or by a person
  | "expired" // its time to run by was over before it ran
  | "cancelled"; // called off by whoever sent it

/** The states that are ends. */
export const endStates = [
  "succeeded",
  "failed",
  "parked",
  "skipped",
  "discarded",
  "expired",
  "cancelled",
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

/** A message to send. */
export interface Outgoing {
  readonly message: Message;
  /** When it may first run, in epoch milliseconds; in the past means now. */
  readonly runAt: number;
  /** Within a queue, the higher runs first, whatever came first. A whole number; 0 unless told. */
  readonly priority?: number;
  /**
   * A lane of its queue, for tasks on which {@link ClaimRequest.limits} may hold: those that wait for a limit
   * must not stand in the way of the others. Unless told, the lane `""`, which has no limits.
   */
  readonly lane?: string;
  /** When given, it is sent only if no other task of the same name holds the same key. */
  readonly unique?: UniqueKey;
}

/** A de-duplication key, held by one task of a name at a time. */
export interface UniqueKey {
  /** Any text. What it is compared with is the keys of tasks of the same name. */
  readonly key: string;
  /**
   * Held until this time (epoch milliseconds), whatever becomes of the holder, whose record is kept so long.
   * Unless told, until the holder ends, parked with `needs` apart; one that is retried holds it again.
   */
  readonly until?: number;
  /**
   * The duplicate's id was given out already (a send that waited for a commit): `find`, `ended` and `watch` of
   * it shall answer for the holder, for as long as the holder is kept (`logs` too).
   */
  readonly follow?: boolean;
}

/** How much of a lane may run. */
export interface LaneLimit {
  /** At most this many at once, over all workers. */
  readonly concurrency?: number;
  /** At most `limit` starts in any `per` milliseconds, over all workers. */
  readonly rate?: { readonly limit: number; readonly per: number };
}

/** The right to run a task, until it runs out or is settled. `token` is new with every claim. */
export interface Lease {
  /** The message's id. */
  readonly id: string;
  /** New with every claim. */
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
  /** When it was first deferred since its last attempt, in epoch milliseconds. */
  readonly deferredAt?: number;
  /** Somebody cancelled it while another worker had it: it is to be settled so, and not run. */
  readonly cancelled?: Reason;
}

/** SQL in an open transaction of the user's, as the user's ORM runs it. One object for each transaction or savepoint. */
export interface TransactionSql {
  /** Which SQL it understands. */
  readonly dialect: "sqlite" | "postgres" | "mysql";
  /** Runs one statement with `?` (PostgreSQL: `$1`) in the places of the parameters. Resolves to its rows, by column. */
  query(
    text: string,
    parameters: readonly (string | number | null)[],
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A send that is part of a transaction which is not committed yet. */
export interface SentWithin {
  /** As {@link Engine.send} resolves to. */
  readonly ids: readonly string[];
  /** To be called after the commit: wakes workers. Where it is not, they find the tasks a little later. */
  readonly committed: () => void;
  /** Takes back what was sent, in the same transaction: of these of its ids, those that were no other's before. */
  readonly withdraw: (ids: readonly string[], sql: TransactionSql) => Promise<void>;
}

/** What a worker is, for whoever looks at it from outside its process. */
export interface WorkerAbout {
  /** The names of the tasks that it runs, as of now. */
  readonly tasks: () => readonly string[];
  /** Runs at the same time. */
  readonly concurrency: number;
  /** Asks it to take no more, and to stop once what runs has finished. */
  readonly stop: () => void;
}

/** What to claim. */
export interface ClaimRequest {
  /** In order: while the first has tasks that are ready, nothing is taken from the second. */
  readonly queues: readonly string[];
  /** At most this many. */
  readonly limit: number;
  /** How long the lease lasts, in milliseconds. */
  readonly lease: number;
  /** A name for the worker, for whoever inspects the queue. */
  readonly worker: string;
  /** What is allowed of the lanes that have limits, by lane. A lane that is not here has none. */
  readonly limits?: ReadonlyMap<string, LaneLimit>;
  /**
   * Whether the worker knows this one of the things that a parked task needs. It also gets those that were parked
   * with `needs` of which it knows all. Unless told, it gets none.
   */
  readonly knows?: (need: string) => boolean;
  /**
   * Whether the worker has a task of this name. A job that others have put in the queue, without Petiole, is taken
   * only if so, as a message of that name whose `wire` is 0; else it is left alone. Unless told, all are left alone.
   */
  readonly adopts?: (task: string) => boolean;
  /** What the worker is, where the engine can be asked for it by others. The same object with each claim. */
  readonly about?: WorkerAbout;
}

/**
 * How a claim ends.
 *
 * A task that was cancelled while it ran ends as cancelled, with the reason of the cancelling, where another
 * run would follow (`retryAt`, which still counts its attempt, `defer`, `release` and `park` with `needs`, which count
 * nothing).
 * Settled with an end, it has that end.
 */
export type Settlement =
  /** It succeeded: counts the attempt that ended; `result` is wire text. `keep` as below. */
  | { readonly kind: "complete"; readonly lease: Lease; readonly result: string; readonly keep?: number }
  /** A run ended badly and another shall follow: counts an attempt, sets deferrals to 0. */
  | { readonly kind: "retryAt"; readonly lease: Lease; readonly at: number; readonly reason: Reason }
  /** It could not run yet (a database out of reach): counts a deferral, no attempt. */
  | { readonly kind: "defer"; readonly lease: Lease; readonly at: number; readonly reason: Reason }
  /** Handed back untouched, at a shutdown: ready at once, counts nothing. */
  | {
      readonly kind: "release";
      readonly lease: Lease;
      /** Its handler was not called, so that it does not count for the rate of its lane; nor does one that is deferred. */
      readonly unused?: boolean;
    }
  /** An end: `fail` counts the attempt that ended, the others count nothing. Payload and reason are kept. */
  | {
      readonly kind: "fail" | "park" | "skip" | "discard" | "expire" | "cancel";
      readonly lease: Lease;
      readonly reason: Reason;
      /**
       * For how many milliseconds the record is kept, in place of the engine's retention. Failed and parked
       * tasks are kept for good all the same.
       */
      readonly keep?: number;
      /**
       * With `park`: what a worker must know to run it, in any words. The first that does gets it with a claim, its
       * counters as they are; nobody else does. Unless told, it waits for a person.
       */
      readonly needs?: readonly string[];
    };

/** What becomes of a task whose claim is settled so, of the settlements that give a reason and end it. */
export const endOf = {
  fail: "failed",
  park: "parked",
  skip: "skipped",
  discard: "discarded",
  expire: "expired",
  cancel: "cancelled",
} as const satisfies Partial<Record<Settlement["kind"], TaskState>>;

/** How far a run has come, as its handler says. */
export interface Progress {
  /** From 0 to 1. */
  readonly fraction: number;
  /** What is being done, for people. */
  readonly note?: string;
}

/** A line that a handler logged. */
export interface LogLine {
  /** Epoch milliseconds. */
  readonly at: number;
  /** What was logged, unchanged. */
  readonly text: string;
}

/** What a run tells while it runs. */
export interface Report {
  /** Takes the place of what was told before. */
  readonly progress?: Progress;
  /** Added to what was logged before. */
  readonly lines?: readonly LogLine[];
}

/** Everything known about one task. */
export interface TaskRecord {
  readonly message: Message;
  readonly state: TaskState;
  /** Runs that ended; one that was deferred, handed back or lost is none. */
  readonly attempts: number;
  /** Leases that ran out. */
  readonly crashes: number;
  /** How often it was put off since its last attempt. */
  readonly deferrals: number;
  /** The higher runs first; 0 unless told. */
  readonly priority: number;
  /** Epoch milliseconds, as are the other times. */
  readonly sentAt: number;
  /** When it may run next, or was to run. */
  readonly runAt: number;
  /** When the latest run began. */
  readonly startedAt?: number;
  /** When it came to its end; undefined before. */
  readonly endedAt?: number;
  /** The worker of the latest run. */
  readonly worker?: string;
  /** Why it was last retried or deferred, or how it ended, unless it succeeded. */
  readonly reason?: Reason;
  /** What it returned, as wire text. */
  readonly result?: string;
  /** What the latest run last told. Cleared when the next begins. */
  readonly progress?: Progress;
}

/** Which tasks to list, oldest first. */
export interface ListRequest {
  /** In one of these; in any unless told. */
  readonly states?: readonly TaskState[];
  /** Of this queue; of all unless told. */
  readonly queue?: string;
  /** Of this name; of any unless told. */
  readonly task?: string;
  /** At most this many; 100 unless told. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

/** A page of tasks; `next` is there when there are more. */
export interface TaskPage {
  /** Oldest first. */
  readonly records: readonly TaskRecord[];
  /** What `after` of the next page is. */
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
  /** What it can do, and what not. */
  readonly capabilities: Capabilities;
  /**
   * After how many milliseconds without a sign of life of this process its tasks are given to others, where their lease is
   * longer. Undefined where only the end of the lease counts.
   */
  readonly silence?: number;
  /** Its clock, in epoch milliseconds, where that is not the machine's: for tests that move it. */
  readonly now?: () => number;

  /** Opens what it needs; safe to call twice. Other methods call it by themselves. */
  open(): Promise<void>;

  /**
   * Accepts all of the batch or none of it; once it resolves, none is lost. A message whose id is known
   * already is left as it is, so that a send may be repeated (where it does not lack `knownIds`).
   *
   * Resolves to one id for each: the message's own, or the holder's where its key was held (also by one
   * before it in the same batch).
   */
  send(batch: readonly Outgoing[]): Promise<readonly string[]>;

  /**
   * Where it does not lack `sameDatabase`: sends as part of a transaction, so that there is a task if, and only if,
   * that commits. As with {@link send}, a message whose id is known is left as it is: it is sent again where a savepoint
   * may have undone it.
   *
   * @throws PetioleError `ERR_TRANSACTION_UNSUPPORTED` when the transaction is not of the engine's own database
   */
  readonly sendWithin?: (batch: readonly Outgoing[], sql: TransactionSql) => Promise<SentWithin>;

  /**
   * Claims tasks that are ready, and tasks whose lease has run out (counting a crash). Never waits for one.
   *
   * What this instance held when it was asked is not among them, however late the store gets to it: a process that was
   * blocked, or a server that was away, must not give a process what it runs already.
   */
  claim(request: ClaimRequest): Promise<readonly Delivery[]>;

  /** A heartbeat: extends the leases to `duration` milliseconds from now. Returns those that are lost. */
  extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]>;

  /** Ends claims. `false` for each whose lease was lost meanwhile: nothing was changed for it. */
  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]>;

  /** Keeps what a run tells. `false` when its lease was lost. Of a task's lines, the latest 1,000 are kept. */
  report(lease: Lease, report: Report): Promise<boolean>;

  /**
   * Calls `listener` whenever a claim on these queues may find something: a send by any process, a
   * scheduled task's time, a lease that ran out, a lane that has room again. It may call it too often, and
   * never misses for long. Returns the function that stops it.
   */
  onReady(queues: readonly string[], listener: () => void): () => void;

  /** Everything about one task; undefined when there is none, or no more. */
  find(id: string): Promise<TaskRecord | undefined>;

  /** Resolves once the task has reached an end, or as undefined when it is not there. Rejects with the signal's reason. */
  ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined>;

  /**
   * Calls `listener` whenever the task's state, attempts or progress may have changed, through any process. It
   * may call it too often, may take several changes together, and never misses the last for long. Returns
   * the function that stops it.
   */
  watch(id: string, listener: () => void): () => void;

  /** What a task's handler logged, oldest first, over all its runs. */
  logs(id: string): Promise<readonly LogLine[]>;

  /** Tasks by state, queue and name, oldest first, in pages. */
  list(request: ListRequest): Promise<TaskPage>;

  /** How many tasks there are, by queue and state; those of which there are none are left out. */
  counts(): Promise<readonly QueueCount[]>;

  /**
   * Calls off tasks: those scheduled or waiting, and those parked for a worker that knows what they need, end as
   * cancelled; those running are marked, and their workers told through {@link onCancel}. Those at an end, or marked
   * already, are left alone. Returns how many were called off or marked.
   */
  cancel(ids: readonly string[], reason: Reason): Promise<number>;

  /**
   * Calls `listener` with the leases among those claimed under this worker's name whose tasks were marked by
   * {@link cancel}, through any process; more than once, maybe. Returns the function that stops it.
   */
  onCancel(worker: string, listener: (leases: readonly Lease[]) => void): () => void;

  /**
   * Makes tasks at an end that is no success wait again, all counters at 0: also one whose key is held by
   * another by now. Returns how many there were. Nobody is told of the end before any more.
   */
  retry(ids: readonly string[]): Promise<number>;

  /** Ends scheduled, waiting, failed or parked tasks as discarded. Returns how many there were. */
  discard(ids: readonly string[], reason: Reason): Promise<number>;

  /**
   * From now on, until {@link resume}, no worker of any process claims from the queue. Sends go on, and so does what
   * runs. Survives the end of every process where the engine is durable.
   */
  pause(queue: string): Promise<void>;

  /** Ends a pause; `onReady` tells it. */
  resume(queue: string): Promise<void>;

  /** The queues that are paused, in alphabetical order. */
  paused(): Promise<readonly string[]>;

  /** Lets go of everything; what was accepted stays. Further calls are refused with `ERR_ENGINE_CLOSED`. */
  close(): Promise<void>;
}

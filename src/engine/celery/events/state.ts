/**
 * What is known of workers and tasks by the events that were heard.
 *
 * @module
 */
import { isTaskEvent, isWorkerEvent, type CeleryEvent, type CeleryTaskEvent } from "./event.ts";

/** A worker that was heard of. */
export interface CeleryWorkerState {
  /** The name of its node, `celery@host`. */
  readonly name: string;
  /** The id of its process on its machine, where it has told that. */
  readonly pid?: number;
  /** When it was last heard of, by the clock of this process, in epoch milliseconds. */
  readonly heardAt: number;
  /** Whether it is there: it has told so lately, and not that it leaves. */
  readonly isAlive: boolean;
  /** How many tasks it runs, as it last said. */
  readonly active?: number;
  /** How many it has begun, as it last said. */
  readonly processed?: number;
  /** What it is: `py-celery 5.6.3`, `petiole 0.1.0`. */
  readonly software?: string;
}

/** A task that was heard of. */
export interface CeleryTaskState {
  /** The task's id. */
  readonly id: string;
  /** Its name, where that was heard. */
  readonly name?: string;
  /** As Celery calls it: `PENDING`, `RECEIVED`, `STARTED`, `SUCCESS`, `FAILURE`, `RETRY`, `REVOKED`, `REJECTED`. */
  readonly state: string;
  /** The node that last told of it. */
  readonly worker?: string;
  /** When it came into this state, in epoch milliseconds. */
  readonly at: number;
  /** Seconds, of a success. */
  readonly runtime?: number;
  /** What it came to, or why it failed, as text. */
  readonly result?: string;
  /** What it failed with, as Python shows it. */
  readonly exception?: string;
  /** The positional arguments, as a text that describes them. */
  readonly args?: string;
  /** The arguments by name, as a text that describes them. */
  readonly kwargs?: string;
}

/** How much is remembered. */
export interface StateLimits {
  readonly workers: number;
  readonly tasks: number;
}

interface Worker {
  name: string;
  pid?: number;
  heardAt: number;
  isGone: boolean;
  frequency: number;
  active?: number;
  processed?: number;
  software?: string;
}

type Task = { -readonly [name in keyof CeleryTaskState]: CeleryTaskState[name] };

/** The state that a task is in after an event of a type. */
const states: Readonly<Record<string, string>> = {
  "task-sent": "PENDING",
  "task-received": "RECEIVED",
  "task-started": "STARTED",
  "task-succeeded": "SUCCESS",
  "task-failed": "FAILURE",
  "task-retried": "RETRY",
  "task-revoked": "REVOKED",
  "task-rejected": "REJECTED",
};

/** Of events that come in another order than they happened in, as Celery has it: what comes later here prevails. */
const order = ["PENDING", "RETRY", "REJECTED", "RECEIVED", "STARTED", "REVOKED", "FAILURE", "SUCCESS"];

/** Remembers workers and tasks, the latest of them. */
export class CeleryState {
  readonly #limits: StateLimits;
  readonly #workers = new Map<string, Worker>();
  readonly #tasks = new Map<string, Task>();

  constructor(limits: StateLimits) {
    this.#limits = limits;
  }

  /** The workers, the latest heard of last. */
  workers(): readonly CeleryWorkerState[] {
    const now = Date.now();
    return [...this.#workers.values()].map(({ isGone, frequency, ...worker }) => ({
      ...worker,
      // As Celery has it: after two of its beats were missed.
      isAlive: !isGone && now < worker.heardAt + 2 * frequency * 1000,
    }));
  }

  /** The tasks, the latest heard of last. */
  tasks(): readonly CeleryTaskState[] {
    return [...this.#tasks.values()].map((task) => ({ ...task }));
  }

  /** One task; undefined where it was not heard of, or was long ago. */
  task(id: string): CeleryTaskState | undefined {
    const task = this.#tasks.get(id);
    return task && { ...task };
  }

  /** Takes an event in. */
  add(event: CeleryEvent): void {
    if (isWorkerEvent(event)) this.#worker(event);
    else if (isTaskEvent(event)) {
      if (event.type !== "task-sent") this.#hearOf(event);
      this.#task(event);
    }
  }

  #worker(event: CeleryEvent): void {
    const worker = this.#hearOf(event);
    const { freq, active, processed, sw_ident: ident, sw_ver: version } = event.fields;
    worker.isGone = event.type === "worker-offline";
    if (typeof freq === "number" && freq > 0 && freq <= 86_400) worker.frequency = freq;
    if (typeof active === "number") worker.active = active;
    if (typeof processed === "number") worker.processed = processed;
    if (typeof ident === "string")
      worker.software = beginningOf(`${ident} ${typeof version === "string" ? version : ""}`.trim(), 1000);
  }

  #hearOf({ worker: name, pid }: CeleryEvent): Worker {
    const known = this.#workers.get(name) ?? { name, heardAt: 0, isGone: false, frequency: 60 };
    known.heardAt = Date.now();
    known.isGone = false;
    if (pid !== undefined) known.pid = pid;
    // The latest heard of is the last, so that the first is the one to be forgotten.
    this.#workers.delete(name);
    this.#workers.set(name, known);
    if (this.#workers.size > this.#limits.workers) this.#workers.delete(this.#workers.keys().next().value!);
    return known;
  }

  #task(event: CeleryTaskEvent): void {
    const { id, type, at, worker, fields } = event;
    const state = states[type] ?? type.slice("task-".length).toUpperCase();
    const known: Task = this.#tasks.get(id) ?? { id, state, at };
    for (const name of ["name", "args", "kwargs", "result", "exception"] as const) {
      const told = fields[name];
      if (typeof told === "string") known[name] = beginningOf(told, 10_000);
    }
    if (typeof fields["runtime"] === "number") known.runtime = fields["runtime"];
    if (type !== "task-sent") known.worker = worker;
    if (isLater(known, state)) Object.assign(known, { state, at });
    // The latest heard of is the last.
    this.#tasks.delete(id);
    this.#tasks.set(id, known);
    if (this.#tasks.size > this.#limits.tasks) this.#tasks.delete(this.#tasks.keys().next().value!);
  }
}

/** A copy: what is only cut off keeps all of it in memory. */
function beginningOf(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(text.slice(0, length), "utf16le").toString("utf16le");
}

/** A retry begins anew. Else what happened before is not believed after the end was heard. */
function isLater({ state: known }: Task, state: string): boolean {
  if (known === "RETRY" || state === "RETRY") return true;
  return order.indexOf(state) < 0 || order.indexOf(state) >= order.indexOf(known);
}

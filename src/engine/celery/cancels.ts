/**
 * Calling tasks off, here and, through Celery's remote control, in every worker of any language.
 *
 * @module
 */
import type { Lease, Reason } from "../../engine.ts";
import { Soon } from "../shared/soon.ts";
import type { Broker } from "./broker.ts";
import type { Delayed } from "./delayed.ts";
import { endOf, type Ending } from "./ending.ts";
import type { TaskEvents } from "./events/task-events.ts";
import { leaseOf, type Holding, type RunningTasks } from "./held.ts";
import type { Json } from "../../message.ts";
import type { Records } from "./records.ts";
import { isId, lasts, stampsOf, stampValues, type Revoked, type Stamp } from "./revoked.ts";

/** What cancelling needs of the engine. */
export interface CancelsContext {
  readonly broker: Broker;
  readonly running: RunningTasks;
  readonly delayed: Delayed;
  readonly revoked: Revoked;
  readonly ending: Ending;
  readonly records: Records;
  readonly events: TaskEvents;
}

/** What is called off. */
interface Called {
  readonly ids: readonly string[];
  readonly stamps?: readonly Stamp[];
}

/** How many ids or stamps one message may call off, as many as are remembered. */
const most = 50_000;

interface Listener {
  readonly worker: string;
  readonly call: Soon;
  readonly told: Set<string>;
}

/** Who is told. */
export class Cancels {
  readonly #context: CancelsContext;
  readonly #listeners = new Set<Listener>();
  /** What was heard, and is being done. */
  readonly #doing = new Set<Promise<void>>();
  #begun: Promise<void> | undefined;

  constructor(context: CancelsContext) {
    this.#context = context;
  }

  /** Resolves when it knows what was called off before. */
  begin(): Promise<void> {
    this.#begun ??= this.#recall().catch((error: unknown) => {
      this.#begun = undefined;
      throw error;
    });
    return this.#begun;
  }

  async #recall(): Promise<void> {
    const { broker, revoked } = this.#context;
    for (const { id, stamp, ...revocation } of (await broker.remembered?.(Date.now() - lasts)) ?? [])
      if (stamp !== undefined) revoked.addStamp(stamp, revocation);
      else revoked.add(id, revocation);
  }

  /** See {@link Engine.cancel}: tells all workers. Those who take a task that was called off end it. */
  async cancel(ids: readonly string[], reason: Reason): Promise<number> {
    const { revoked, records, broker } = this.#context;
    const unknown = [...new Set(ids)].filter((id) => !revoked.has(id));
    const ended = await Promise.all(unknown.map((id) => records.hasEnded(id)));
    const called = unknown.filter((_, index) => ended[index] === false);
    if (called.length === 0) return 0;
    // All workers know the id, and ours the reason.
    const at = Date.now();
    await broker.remember?.(called.map((id) => ({ id, reason, terminate: true, at })));
    const told = { code: reason.code, message: reason.message, details: reason.details ?? null };
    await broker.broadcast({
      method: "revoke",
      arguments: { task_id: called, terminate: true, signal: "SIGTERM", petiole: told },
    });
    this.#revoke({ ids: called }, reason, true, at);
    return called.length;
  }

  /** See {@link Engine.onCancel}. */
  listen(worker: string, call: (leases: readonly Lease[]) => void): () => void {
    const told = new Set<string>();
    const listener: Listener = {
      worker,
      told,
      call: new Soon(() => {
        const leases = this.#marked(worker).filter(({ token }) => !told.has(token));
        for (const { token } of leases) told.add(token);
        if (leases.length > 0) call(leases);
      }),
    };
    this.#listeners.add(listener);
    listener.call.wake();
    return () => {
      listener.call.stop();
      this.#listeners.delete(listener);
    };
  }

  stop(): void {
    for (const { call } of this.#listeners) call.stop();
    this.#listeners.clear();
  }

  /** Resolves when what was heard is done: nobody is told of it twice. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.#doing);
  }

  /** Nobody waits for it but who closes. What fails is done by who comes to the task next. */
  #do(work: Promise<void> | undefined): void {
    if (work === undefined) return;
    const doing = work.catch(() => undefined).finally(() => this.#doing.delete(doing));
    this.#doing.add(doing);
  }

  /** The leases of a worker whose tasks were called off, though they run. */
  #marked(worker: string): Lease[] {
    const { running, revoked } = this.#context;
    const marked: Lease[] = [];
    for (const task of running.all()) {
      if (task.worker !== worker) continue;
      const { celery, message } = task.received;
      if (revoked.of(celery, message.id)?.terminate === true) marked.push(leaseOf(task));
    }
    return marked;
  }

  /**
   * Somebody calls tasks off, by `task_id` or, by stamps, by `headers`.
   *
   * @returns the ids of those that are here, running or waiting for their time
   */
  heard(given: Readonly<Record<string, unknown>>): readonly string[] {
    const { task_id: one, headers, terminate, petiole } = given;
    const ids = (Array.isArray(one) ? one.slice(0, most) : [one]).filter(isId);
    const called = { ids, stamps: stampsIn(headers) };
    const at = Date.now();
    const reason = reasonOf(petiole);
    const here = this.#here(called);
    const news = this.#revoke(called, reason, terminate === true, at);
    // Whoever is of ours has seen to it.
    if (petiole === undefined && news.ids.length + news.stamps.length > 0) {
      const entry = { reason, terminate: terminate === true, at };
      const { remember } = this.#context.broker;
      const revoked = [
        ...news.ids.map((id) => ({ id, ...entry })),
        ...news.stamps.map((stamp) => ({ id: "", stamp, ...entry })),
      ];
      this.#do(remember?.call(this.#context.broker, revoked));
    }
    return here;
  }

  /** Others know of these. What runs goes on. */
  learn(ids: readonly string[]): void {
    this.#revoke({ ids: ids.slice(0, most) }, reasonOf(undefined), false, Date.now());
  }

  /** The ids of what is meant, and here. */
  #here(called: Called): readonly string[] {
    const { running, delayed } = this.#context;
    const isMeant = meaning(called);
    return [...running.all(), ...delayed.entries()]
      .filter(isMeant)
      .map(({ received }) => received.message.id);
  }

  /** Returns that of which it is news. */
  #revoke(called: Called, reason: Reason, terminate: boolean, at: number): Required<Called> {
    const { revoked, delayed } = this.#context;
    const revocation = { reason, terminate, at };
    const news = {
      ids: called.ids.filter((id) => revoked.add(id, revocation)),
      stamps: (called.stamps ?? []).filter((stamp) => revoked.addStamp(stamp, revocation)),
    };
    if (news.ids.length + news.stamps.length === 0) return news;
    const held = delayed.take(
      ({ received }) => revoked.of(received.celery, received.message.id) !== undefined,
    );
    if (held.length > 0) this.#do(this.#endDelayed(held));
    for (const { call } of this.#listeners) call.wake();
    return news;
  }

  /** What waits here for its time need not wait for it. */
  async #endDelayed(held: readonly Holding[]): Promise<void> {
    const { broker, ending, revoked, events } = this.#context;
    const outcomes = held.map(({ received }) => {
      const { attempts, crashes } = received;
      const reason = revoked.of(received.celery, received.message.id)?.reason;
      return ending.outcomeOf(received, endOf(received, { state: "cancelled", reason, attempts, crashes }));
    });
    const done = await broker.finish(
      held.map(({ tag }) => ({ tag, publish: [] })),
      (isHeld) => ending.store(outcomes.filter((_, index) => isHeld[index] === true)),
    );
    for (const [index, each] of held.entries()) if (done[index] === true) events.revoked(each.received);
  }
}

/** Whether a task is meant by what was called off. */
function meaning({ ids, stamps = [] }: Called): (holding: Holding) => boolean {
  const known = new Set(ids);
  const stamped = new Set(stamps.map((stamp) => JSON.stringify(stamp)));
  return ({ received: { message, celery } }) =>
    known.has(message.id) ||
    (stamped.size > 0 && stampsOf(celery.headers).some((stamp) => stamped.has(JSON.stringify(stamp))));
}

/** Stamps as Celery tells them: `{ name: value }`, `{ name: [values] }` or, on its command line, `["name=value"]`. */
function stampsIn(headers: unknown): readonly Stamp[] {
  if (typeof headers !== "object" || headers === null) return [];
  const pairs: readonly (readonly [string, unknown])[] = Array.isArray(headers)
    ? headers.flatMap((text: unknown) => {
        const [name, value] = typeof text === "string" ? text.split("=") : [];
        return name === undefined || value === undefined ? [] : [[name, value] as const];
      })
    : Object.entries(headers);
  return pairs
    .filter(([name]) => isId(name))
    .flatMap(([name, told]) => stampValues(told).map((value): Stamp => [name, value]))
    .slice(0, most);
}

/** Why somebody of ours has called tasks off; Celery's own do not say. */
function reasonOf(told: unknown): Reason {
  const { code, message, details } = (typeof told === "object" && told !== null ? told : {}) as Readonly<
    Record<string, unknown>
  >;
  if (typeof code !== "string" || typeof message !== "string")
    return { code: "ERR_TASK_CANCELLED", message: "revoked" };
  return { code, message, ...(details !== null && details !== undefined && { details: details as Json }) };
}

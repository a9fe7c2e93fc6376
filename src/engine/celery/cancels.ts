/**
 * Calling tasks off, here and, through Celery's remote control, in every worker of any language.
 *
 * @module
 */
import type { Lease, Reason } from "../../engine.ts";
import { Soon } from "../shared/soon.ts";
import type { Broker, ControlMessage } from "./broker.ts";
import type { Delayed } from "./delayed.ts";
import { endOf, type Ending } from "./ending.ts";
import { leaseOf, type RunningTasks } from "./held.ts";
import type { Json } from "../../message.ts";
import type { Records } from "./records.ts";
import { lasts, type Revoked } from "./revoked.ts";

/** What cancelling needs of the engine. */
export interface CancelsContext {
  readonly broker: Broker;
  readonly running: RunningTasks;
  readonly delayed: Delayed;
  readonly revoked: Revoked;
  readonly ending: Ending;
  readonly records: Records;
}

interface Listener {
  readonly worker: string;
  readonly call: Soon;
  readonly told: Set<string>;
}

/** Who is told. */
export class Cancels {
  readonly #context: CancelsContext;
  readonly #listeners = new Set<Listener>();
  #stop: (() => void) | undefined;
  #stopped = false;
  #begun: Promise<void> | undefined;

  constructor(context: CancelsContext) {
    this.#context = context;
  }

  /** From now on hears what others call off. Resolves when it knows what was called off before. */
  begin(): Promise<void> {
    if (!this.#stopped) this.#stop ??= this.#context.broker.onBroadcast((message) => this.#heard(message));
    this.#begun ??= this.#recall().catch((error: unknown) => {
      this.#begun = undefined;
      throw error;
    });
    return this.#begun;
  }

  async #recall(): Promise<void> {
    const { broker, revoked } = this.#context;
    for (const { id, ...revocation } of (await broker.remembered?.(Date.now() - lasts)) ?? [])
      revoked.add(id, revocation);
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
    this.#revoke(called, reason, true, at);
    return called.length;
  }

  /** See {@link Engine.onCancel}. */
  listen(worker: string, call: (leases: readonly Lease[]) => void): () => void {
    // Where it cannot be known yet, the first claim is told so.
    this.begin().catch(() => undefined);
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
    this.#stopped = true;
    this.#stop?.();
    for (const { call } of this.#listeners) call.stop();
    this.#listeners.clear();
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

  #heard({ method, arguments: given }: ControlMessage): void {
    if (method !== "revoke") return;
    const { task_id: one, terminate, petiole } = given;
    const ids = (Array.isArray(one) ? one : [one]).filter((id): id is string => typeof id === "string");
    const at = Date.now();
    const reason = reasonOf(petiole);
    const news = this.#revoke(ids, reason, terminate === true, at);
    // Whoever is of ours has seen to it.
    if (petiole !== undefined || news.length === 0) return;
    const { remember } = this.#context.broker;
    const revoked = news.map((id) => ({ id, reason, terminate: terminate === true, at }));
    void remember?.call(this.#context.broker, revoked).catch(() => undefined);
  }

  /** Returns the ids of which it is news. */
  #revoke(ids: readonly string[], reason: Reason, terminate: boolean, at: number): readonly string[] {
    const { revoked, delayed } = this.#context;
    const news = ids.filter((id) => revoked.add(id, { reason, terminate, at }));
    const held = news.flatMap((id) => delayed.take(id));
    if (held.length > 0) void this.#endDelayed(held, reason).catch(() => undefined);
    if (news.length > 0) for (const { call } of this.#listeners) call.wake();
    return news;
  }

  /** What waits here for its time need not wait for it. */
  async #endDelayed(held: ReturnType<Delayed["take"]>, reason: Reason): Promise<void> {
    const { broker, ending } = this.#context;
    const outcomes = held.map(({ received }) => {
      const { attempts, crashes } = received;
      return ending.outcomeOf(received, endOf(received, { state: "cancelled", reason, attempts, crashes }));
    });
    await broker.finish(
      held.map(({ tag }) => ({ tag, publish: [] })),
      (isHeld) => ending.store(outcomes.filter((_, index) => isHeld[index] === true)),
    );
  }
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

/**
 * What people do with tasks: list, count, retry, discard.
 *
 * @module
 */
import type { ListRequest, QueueCount, Reason, TaskPage } from "../../engine.ts";
import type { Json, MessageHeaders } from "../../message.ts";
import type { Audience } from "./audience.ts";
import type { Broker, Kept, KeptTask, Results } from "./broker.ts";
import { isUnreadable } from "./parking.ts";
import { again } from "./protocol/again.ts";
import { fromKept } from "./protocol/kept.ts";
import type { CeleryMessage } from "./protocol/message.ts";
import { received } from "./protocol/receiving.ts";
import { statusOf, type TaskEnd } from "./protocol/result.ts";
import { messageOf, noCounters } from "./protocol/sending.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";
import type { Records } from "./records.ts";
import { sentAgain, type Revoked } from "./revoked.ts";

/** What looking after tasks needs of the engine. */
export interface ManagingContext {
  readonly broker: Broker;
  readonly results: Results | undefined;
  readonly kept: Kept;
  readonly protocol: ProtocolSettings;
  readonly revoked: Revoked;
  readonly records: Records;
  readonly audience: Audience;
}

/** A task that is sent again. */
interface Restarted {
  readonly id: string;
  readonly message: CeleryMessage;
}

/** The ends but failures that are no success: what is known of them is in the results. */
const unsuccessful: ReadonlySet<string> = new Set(["skipped", "discarded", "expired", "cancelled"]);

/** Looks after tasks. */
export class Managing {
  readonly #context: ManagingContext;

  constructor(context: ManagingContext) {
    this.#context = context;
  }

  /** See {@link Engine.list}: of what waits for a person. */
  async list(request: ListRequest): Promise<TaskPage> {
    const { kept, records } = this.#context;
    const states = (request.states ?? ["failed", "parked"]).filter(
      (state) => state === "failed" || state === "parked",
    );
    if (states.length === 0) return { records: [] };
    const { tasks, next } = await kept.list({ ...request, states });
    const page = tasks.map((task) => records.ofKept(task));
    return next === undefined ? { records: page } : { records: page, next };
  }

  /** See {@link Engine.counts}: what waits for a person, and what waits in the queues that were used here. */
  async counts(): Promise<readonly QueueCount[]> {
    const { kept, broker } = this.#context;
    const [counts, lengths] = await Promise.all([kept.counts(), broker.lengths()]);
    return [...counts, ...lengths.map(({ queue, count }) => ({ queue, state: "waiting" as const, count }))];
  }

  /** See {@link Engine.retry}. */
  async retry(ids: readonly string[]): Promise<number> {
    const readable = [...new Set(ids)].filter((id) => !isUnreadable(id));
    if (readable.length === 0) return 0;
    const { kept, results } = this.#context;
    const there = new Set<string>();
    const count = await kept.remove(readable, async (tasks) => {
      for (const { id } of tasks) there.add(id);
      await this.#restart(tasks.map((task) => this.#ofKept(task)));
    });
    if (results === undefined) return count;
    const others = readable.filter((id) => !there.has(id));
    const ends = await Promise.all(others.map((id) => results.find(id)));
    const restarted = ends.flatMap((end) => this.#ofEnd(end) ?? []);
    await this.#restart(restarted);
    return count + restarted.length;
  }

  /** See {@link Engine.discard}: what waits for a person. */
  async discard(ids: readonly string[], reason: Reason): Promise<number> {
    if (ids.length === 0) return 0;
    const { kept, results, records, audience } = this.#context;
    const count = await kept.remove([...new Set(ids)], async (tasks) => {
      const ends = tasks.map((task) => {
        const { message } = records.ofKept(task);
        return { end: discarded(task, message, reason), replyTo: task.message.replyTo };
      });
      await results?.store(ends.filter(({ end }) => !isUnreadable(end.id)));
    });
    for (const id of ids) audience.changed(id);
    return count;
  }

  /** Whoever looks meanwhile finds no end: first it is forgotten, then sent. */
  async #restart(tasks: readonly Restarted[]): Promise<void> {
    if (tasks.length === 0) return;
    const { results, broker, revoked, audience } = this.#context;
    await results?.forget(tasks.map(({ id, message }) => ({ id, replyTo: message.replyTo })));
    for (const { id } of tasks) revoked.forget(id);
    const now = Date.now();
    await broker.publish(tasks.map(({ message }) => sentAgain(message, now)));
    for (const { id } of tasks) audience.changed(id);
  }

  /** As it came, with nothing counted. What could not be read then may be now, by newer workers. */
  #ofKept({ id, message }: KeptTask): Restarted {
    const celery = fromKept(message);
    try {
      const counters = { attempts: 0, crashes: 0, deferrals: 0, deferredAt: undefined };
      const changes = { ...counters, runAt: 0, now: Date.now() } as unknown as Parameters<typeof again>[1];
      return { id, message: again(received(celery, this.#context.protocol), changes) };
    } catch {
      return { id, message: celery };
    }
  }

  /** A task that ended without failure, as far as its end tells enough to send it again. */
  #ofEnd(end: TaskEnd | undefined): Restarted | undefined {
    if (end === undefined || !unsuccessful.has(end.state)) return undefined;
    const { id, task, queue, payload } = end;
    if (task === undefined || queue === undefined || payload === undefined) return undefined;
    const headers = { wire: 1, ...end.headers } as MessageHeaders;
    const outgoing = { message: { id, task, queue, payload, headers }, runAt: 0 };
    const { protocol, results } = this.#context;
    const sending = { sentAt: Date.now(), replyTo: results?.replyTo };
    return { id, message: messageOf(outgoing, noCounters, protocol, sending) };
  }
}

function discarded(
  { id, task, queue, attempts, crashes, deferrals, sentAt, worker }: KeptTask,
  { payload, headers }: { readonly payload: string; readonly headers: MessageHeaders },
  reason: Reason,
): TaskEnd {
  const state = "discarded";
  return {
    id,
    task,
    queue,
    attempts,
    crashes,
    deferrals,
    sentAt,
    reason,
    state,
    payload,
    status: statusOf(state),
    endedAt: Date.now(),
    headers: headers as Readonly<Record<string, Json>>,
    ...(worker !== undefined && { worker }),
  };
}

/**
 * Claiming tasks.
 *
 * @module
 */
import type { ClaimRequest, Delivery } from "../../engine.ts";
import { unsupported } from "../../errors.ts";
import type { MessageHeaders } from "../../message.ts";
import type { Broker, Taken, Unreadable } from "./broker.ts";
import { isBuiltin, type Builtins } from "./builtins.ts";
import { capabilities } from "./capabilities.ts";
import type { TaskLimits } from "./control/rates.ts";
import type { Workers } from "./control/workers.ts";
import type { Delayed } from "./delayed.ts";
import { endOf, type Ending } from "./ending.ts";
import type { TaskEvents } from "./events/task-events.ts";
import { leaseOf, type Holding, type RunningTasks } from "./held.ts";
import { parkMalformed, parkUnreadable } from "./parking.ts";
import { again } from "./protocol/again.ts";
import { received, type Received } from "./protocol/receiving.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";
import type { Ready } from "./ready.ts";
import { withoutAgain, type Revoked } from "./revoked.ts";

/** At most so often a claim takes again: what it took were tasks for later, or none to be run. */
const rounds = 200;

/** What a claim needs of the engine. */
export interface ClaimsContext {
  readonly broker: Broker;
  readonly protocol: ProtocolSettings;
  readonly running: RunningTasks;
  readonly delayed: Delayed;
  readonly revoked: Revoked;
  readonly ending: Ending;
  readonly builtins: Builtins;
  readonly ready: Ready;
  /** Called with each claim: from the first on it matters who is called off. */
  readonly begins: (request: ClaimRequest) => Promise<void>;
  readonly workers: Workers;
  readonly limits: TaskLimits;
  readonly events: TaskEvents;
}

/** Of tasks that wait for their rate, as many are held for each that may run: as many as a worker of Celery's takes. */
const prefetch = 4;

/** Hands out tasks. */
export class Claims {
  readonly #context: ClaimsContext;
  #parking: Promise<void> = Promise.resolve();

  constructor(context: ClaimsContext) {
    this.#context = context;
    context.broker.onUnreadable((unreadable) => this.#park(unreadable));
  }

  /** See {@link Engine.claim}. What is not to be run ends, and it goes on. */
  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    const { limit, lease, limits } = request;
    const asked = request.queues.map(nameOf);
    if (limits !== undefined && limits.size > 0)
      throw unsupported("the limits of a claim", "celery", capabilities.lacks.limits ?? "");
    if (asked.length === 0 || limit < 1) return [];
    await this.#context.begins(request);
    const queues = this.#context.workers.queuesOf(asked);
    if (queues.length === 0) return [];
    const deliveries: Delivery[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const wanted = limit - deliveries.length;
      try {
        const held = await this.#due(queues, wanted, lease);
        for (const each of await this.#others(held, request)) deliveries.push(this.#deliver(each, request));
        if (deliveries.length >= limit || this.#isFull(request)) return deliveries;
        const asked = limit - deliveries.length;
        const taken = await this.#context.broker.take(queues, asked, lease);
        const { ready, again: isMore } = await this.#sort(taken);
        const others = await this.#others(ready, request);
        for (const each of others) deliveries.push(this.#deliver(each, request));
        const hasSent = others.length < ready.length;
        if (deliveries.length >= limit || (taken.length < asked && !isMore && !hasSent)) return deliveries;
      } catch (error) {
        // What was claimed before must reach the worker.
        if (deliveries.length === 0) throw error;
        return deliveries;
      }
    }
    for (const queue of queues) this.#context.ready.wake(queue);
    return deliveries;
  }

  /** Waits until what cannot be read is put aside. */
  async close(): Promise<void> {
    await this.#parking;
  }

  /** Tasks whose time has come while they were held here. */
  async #due(queues: readonly string[], limit: number, lease: number): Promise<readonly Holding[]> {
    const now = Date.now();
    const { delayed, broker } = this.#context;
    // One whose time has come may have to wait for its rate still.
    const held = delayed
      .due(queues, limit, now)
      .filter((each) => each.isLimited || !this.#isOverRate(each, now));
    if (held.length === 0) return held;
    const tags = held.map(({ tag }) => tag);
    const lost = new Set(await broker.extend(tags, lease));
    return held.filter(({ tag }) => !lost.has(tag));
  }

  /** Without Celery's builtin tasks, which are done here. */
  async #others(holdings: readonly Holding[], request: ClaimRequest): Promise<readonly Holding[]> {
    const builtins = holdings.filter(isBuiltin);
    if (builtins.length === 0) return holdings;
    const others = holdings.filter((holding) => !isBuiltin(holding));
    try {
      await this.#context.builtins.run(builtins, request);
    } catch (error) {
      // What may run must reach the worker.
      if (others.length === 0) throw error;
    }
    return others;
  }

  /** Holds back what is over the rate of its task. */
  #isOverRate(holding: Holding, now: number): boolean {
    const { limits, delayed } = this.#context;
    if (!limits.any) return false;
    const at = limits.reserve(holding.received.message.task, now);
    if (at > now) delayed.hold(holding, at, true);
    return at > now;
  }

  /** Whether as many wait for the rates of their tasks as shall be held. The others are left for other workers. */
  #isFull({ about, limit }: ClaimRequest): boolean {
    const { limits, delayed } = this.#context;
    return limits.any && delayed.limited >= prefetch * Math.max(about?.concurrency ?? 1, limit);
  }

  /** Tells what may run from what is for later, was called off, was lost before, or cannot be read. */
  async #sort(
    taken: readonly Taken[],
  ): Promise<{ readonly ready: readonly Holding[]; readonly again: boolean }> {
    const { delayed, protocol, revoked, events } = this.#context;
    const ready: Holding[] = [];
    const lost: Holding[] = [];
    const over: Holding[] = [];
    const malformed: { readonly taken: Taken; readonly error: unknown }[] = [];
    const now = Date.now();
    for (const each of taken) {
      let read: Received;
      try {
        read = received(each.message, protocol);
      } catch (error) {
        malformed.push({ taken: each, error });
        continue;
      }
      const { runAt, crashes } = read;
      const holding = { tag: each.tag, received: read, crashes };
      const isLater = runAt !== undefined && runAt > now;
      // Before its time it was held, and not run.
      const wasLost = each.redelivered && !isLater;
      const isRevoked = revoked.of(each.message, read.message.id) !== undefined;
      if (isRevoked && !wasLost && crashes === 0) {
        over.push(holding);
        continue;
      }
      if (wasLost) {
        lost.push(holding);
        continue;
      }
      events.received(read);
      if (isLater) delayed.hold(holding, runAt);
      else if (!this.#isOverRate(holding, now)) ready.push(holding);
    }
    try {
      if (over.length > 0) await this.#callOff(over);
      for (const each of malformed) await parkMalformed(each.taken, each.error, this.#context);
      if (lost.length > 0) await this.#countCrashes(lost, now);
    } catch (error) {
      // The others are taken again when their leases are over; what may run must reach the worker.
      if (ready.length === 0) throw error;
    }
    return { ready, again: lost.length > 0 };
  }

  /** What was called off before it ran ends so. */
  async #callOff(holdings: readonly Holding[]): Promise<void> {
    const { ending, broker, revoked, events } = this.#context;
    const outcomes = holdings.map(({ received }) => {
      const { id } = received.message;
      const reason = revoked.of(received.celery, id)?.reason;
      const { attempts, crashes } = received;
      return ending.outcomeOf(received, endOf(received, { state: "cancelled", reason, attempts, crashes }));
    });
    const done = await broker.finish(
      holdings.map(({ tag }) => ({ tag, publish: [] })),
      (held) => ending.store(outcomes.filter((_, index) => held[index] === true)),
    );
    for (const [index, { received }] of holdings.entries())
      if (done[index] === true) events.revoked(received);
  }

  /**
   * Counts a lost lease where it outlives this process too: in the message, before it is run once more. It would never
   * be told from one that was lost the first time.
   */
  async #countCrashes(holdings: readonly Holding[], now: number): Promise<void> {
    await this.#context.broker.finish(
      holdings.toReversed().map(({ tag, received, crashes }) => ({
        tag,
        publish: [again(received, { crashes: crashes + 1, runAt: received.runAt ?? 0, now })],
        front: true,
      })),
      async () => undefined,
    );
  }

  #deliver(holding: Holding, { worker, lease }: ClaimRequest): Delivery {
    const { running, revoked, workers, limits, events } = this.#context;
    const { tag, received, crashes } = holding;
    const { message, attempts, deferrals, deferredAt } = received;
    const timeout = received.timeout ?? limits.timeOf(message.task);
    const task = {
      tag,
      received,
      crashes,
      worker,
      startedAt: Date.now(),
      leaseUntil: performance.now() + lease,
      isSettling: false,
    };
    running.add(task);
    workers.began(message.task);
    events.started(task);
    const revocation = revoked.of(received.celery, message.id);
    return {
      message: { ...message, headers: headersOf(message.headers, timeout) },
      lease: leaseOf(holding),
      attempts,
      crashes,
      deferrals,
      ...(deferredAt !== undefined && { deferredAt }),
      ...(revocation && { cancelled: revocation.reason }),
    };
  }

  #park(unreadable: Unreadable): void {
    const parking = this.#parking.then(() => parkUnreadable(unreadable, this.#context));
    // It is taken again, and put aside then.
    this.#parking = parking.catch(() => undefined);
  }
}

/** A queue's name, as brokers have it: they take UTF-8. */
export function nameOf(queue: string): string {
  return queue.toWellFormed();
}

/** A copy, so that nobody changes what is held. */
function headersOf(headers: MessageHeaders, timeout: number | undefined): MessageHeaders {
  const copy = Object.values(headers).some((value) => typeof value === "object")
    ? structuredClone(headers)
    : { ...headers };
  return { ...withoutAgain(copy), ...(timeout !== undefined && { timeout }) };
}

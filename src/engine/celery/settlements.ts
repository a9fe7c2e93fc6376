/**
 * Ending claims: what follows is accepted, and the result stored, before a message is acknowledged.
 *
 * @module
 */
import type { PetioleError } from "../../errors.ts";
import { endOf as stateOf, type Reason, type Settlement } from "../../engine.ts";
import type { Broker, Finish } from "./broker.ts";
import { endOf, type Ending, type Outcome } from "./ending.ts";
import { publishEach } from "./chords.ts";
import { isRefusedForGood, reasonOfError } from "./errors.ts";
import type { TaskEvents } from "./events/task-events.ts";
import type { Running, RunningTasks } from "./held.ts";
import { again } from "./protocol/again.ts";
import { afterSuccess, type Following } from "./protocol/following.ts";
import type { TaskEnd } from "./protocol/result.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";
import type { Revoked } from "./revoked.ts";

/** What settling needs of the engine. */
export interface SettlementsContext {
  readonly broker: Broker;
  readonly protocol: ProtocolSettings;
  readonly running: RunningTasks;
  readonly revoked: Revoked;
  readonly ending: Ending;
  readonly events: TaskEvents;
}

/** What is to be done for a settlement. */
interface Plan {
  readonly finish: Finish;
  /** Where it has ended. */
  readonly outcome?: Outcome;
  readonly settlement: Settlement;
}

/** What is made for it. Of one that is settled otherwise than was asked, as what. */
type Made = Omit<Plan, "settlement"> & Partial<Plan>;

/** What came of it. */
type Settled = { readonly plan: Plan; readonly isHeld: boolean } | { readonly error: unknown };

type Ended = Exclude<Settlement, { kind: "retryAt" | "defer" | "release" }>;
type Again = Extract<Settlement, { kind: "retryAt" | "defer" | "release" }>;

/** Settles. */
export class Settlements {
  readonly #context: SettlementsContext;

  constructor(context: SettlementsContext) {
    this.#context = context;
  }

  /** See {@link Engine.settle}. */
  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const { running, events } = this.#context;
    const tasks: Running[] = [];
    const plans: Plan[] = [];
    const places = settlements.map((settlement) => {
      const task = running.of(settlement.lease);
      // Of two, the first holds.
      if (task === undefined || task.isSettling || tasks.includes(task)) return -1;
      plans.push(this.#plan(task, settlement));
      return tasks.push(task) - 1;
    });
    if (plans.length === 0) return settlements.map(() => false);
    for (const task of tasks) task.isSettling = true;
    const settled = await this.#finish(tasks, plans);
    for (const [place, task] of tasks.entries()) {
      const done = settled[place]!;
      if ("error" in done) {
        task.isSettling = false;
        continue;
      }
      running.remove(task.tag);
      const { settlement, outcome } = done.plan;
      if (done.isHeld) events.settled(task, settlement, outcome !== undefined && goesOn(settlement));
    }
    // Of some that have failed, the others are settled: to settle those again changes nothing.
    const failure = settled.find((done) => "error" in done);
    if (failure !== undefined && "error" in failure) throw failure.error;
    const answers = settled.map((done) => "isHeld" in done && done.isHeld);
    return places.map((place) => answers[place] === true);
  }

  /** All at once; each for itself when the broker refuses something of one of them for good. */
  async #finish(tasks: readonly Running[], plans: readonly Plan[]): Promise<readonly Settled[]> {
    const { broker, ending } = this.#context;
    let isStoring = false;
    try {
      const held = await broker.finish(
        plans.map(({ finish }) => finish),
        async (are) => {
          isStoring = true;
          await ending.store(plans.flatMap(({ outcome }, at) => (are[at] && outcome ? [outcome] : [])));
          isStoring = false;
        },
      );
      return plans.map((plan, at) => ({ plan, isHeld: held[at] === true }));
    } catch (error) {
      if (isStoring || !isRefusedForGood(error)) return plans.map(() => ({ error }));
      if (plans.length === 1) return [await this.#unpublished(tasks[0]!, plans[0]!, error)];
    }
    const settled: Settled[] = [];
    for (const [at, plan] of plans.entries()) settled.push(...(await this.#finish([tasks[at]!], [plan])));
    return settled;
  }

  /**
   * The end of what was to be followed by something that the broker will never accept: it has failed, as to run it again
   * would come to the same. Of what follows a failure, all is published that can be.
   */
  async #unpublished(task: Running, plan: Plan, refusal: PetioleError): Promise<Settled> {
    const { broker, ending } = this.#context;
    const { settlement } = plan;
    const { lease } = settlement;
    const isFailure = settlement.kind !== "complete" && !goesOn(settlement);
    let failed = plan;
    if (!isFailure) {
      const { code, message } = reasonOfError(refusal);
      const what = goesOn(settlement) ? "its next run" : "what follows it";
      const reason = { code, message: `${what} cannot be sent: ${message}` };
      const keep = "keep" in settlement ? settlement.keep : undefined;
      failed = {
        settlement: { kind: "fail", lease, reason },
        ...this.#ended(task, { kind: "fail", keep }, reason),
      };
    }
    const { finish, outcome } = failed;
    try {
      const [isHeld = false] = await broker.finish([{ tag: finish.tag, publish: [] }], async ([is]) => {
        if (is !== true) return;
        if (outcome) await ending.store([outcome]);
        await publishEach(broker, finish.publish);
      });
      return { plan: failed, isHeld };
    } catch (error) {
      return { error };
    }
  }

  #plan(task: Running, settlement: Settlement): Plan {
    const made = goesOn(settlement)
      ? this.#again(task, settlement)
      : settlement.kind === "complete"
        ? this.#succeeded(task, settlement)
        : this.#ended(task, settlement, settlement.reason);
    return { settlement, ...made };
  }

  #succeeded(task: Running, settlement: Extract<Settlement, { kind: "complete" }>): Made {
    const { result, keep } = settlement;
    const { received, crashes, worker } = task;
    let following: Following;
    try {
      following = afterSuccess(received, result, this.#context.protocol, Date.now());
    } catch (error) {
      // What shall follow cannot be made: a person has to see it.
      const reason = reasonOfError(error);
      const { lease } = settlement;
      return {
        ...this.#ended(task, { kind: "fail", keep }, reason),
        settlement: { kind: "fail", lease, reason },
      };
    }
    const end = endOf(received, {
      state: "succeeded",
      result,
      attempts: received.attempts + 1,
      crashes,
      worker,
      children: following.messages.map(({ headers }) => headers.id),
      keep,
    });
    return {
      finish: { tag: task.tag, publish: following.messages },
      outcome: {
        ...this.#context.ending.outcomeOf(received, end),
        chords: following.chords,
        ...(crashes > 0 && { notKept: end.id }),
      },
    };
  }

  #ended(
    task: Running,
    { kind, keep }: { readonly kind: Exclude<Ended["kind"], "complete">; readonly keep?: number | undefined },
    reason: Reason,
  ): Made {
    const { received, crashes, worker } = task;
    const attempts = received.attempts + (kind === "fail" ? 1 : 0);
    return this.#over(
      task,
      endOf(received, { state: stateOf[kind], reason, attempts, crashes, worker, keep }),
    );
  }

  #over({ tag, received }: Running, end: TaskEnd): Made {
    const { publish, ...outcome } = this.#context.ending.unsuccessful(received, end, this.#context.protocol);
    return { finish: { tag, publish }, outcome };
  }

  /** Another run shall follow; not if the task was called off meanwhile. */
  #again(task: Running, settlement: Again): Made {
    const { received, crashes, worker, tag } = task;
    const { kind } = settlement;
    const attempts = received.attempts + (kind === "retryAt" ? 1 : 0);
    const revocation = this.#context.revoked.of(received.celery, received.message.id);
    if (revocation !== undefined) {
      const { reason } = revocation;
      const end = endOf(received, { state: "cancelled", reason, attempts, crashes, worker });
      return this.#over(task, kind === "retryAt" ? { ...end, deferrals: 0 } : end);
    }
    const now = Date.now();
    if (kind === "release")
      return { finish: { tag, publish: [again(received, { runAt: 0, now })], front: true } };
    const changes =
      kind === "retryAt"
        ? { attempts, deferrals: 0, deferredAt: undefined }
        : { deferrals: received.deferrals + 1, deferredAt: received.deferredAt ?? now };
    const next = again(received, { ...changes, runAt: settlement.at, now } as Parameters<typeof again>[1]);
    return { finish: { tag, publish: [next] } };
  }
}

/** Whether another run shall follow. */
function goesOn(settlement: Settlement): settlement is Again {
  return settlement.kind === "retryAt" || settlement.kind === "defer" || settlement.kind === "release";
}

/**
 * Celery's builtin tasks, which are done where they are taken: no worker has handlers of theirs.
 *
 * @module
 */
import type { ClaimRequest, Reason } from "../../engine.ts";
import type { Broker } from "./broker.ts";
import type { Ending } from "./ending.ts";
import { reasonOfError } from "./errors.ts";
import type { TaskEvents } from "./events/task-events.ts";
import { leaseOf, type Holding, type RunningTasks } from "./held.ts";
import type { Applied } from "./protocol/applying.ts";
import { outcomeOfBuiltin } from "./protocol/builtins.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";
import type { Revoked } from "./revoked.ts";
import type { Settlements } from "./settlements.ts";

/** What they need of the engine. */
export interface BuiltinsContext {
  readonly broker: Broker;
  readonly protocol: ProtocolSettings;
  readonly running: RunningTasks;
  readonly revoked: Revoked;
  readonly ending: Ending;
  readonly events: TaskEvents;
  readonly settlements: Settlements;
}

/** After so many lost leases it is not tried again: as many as a worker's `maxCrashes` unless told. */
const maxCrashes = 5;

/** How one ends at once: a settlement without its lease. */
type End =
  | { readonly kind: "complete"; readonly result: string }
  | { readonly kind: "expire" | "cancel" | "park"; readonly reason: Reason };

/** Whether the task of a message is one of Celery's. */
export function isBuiltin({ received }: Holding): boolean {
  return received.builtin !== undefined;
}

/** Does them. */
export class Builtins {
  readonly #context: BuiltinsContext;

  constructor(context: BuiltinsContext) {
    this.#context = context;
  }

  /**
   * Ends them, or sends what ends them. Where it fails they are taken again when their leases are over, as those of a worker
   * that was lost.
   */
  async run(
    holdings: readonly Holding[],
    { worker, lease }: Pick<ClaimRequest, "worker" | "lease">,
  ): Promise<void> {
    const { running, events, settlements } = this.#context;
    const ends: { readonly holding: Holding; readonly end: End }[] = [];
    for (const holding of holdings) {
      const done = this.#done(holding, Date.now());
      if ("messages" in done) await this.#send(holding, done);
      else ends.push({ holding, end: done });
    }
    if (ends.length === 0) return;
    const startedAt = Date.now();
    const leaseUntil = performance.now() + lease;
    for (const { holding } of ends) {
      const task = { ...holding, worker, startedAt, leaseUntil, isSettling: false };
      running.add(task);
      events.started(task);
    }
    try {
      await settlements.settle(ends.map(({ holding, end }) => ({ ...end, lease: leaseOf(holding) })));
    } finally {
      for (const { holding } of ends) running.remove(holding.tag);
    }
  }

  #done({ received, crashes }: Holding, now: number): Applied | End {
    const { revoked, protocol } = this.#context;
    const { message, builtin, celery } = received;
    const { expires } = message.headers;
    const called = revoked.of(celery, message.id);
    if (called !== undefined) return { kind: "cancel", reason: called.reason };
    if (typeof expires === "number" && now > expires) return { kind: "expire", reason: tooLate(expires) };
    if (crashes >= maxCrashes) return { kind: "park", reason: lost(crashes) };
    try {
      const outcome = outcomeOfBuiltin(received, builtin!, protocol, now);
      return "result" in outcome ? { kind: "complete", ...outcome } : outcome;
    } catch (error) {
      return { kind: "park", reason: reasonOfError(error) };
    }
  }

  /** What waits for its items is known before they are sent, and they are sent before it is acknowledged. */
  async #send({ tag }: Holding, { messages, chords }: Applied): Promise<void> {
    const { broker, ending } = this.#context;
    await broker.finish([{ tag, publish: messages }], ([held]) =>
      ending.store(held === true ? [{ ends: [], ids: [], chords }] : []),
    );
  }
}

function tooLate(expires: number): Reason {
  return { code: "ERR_TASK_EXPIRED", message: `it was to run by ${new Date(expires).toISOString()}` };
}

function lost(crashes: number): Reason {
  return {
    code: "ERR_TASK_CRASHED",
    message: `its worker was lost ${crashes} times while sending what it calls: it may kill the process. Send its items in smaller parts`,
  };
}

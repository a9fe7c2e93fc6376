/** One run of a task outside of a worker, with what its handler threw. @module */
import type { Delivery, Settlement, TaskRecord } from "../engine.ts";
import { TaskError } from "../errors.ts";
import type { AppContext } from "../task/app-context.ts";
import { resultOf } from "../task/handle.ts";
import { Stop, calledOff } from "../task/run-bounds.ts";
import { run } from "../task/run.ts";

/** How a run ended. */
export interface InlineOutcome {
  readonly settlement: Settlement;
  /** What the handler, or middleware around it, threw. */
  readonly thrown: { readonly error: unknown } | undefined;
}

/** Runs a task that was claimed in the name of a worker, as that would. */
export async function runDelivery(
  delivery: Delivery,
  context: AppContext,
  worker: string,
): Promise<InlineOutcome> {
  let thrown: InlineOutcome["thrown"];
  const middleware = [
    {
      async run(_subject: unknown, next: () => Promise<unknown>): Promise<unknown> {
        try {
          return await next();
        } catch (error) {
          thrown = { error };
          throw error;
        }
      },
    },
    ...context.middleware,
  ];
  const stop = new Stop();
  const stopListening = context.engine.onCancel(worker, (leases) => {
    if (leases.some(({ token }) => token === delivery.lease.token)) stop.call(new Error(calledOff));
  });
  const options = { maxCrashes: Infinity, stop, warn: () => {} };
  const settlement = await run(delivery, { ...context, middleware }, options);
  stopListening();
  return { settlement, thrown };
}

/** What the handler returned, decoded. Throws what it threw, or how else the task, whose record is given, ended. */
export function outcomeOf(
  { settlement, thrown }: InlineOutcome,
  record: TaskRecord,
  context: AppContext,
): unknown {
  const { message, endedAt, reason } = record;
  if (settlement.kind !== "complete") {
    if (thrown) throw thrown.error;
    if (endedAt === undefined)
      throw new TaskError("ERR_TASK_FAILED", { id: message.id, task: message.task, reason: reason! });
  }
  return resultOf(record, context.wire, message.task);
}

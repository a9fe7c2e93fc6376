/** One run of a task outside of a worker, with what its handler threw. @module */
import type { Delivery, Settlement } from "../engine.ts";
import { TaskError, type ErrorCode } from "../errors.ts";
import type { AppContext } from "../task/app-context.ts";
import { Stop } from "../task/run-bounds.ts";
import { run } from "../task/run.ts";

/** How a run ended. */
export interface InlineOutcome {
  readonly settlement: Settlement;
  /** What the handler, or middleware around it, threw. */
  readonly thrown: { readonly error: unknown } | undefined;
}

/** Runs a claimed task as a worker would. */
export async function runDelivery(delivery: Delivery, context: AppContext): Promise<InlineOutcome> {
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
  const options = { maxCrashes: Infinity, stop: new Stop(), warn: () => {} };
  const settlement = await run(delivery, { ...context, middleware }, options);
  return { settlement, thrown };
}

const codes: Partial<Record<Settlement["kind"], ErrorCode>> = {
  fail: "ERR_TASK_FAILED",
  park: "ERR_TASK_PARKED",
  skip: "ERR_TASK_SKIPPED",
  discard: "ERR_TASK_DISCARDED",
  expire: "ERR_TASK_EXPIRED",
  cancel: "ERR_TASK_CANCELLED",
};

/** What the handler returned, decoded. Throws what it threw, or how else the task ended. */
export function outcomeOf(
  { settlement, thrown }: InlineOutcome,
  { message }: Delivery,
  context: AppContext,
): unknown {
  if (settlement.kind === "complete") return context.wire.open(settlement.result, "result").decode();
  if (thrown) throw thrown.error;
  const reason =
    "reason" in settlement ? settlement.reason : { code: "ERR_TASK_FAILED", message: "it was handed back" };
  throw new TaskError(codes[settlement.kind] ?? "ERR_TASK_FAILED", {
    id: message.id,
    task: message.task,
    reason,
  });
}

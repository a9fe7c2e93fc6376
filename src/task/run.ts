/**
 * One run of a task, from its message to the settlement: whatever happens inside has a defined outcome.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Delivery, Settlement } from "../engine.ts";
import { DecodeError, PetioleError, ValueError } from "../errors.ts";
import type { Json } from "../message.ts";
import { issuesOf } from "../value/schema.ts";
import type { Reference } from "../wire/reference.ts";
import { segmentOf } from "../wire/path.ts";
import type { Encoded } from "../wire/encode.ts";
import { isTypeName } from "../wire/value-type.ts";
import type { AppContext } from "./app-context.ts";
import { nowOf } from "./clock.ts";
import { inJob } from "./current-job.ts";
import { followingOf, type FollowingStep } from "./following.ts";
import { makeJob } from "./make-job.ts";
import { around } from "./middleware.ts";
import { disappointment } from "./expectations.ts";
import {
  checkHeaders,
  checkTypes,
  isOfOthers,
  knows,
  modelsOf,
  needsOf,
  payloadVersion,
  taskOf,
  typesOf,
} from "./needs.ts";
import type { TaskSettings } from "./options.ts";
import { reasonOf, reasonOfThrown } from "./reason.ts";
import { Reporter } from "./reporter.ts";
import { retirement } from "./retired.ts";
import { afterFailure, backoff, deferral } from "./retry.ts";
import { RunBounds, shorter, type Stop } from "./run-bounds.ts";
import { schedulePatience, scheduleRefusal } from "./schedule.ts";
import { sendNext } from "./send-next.ts";
import { snapshotBinding } from "./snapshot-binding.ts";
import { TaskRows } from "./task-rows.ts";
import type { Task } from "./task.ts";

/** What a run needs of its app. */
export type RunContext = Pick<
  AppContext,
  | "engine"
  | "wire"
  | "adapters"
  | "tasks"
  | "aliases"
  | "retired"
  | "middleware"
  | "schedules"
  | "transactions"
>;

/** What a run needs of its worker. */
export interface RunOptions {
  /** After this many lost leases a task is parked. */
  readonly maxCrashes: number;
  /** Called when the run must stop now: the task is then handed back, and ends as cancelled if it was marked so. */
  readonly stop: Stop;
  /** Told what goes wrong beside the run itself. */
  readonly warn: (message: string) => void;
}

/** More than this is not kept, in characters: each claim of the queue looks at what the parked tasks there need. */
const longestNeeds = 65_536;

/** Runs a claimed task and says how the claim ends. Never rejects. */
export async function run(delivery: Delivery, context: RunContext, options: RunOptions): Promise<Settlement> {
  const { lease, message } = delivery;
  if (delivery.cancelled) return { kind: "cancel", lease, reason: delivery.cancelled };
  /** Set once the message says what it needs, and that of its payload once it is open. */
  let isTold = false;
  let references: readonly Reference[] = [];
  try {
    checkCrashes(delivery, options);
    checkHeaders(message);
    isTold = true;
    const following = followingOf(message.headers);
    const gone = context.retired.get(message.task);
    if (gone) return retirement(gone, message.task, lease);
    const task = taskOf(message, context);
    const { settings } = task;
    const now = nowOf(context.engine);
    const unscheduled = scheduleOutcome(delivery, context, now);
    if (unscheduled) return unscheduled;
    const expired = expiry(delivery, settings, now);
    if (expired) return expired;
    checkTypes(message, context);
    const retired = retiredTypes(delivery, context);
    if (retired) return keeping(retired, settings);
    const opened = isOfOthers(message)
      ? context.wire.openJson(message.payload, "payload")
      : context.wire.open(message.payload, "payload");
    references = opened.references;
    // Most payloads have none, and most tasks no schema: each wait is a turn of the microtasks, for every run.
    const rows =
      references.length === 0
        ? TaskRows.none(context.adapters)
        : await TaskRows.load(context.adapters, references);
    const unexpected = disappointment(delivery, rows, settings, now);
    if (unexpected) return keeping(unexpected, settings);
    const decoded = opened.decode({
      row: (reference) => rows.rowOf(reference) ?? null,
      lazy: (reference) => rows.lazy(reference),
      snapshot: (model) => snapshotBinding(model, context.adapters, settings.unknownFields),
    });
    const present = upgraded(decoded, payloadVersion(message), task);
    const payload = settings.schema ? await checked(present, task) : present;
    return keeping(
      await runHandler(task, payload, rows, { delivery, context, options, following }),
      settings,
    );
  } catch (error) {
    // Not an error of ours: a class that is revived, or an adapter, broke its own promise.
    if (!(error instanceof PetioleError)) {
      return { kind: "park", lease, reason: reasonOfThrown(error, "ERR_TASK_PARKED") };
    }
    if (error.code === "ERR_DATABASE_UNREACHABLE") {
      const at = nowOf(context.engine) + backoff(delivery.deferrals + 1, deferral);
      return { kind: "defer", lease, at, reason: reasonOf(error) };
    }
    const reason = reasonOf(error);
    const needs = isTold ? [...needsOf(message), ...modelsOf(references)] : [];
    // Other programs may send without the header that lists the types.
    if (error instanceof DecodeError && error.type !== undefined && isTypeName(error.type))
      needs.push(`type ${error.type}`);
    const isTooMuch = needs.join().length > longestNeeds;
    if (isTooMuch || needs.every((need) => knows(need, context))) return { kind: "park", lease, reason };
    // Another worker may know what this one does not.
    const details = { ...(reason.details as Readonly<Record<string, Json>> | undefined), needs };
    return { kind: "park", lease, reason: { ...reason, details }, needs };
  }
}

function checkCrashes({ crashes }: Delivery, { maxCrashes }: RunOptions): void {
  if (crashes < maxCrashes) return;
  throw new PetioleError(
    "ERR_TASK_CRASHED",
    `its worker was lost ${crashes} times while running it (maxCrashes is ${maxCrashes}): it may kill the process`,
  );
}

/** What becomes of a tick whose schedule this worker does not know, or knows another; undefined for all else. */
function scheduleOutcome(
  { message, lease, deferrals, deferredAt }: Delivery,
  context: RunContext,
  now: number,
): Settlement | undefined {
  const refusal = scheduleRefusal(message.headers["schedule"], context.schedules);
  if (refusal === undefined) return undefined;
  const reason = { code: "ERR_TASK_DISCARDED", message: refusal };
  const isOver = now >= (deferredAt ?? now) + schedulePatience;
  return isOver
    ? { kind: "discard", lease, reason }
    : { kind: "defer", lease, at: now + backoff(deferrals + 1, deferral), reason };
}

function expiry({ message, lease }: Delivery, settings: TaskSettings, now: number): Settlement | undefined {
  const { expires } = message.headers;
  if (typeof expires !== "number" || now <= expires) return undefined;
  // Whoever wrote it may have meant a time before all that a Date can be.
  const text = `it was to run by ${new Date(Math.max(expires, -8.64e15)).toISOString()}`;
  return keeping({ kind: "expire", lease, reason: { code: "ERR_TASK_EXPIRED", message: text } }, settings);
}

/** The end of a task whose payload holds what is retired and has no substitute; undefined for all else. */
function retiredTypes({ message, lease }: Delivery, { wire }: RunContext): Settlement | undefined {
  const retired = typesOf(message).filter((type) => wire.retired.has(type));
  if (retired.length === 0) return undefined;
  const text = `its payload holds what is retired: ${retired.join(", ")}`;
  return { kind: "fail", lease, reason: { code: "ERR_TYPE_RETIRED", message: text } };
}

/** The payload in the task's present version. */
function upgraded(payload: unknown, version: number, { name, settings }: Task): unknown {
  try {
    return settings.upgrade(payload, version);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    const [issue] = error.issues;
    const expected = `version ${version} of the payload of task ${name}`;
    throw new DecodeError({ path: "payload", expected, found: issue?.message ?? "" }, { cause: error.cause });
  }
}

/** The payload as the task's schema makes it. */
async function checked(payload: unknown, { name, settings }: Task): Promise<unknown> {
  const result = await settings.schema?.["~standard"].validate(payload);
  if (!result) return payload;
  if (!result.issues) return result.value;
  const [issue] = issuesOf(result.issues);
  const path = `payload${issue?.path.map(segmentOf).join("") ?? ""}`;
  throw new DecodeError({
    path,
    expected: `what the schema of task ${name} wants`,
    found: issue?.message ?? "",
  });
}

interface Run {
  readonly delivery: Delivery;
  readonly context: RunContext;
  readonly options: RunOptions;
  /** What follows it in a chain. */
  readonly following: readonly FollowingStep[];
}

async function runHandler(
  task: Task,
  payload: unknown,
  rows: TaskRows,
  { delivery, context, options, following }: Run,
): Promise<Settlement> {
  const { lease, message } = delivery;
  const { settings } = task;
  const { stop, warn } = options;
  const bounds = new RunBounds(shorter(settings.timeout, message.headers.timeout), stop);
  const reporter = new Reporter(context.engine, lease, (why) =>
    warn(`Task ${task.name} (${message.id}): what it told was not kept: ${why}`),
  );
  const job = makeJob(delivery, task.name, rows, bounds, reporter);
  const layers = context.middleware.flatMap((each) => (each.run ? [each.run.bind(each)] : []));
  /** Runs something as the handler would: what middleware has put around it (a tenant, a trace) is there. */
  let asHandler: ReturnType<typeof AsyncLocalStorage.snapshot> | undefined;
  const handle = async (): Promise<unknown> => {
    if (following.length > 0) asHandler = AsyncLocalStorage.snapshot();
    return task.handler!(payload, job);
  };
  let value: unknown;
  try {
    const handled = inJob(job, () =>
      layers.length === 0 ? handle() : around(layers, { job, payload, headers: message.headers }, handle),
    );
    // A handler that does not heed its signal is given up: its late result belongs to nobody.
    value = await bounds.within(handled);
  } catch (thrown) {
    if (stop.isCalled) return { kind: "release", lease };
    return afterFailure(delivery, bounds.errorOf(thrown), settings, nowOf(context.engine));
  } finally {
    bounds.close();
    if (reporter.isBusy) await reporter.flush();
  }
  let result: Encoded;
  try {
    result = context.wire.encodeFor(value, { root: "result", what: `the result of task "${task.name}"` });
  } catch (error) {
    // The same handler would return the same again, so there is no use in another attempt.
    if (error instanceof PetioleError) return { kind: "fail", lease, reason: reasonOf(error) };
    throw error;
  }
  if (asHandler) {
    const step = { delivery, task, value, result, following, stop };
    const unsent = await asHandler(() => sendNext(step, context));
    if (unsent) return unsent;
  }
  return { kind: "complete", lease, result: result.text };
}

/** An end with the task's own time for which its record is kept. */
function keeping(settlement: Settlement, { keep }: TaskSettings): Settlement {
  const goesOn =
    settlement.kind === "retryAt" || settlement.kind === "defer" || settlement.kind === "release";
  return keep === undefined || goesOn ? settlement : { ...settlement, keep };
}

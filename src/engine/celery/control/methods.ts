/**
 * What a worker can be asked by remote control, by Celery's names. An answer is as Celery's own workers give it.
 *
 * @module
 */
import type { Broker } from "../broker.ts";
import type { Cancels } from "../cancels.ts";
import type { Delayed } from "../delayed.ts";
import type { EventSender } from "../events/sender.ts";
import type { Heart } from "../events/heart.ts";
import type { RunningTasks } from "../held.ts";
import type { ProtocolSettings } from "../protocol/settings.ts";
import { toTime } from "../protocol/times.ts";
import type { Ready } from "../ready.ts";
import { lasts, stampValues, type Revoked } from "../revoked.ts";
import type { LogicalClock } from "./clock.ts";
import { isObject } from "./message.ts";
import { rateOf, type TaskLimits } from "./rates.ts";
import { confOf, reportOf, statsOf } from "./stats.ts";
import { taskInfo } from "./task-info.ts";
import type { Workers } from "./workers.ts";

/** What answers are made of. */
export interface NodeContext {
  readonly hostname: string;
  readonly protocol: ProtocolSettings;
  readonly broker: Broker;
  readonly clock: LogicalClock;
  readonly workers: Workers;
  readonly limits: TaskLimits;
  readonly running: RunningTasks;
  readonly delayed: Delayed;
  readonly revoked: Revoked;
  readonly cancels: Cancels;
  readonly ready: Ready;
  readonly events: EventSender;
  readonly heart: Heart;
}

type Given = Readonly<Record<string, unknown>>;
type Method = (node: NodeContext, given: Given) => unknown;

/** The answers, by method. One that is undefined is not sent; what is thrown is answered as an error. */
export const methods: Readonly<Record<string, Method>> = {
  ping: () => ok("pong"),
  hello,
  clock: ({ clock }) => ({ clock: clock.value }),
  stats: statsOf,
  conf: confOf,
  dump_conf: confOf,
  report: () => ok(reportOf()),
  active,
  dump_active: active,
  reserved,
  dump_reserved: reserved,
  scheduled,
  dump_schedule: scheduled,
  query_task: queryTask,
  revoked: revokedIds,
  dump_revoked: revokedIds,
  registered,
  registered_tasks: registered,
  dump_tasks: registered,
  active_queues: activeQueues,
  memsample: () => `${Math.round(process.memoryUsage.rss() / 1024 ** 2)}MB`,
  revoke,
  terminate: (node, given) => revoke(node, { ...given, terminate: true }),
  revoke_by_stamped_headers: revokeByStamps,
  rate_limit: rateLimit,
  time_limit: timeLimit,
  enable_events: ({ events }) =>
    ok(events.enableTasks(true) ? "task events enabled" : "task events already enabled"),
  disable_events: ({ events }) =>
    ok(events.enableTasks(false) ? "task events disabled" : "task events already disabled"),
  heartbeat: ({ heart }) => heart.beat(),
  add_consumer: addConsumer,
  cancel_consumer: cancelConsumer,
  shutdown,
  pool_grow: fixed,
  pool_shrink: fixed,
  autoscale: fixed,
  pool_restart: () => {
    throw new Error("a worker of Petiole's has no pool of processes: restart its process");
  },
  // Celery's workers choose one among themselves, which this one takes no part in.
  election: () => undefined,
};

function ok(value: unknown): object {
  return { ok: value };
}

/** The ids that were called off, and where the clock is: what a worker that starts wants to know. */
function hello({ revoked, cancels, clock, hostname }: NodeContext, given: Given): unknown {
  if (given["from_node"] === hostname) return null;
  // Celery's own write when as well, by a clock that others cannot read.
  if (isObject(given["revoked"])) cancels.learn(Object.keys(given["revoked"]));
  const known = [...revoked.all()].filter(([, { at }]) => at + lasts > Date.now());
  return {
    revoked: Object.fromEntries(known.map(([id, { at }]) => [id, monotonic(at)])),
    clock: clock.forward(),
  };
}

/** Seconds of Python's monotonic clock, which on one machine is Node's. A whole number would be refused. */
function monotonic(at: number): number {
  const seconds = Number(process.hrtime.bigint()) / 1e9 - (Date.now() - at) / 1000;
  return Number.isInteger(seconds) ? seconds + 0.001 : seconds;
}

function active({ running, hostname }: NodeContext, { safe }: Given): object[] {
  return [...running.all()].map((task) =>
    taskInfo(task, { hostname, startedAt: task.startedAt, isSafe: safe === true }),
  );
}

/** What waits for the rate of its task. */
function reserved({ delayed, hostname }: NodeContext): object[] {
  return delayed
    .entries()
    .filter(({ isLimited }) => isLimited)
    .map((task) => taskInfo(task, { hostname, isSafe: false }));
}

/** What waits for its time. */
function scheduled({ delayed, hostname }: NodeContext): object[] {
  return delayed
    .entries()
    .filter(({ isLimited }) => !isLimited)
    .map((task) => ({
      eta: toTime(task.runAt),
      priority: 6,
      request: taskInfo(task, { hostname, isSafe: false }),
    }));
}

function queryTask({ running, delayed, hostname }: NodeContext, { ids }: Given): object {
  const wanted = new Set(textsOf(ids));
  const found: [string, unknown][] = [];
  for (const task of running.all())
    if (wanted.has(task.received.message.id))
      found.push([
        task.received.message.id,
        ["active", taskInfo(task, { hostname, startedAt: task.startedAt, isSafe: false })],
      ]);
  for (const task of delayed.entries())
    if (wanted.has(task.received.message.id))
      found.push([task.received.message.id, ["reserved", taskInfo(task, { hostname, isSafe: false })]]);
  return Object.fromEntries(found);
}

function revokedIds({ revoked }: NodeContext): string[] {
  return [...revoked.all()].map(([id]) => id);
}

function registered({ workers, limits }: NodeContext): string[] {
  return workers.tasks.map((task) => {
    const rate = limits.rateOf(task);
    return rate === undefined ? task : `${task} [rate_limit=${rate}]`;
  });
}

function activeQueues({ workers }: NodeContext): object[] {
  return workers.queues.map((name) => ({
    name,
    exchange: { name, type: "direct", durable: true, auto_delete: false, arguments: null },
    routing_key: name,
    queue_arguments: null,
    binding_arguments: null,
    consumer_arguments: null,
    durable: true,
    exclusive: false,
    auto_delete: false,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: null,
  }));
}

function revoke({ cancels }: NodeContext, given: Given): object {
  const ids = textsOf(given["task_id"]);
  if (ids.length === 0) throw new Error("revoke needs task_id, an id or a list of them");
  const here = cancels.heard(given);
  if (given["terminate"] !== true) return ok(`tasks ${shown(ids)} flagged as revoked`);
  return ok(here.length === 0 ? "terminate: tasks unknown" : `terminate: ${here.join(", ")}`);
}

function revokeByStamps({ cancels }: NodeContext, given: Given): object {
  const { headers, terminate } = given;
  const isTold = Array.isArray(headers)
    ? headers.some((text) => typeof text === "string" && text.includes("="))
    : isObject(headers) && Object.values(headers).some((told) => stampValues(told).length > 0);
  if (!isTold) throw new Error("revoke_by_stamped_headers needs headers, {name: value} or {name: [values]}");
  const here = cancels.heard({ headers, terminate, petiole: given["petiole"] });
  const what = `headers ${JSON.stringify(headers).slice(0, 1000)}`;
  if (terminate !== true) return ok(`${what} flagged as revoked, but not terminated`);
  return ok(here.length === 0 ? `${what} were not terminated` : `${what} revoked`);
}

function rateLimit({ workers, limits, delayed }: NodeContext, given: Given): object {
  const { task_name: task, rate_limit: told } = given;
  const rate = rateOf(told);
  if (rate === undefined)
    return { error: `Invalid rate limit string: ${JSON.stringify(told)?.slice(0, 100)}, which is no "10/m"` };
  if (typeof task !== "string" || !workers.mayRun(task)) return { error: "unknown task" };
  limits.setRate(task, rate, String(told));
  delayed.reschedule(task, () => limits.reserve(task, Date.now()));
  return ok(rate === 0 ? "rate limit disabled successfully" : "new rate limit set successfully");
}

function timeLimit({ workers, limits }: NodeContext, given: Given): object {
  const { task_name: task } = given;
  if (typeof task !== "string" || !workers.mayRun(task)) return { error: "unknown task" };
  const seconds = [given["hard"], given["soft"]].flatMap((told) => {
    if (told === null || told === undefined || told === 0) return [];
    if (typeof told === "number" && Number.isFinite(told) && told > 0) return [told];
    throw new Error("hard and soft are seconds, more than 0");
  });
  // A run here is stopped once: there is no exception to be caught first.
  limits.setTime(task, seconds.length === 0 ? undefined : Math.min(...seconds) * 1000);
  return ok("time limits set successfully");
}

function addConsumer({ workers, ready }: NodeContext, given: Given): object {
  const queue = queueIn(given);
  const { exchange, routing_key: key } = given;
  for (const [name, told] of Object.entries({ exchange, routing_key: key }))
    if (told !== undefined && told !== null && told !== "" && told !== queue)
      throw new Error(`${name} other than the queue's own name is not done: bind the queue yourself`);
  workers.addQueue(queue);
  ready.add(queue);
  return ok(`add consumer ${queue}`);
}

function cancelConsumer({ workers, ready }: NodeContext, given: Given): object {
  const queue = queueIn(given);
  workers.cancelQueue(queue);
  ready.remove(queue);
  return ok(`no longer consuming from ${queue}`);
}

function queueIn({ queue }: Given): string {
  if (typeof queue === "string" && queue !== "" && queue.length <= 255) return queue;
  throw new Error("queue is the name of one");
}

/** A warm stop, as Celery's: what runs may finish. */
function shutdown({ workers }: NodeContext): object {
  const { abouts } = workers;
  if (abouts.length === 0) throw new Error("no worker here can be asked to stop: end its process");
  // Its answer is sent while it is heard still.
  setImmediate(() => {
    for (const { stop } of abouts) stop();
  });
  return ok("shutting down: what runs may finish");
}

function fixed(): never {
  throw new Error(
    "the concurrency of a worker of Petiole's is set where it is made: app.worker({ concurrency })",
  );
}

function textsOf(told: unknown): readonly string[] {
  return (Array.isArray(told) ? told : [told]).filter((each): each is string => typeof each === "string");
}

function shown(ids: readonly string[]): string {
  const some = ids.slice(0, 20).join(", ");
  return ids.length > 20 ? `${some} and ${ids.length - 20} more` : some;
}

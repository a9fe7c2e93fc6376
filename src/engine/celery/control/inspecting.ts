/**
 * What a worker tells when it is asked: Celery's `inspect`.
 *
 * @module
 */
import { toTime } from "../protocol/times.ts";
import { queueOptions } from "../queue-options.ts";
import { lasts } from "../revoked.ts";
import { isObject } from "../protocol/malformed.ts";
import { textsOf, type Given, type NodeContext } from "./node-context.ts";
import { taskInfo } from "./task-info.ts";

/** The ids that were called off, and where the clock is: what a worker that starts wants to know. */
export function hello({ revoked, cancels, clock, hostname }: NodeContext, given: Given): unknown {
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

export function active({ running, hostname }: NodeContext, { safe }: Given): object[] {
  return [...running.all()].map((task) =>
    taskInfo(task, { hostname, startedAt: task.startedAt, isSafe: safe === true }),
  );
}

/** What waits for the rate of its task. */
export function reserved({ delayed, hostname }: NodeContext): object[] {
  return delayed
    .entries()
    .filter(({ isLimited }) => isLimited)
    .map((task) => taskInfo(task, { hostname, isSafe: false }));
}

/** What waits for its time. */
export function scheduled({ delayed, hostname }: NodeContext): object[] {
  return delayed
    .entries()
    .filter(({ isLimited }) => !isLimited)
    .map((task) => ({
      eta: toTime(task.runAt),
      priority: 6,
      request: taskInfo(task, { hostname, isSafe: false }),
    }));
}

export function queryTask({ running, delayed, hostname }: NodeContext, { ids }: Given): object {
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

export function revokedIds({ revoked }: NodeContext): string[] {
  return [...revoked.all()].map(([id]) => id);
}

export function registered({ workers, limits }: NodeContext): string[] {
  return workers.tasks.map((task) => {
    const rate = limits.rateOf(task);
    return rate === undefined ? task : `${task} [rate_limit=${rate}]`;
  });
}

export function activeQueues({ workers, queues }: NodeContext): object[] {
  return workers.queues.map((name) => {
    const options = queueOptions(queues, name) ?? {};
    const { type, routingKey = name, arguments: given } = options;
    const told = options.exchange ?? { name };
    const exchange = {
      name: told.name,
      type: told.type ?? "direct",
      durable: true,
      auto_delete: false,
      arguments: null,
    };
    const ofQueue = { ...(type !== undefined && { "x-queue-type": type }), ...given };
    return {
      name,
      exchange,
      routing_key: routingKey,
      queue_arguments: Object.keys(ofQueue).length === 0 ? null : ofQueue,
      binding_arguments: null,
      consumer_arguments: null,
      durable: true,
      exclusive: false,
      auto_delete: false,
      no_ack: false,
      alias: null,
      bindings: (options.bindings ?? []).map((key) => ({
        exchange,
        routing_key: key,
        arguments: null,
        unbind_arguments: null,
      })),
      no_declare: null,
      expires: null,
      message_ttl: null,
      max_length: null,
      max_length_bytes: null,
      max_priority: null,
    };
  });
}

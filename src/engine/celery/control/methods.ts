/**
 * What a worker can be asked by remote control, by Celery's names. An answer is as Celery's own workers give it.
 *
 * @module
 */
import {
  active,
  activeQueues,
  hello,
  queryTask,
  registered,
  reserved,
  revokedIds,
  scheduled,
} from "./inspecting.ts";
import { ok, type Given, type NodeContext } from "./node-context.ts";
import { confOf, reportOf, statsOf } from "./stats.ts";
import {
  addConsumer,
  cancelConsumer,
  fixed,
  rateLimit,
  revoke,
  revokeByStamps,
  shutdown,
  timeLimit,
} from "./steering.ts";

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

/** Who is compared with whom, in what, and what is asked of ours. @module */
import { named } from "../wire/peer.ts";
import type { Contest } from "./contest.ts";

/** What is of interest of others that have no bar. */
const beside: Contest["metrics"] = {
  "enqueue, 50 in flight": null,
  "process, concurrency 50": null,
  "end to end": null,
  "idle latency p50": null,
};
const few = { pairs: 3, size: { warmUp: 500, count: 2000 } };
const pgBossOptions =
  "raw pg-boss: work() with batches as large as the concurrency, burstWhenBatchFull, and a result for each job";

/** By the name that `--case` takes. */
export const contests: Readonly<Record<string, Contest>> = {
  sqlite: {
    case: "SQLite engine",
    ours: { side: "petiole-sqlite", store: "file" },
    peer: { side: "bullmq", store: "redis" },
    peerName: `${named("bullmq")}, Redis everysec`,
    metrics: {
      "enqueue, 50 in flight": 2,
      "process, concurrency 10": 2,
      "process, concurrency 50": 2.5,
      "end to end": 2,
      "idle latency p50": 1.5,
    },
    note: "durability: process (synchronous=NORMAL), beside appendfsync everysec",
    pairs: 5,
    size: { warmUp: 2000, count: 10_000 },
  },
  power: {
    case: "SQLite engine, power loss",
    ours: { side: "petiole-sqlite", store: "file, power" },
    peer: { side: "bullmq", store: "redis, always" },
    peerName: `${named("bullmq")}, Redis always`,
    metrics: {
      "enqueue, 50 in flight": null,
      "process, concurrency 10": null,
      "process, concurrency 50": null,
      "end to end": null,
    },
    note: "durability: power (synchronous=FULL), beside appendfsync always",
    pairs: 3,
    size: { warmUp: 2000, count: 10_000 },
  },
  bullmq: {
    case: "BullMQ engine",
    ours: { side: "petiole-bullmq", store: "redis" },
    peer: { side: "bullmq", store: "redis" },
    peerName: `${named("bullmq")}, Redis everysec`,
    metrics: {
      "enqueue, 50 in flight": 0.85,
      "process, concurrency 50": 0.85,
      "end to end": null,
      "idle latency p50": null,
    },
    note: "both on one Redis, appendfsync everysec, with results kept",
    pairs: 5,
    size: { warmUp: 2000, count: 10_000 },
  },
  "pg-boss": {
    case: "pg-boss engine",
    ours: { side: "petiole-pg-boss", store: "postgres" },
    peer: { side: "pg-boss", store: "postgres" },
    peerName: `${named("pg-boss")}, PostgreSQL`,
    metrics: {
      "enqueue, 50 in flight": 0.9,
      "process, concurrency 50": 0.9,
    },
    note: `${pgBossOptions}; no NOTIFY, which would slow its sends`,
    pairs: 5,
    size: { warmUp: 500, count: 2000 },
  },
  "pg-boss-notify": {
    case: "pg-boss engine",
    ours: { side: "petiole-pg-boss", store: "postgres" },
    peer: { side: "pg-boss-notify", store: "postgres" },
    peerName: `${named("pg-boss")}, PostgreSQL, notify`,
    metrics: beside,
    note: pgBossOptions,
    pairs: 3,
    size: { warmUp: 200, count: 1000 },
  },
  plainjob: {
    case: "SQLite engine",
    ours: { side: "petiole-sqlite", store: "file" },
    peer: { side: "plainjob", store: "file" },
    peerName: `${named("plainjob")}, ${named("better-sqlite3")}`,
    metrics: beside,
    note: "plainjob: synchronous=NORMAL, polls every 10 ms; it keeps jobs that are done, but no results",
    ...few,
  },
  liteque: {
    case: "SQLite engine",
    ours: { side: "petiole-sqlite", store: "file" },
    peer: { side: "liteque", store: "file" },
    peerName: `${named("liteque")}, ${named("better-sqlite3")}`,
    metrics: beside,
    note: "liteque: synchronous=NORMAL, polls every 10 ms; it deletes jobs that are done",
    trial: true,
    ...few,
  },
  "graphile-worker": {
    case: "SQLite engine, power loss",
    ours: { side: "petiole-sqlite", store: "file, power" },
    peer: { side: "graphile-worker", store: "postgres" },
    peerName: `${named("graphile-worker")}, PostgreSQL`,
    metrics: beside,
    note: "graphile-worker: a local queue of 500, completions in batches; it deletes jobs that are done",
    ...few,
  },
  "raw-pg-boss": {
    case: "SQLite engine, power loss",
    ours: { side: "petiole-sqlite", store: "file, power" },
    peer: { side: "pg-boss-notify", store: "postgres" },
    peerName: `${named("pg-boss")}, PostgreSQL, notify`,
    metrics: beside,
    note: pgBossOptions,
    pairs: 3,
    size: { warmUp: 200, count: 1000 },
  },
};

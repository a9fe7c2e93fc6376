/** Who is compared with whom, in what, and what is asked of ours. @module */
import { named } from "../wire/peer.ts";
import type { Contest } from "./contest.ts";

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
    pairs: 7,
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
};

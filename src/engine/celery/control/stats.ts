/**
 * What a worker tells of itself: nothing that is secret.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { type as system } from "node:os";
import type { NodeContext } from "./node-context.ts";

const began = performance.now();
let known: string | undefined;

/** The version of this package. */
export function version(): string {
  known ??= readVersion();
  return known;
}

function readVersion(): string {
  try {
    const text = readFileSync(new URL("../../../../package.json", import.meta.url), "utf8");
    return String((JSON.parse(text) as { readonly version?: unknown }).version);
  } catch {
    // Bundled with something else.
    return "0";
  }
}

/** What Celery's tools show as the software of a worker. */
export function software(): { readonly sw_ident: string; readonly sw_ver: string; readonly sw_sys: string } {
  return { sw_ident: "petiole", sw_ver: version(), sw_sys: system() };
}

/** As `inspect stats` tells it. */
export function statsOf({ workers, clock, broker, limits }: NodeContext): object {
  const { concurrency } = workers;
  const usage = process.resourceUsage();
  return {
    total: Object.fromEntries(workers.total),
    pid: process.pid,
    clock: String(clock.value),
    uptime: Math.round((performance.now() - began) / 1000),
    pool: {
      implementation: "petiole",
      "max-concurrency": concurrency,
      processes: [process.pid],
      "max-tasks-per-child": "N/A",
      "put-guarded-by-semaphore": false,
      timeouts: [0, 0],
      writes: "N/A",
    },
    broker: { transport: broker.name === "Redis" ? "redis" : "amqp", hostname: null, port: null },
    prefetch_count: limits.any ? 4 * concurrency : concurrency,
    rusage: {
      utime: usage.userCPUTime / 1e6,
      stime: usage.systemCPUTime / 1e6,
      maxrss: usage.maxRSS,
      ixrss: usage.sharedMemorySize,
      idrss: usage.unsharedDataSize,
      isrss: usage.unsharedStackSize,
      minflt: usage.minorPageFault,
      majflt: usage.majorPageFault,
      nswap: usage.swappedOut,
      inblock: usage.fsRead,
      oublock: usage.fsWrite,
      msgsnd: usage.ipcSent,
      msgrcv: usage.ipcReceived,
      nsignals: usage.signalsCount,
      nvcsw: usage.voluntaryContextSwitches,
      nivcsw: usage.involuntaryContextSwitches,
    },
  };
}

/** As `inspect conf` tells it: what is agreed with others, and nothing of where or who. */
export function confOf({ protocol, workers, events }: NodeContext): object {
  return {
    timezone: "UTC",
    enable_utc: true,
    accept_content: ["json"],
    task_serializer: "json",
    result_serializer: "json",
    task_acks_late: true,
    task_default_queue: protocol.defaultQueue ?? "celery",
    worker_concurrency: workers.concurrency,
    worker_send_task_events: events.isTasks,
  };
}

/** As `inspect report` tells it. */
export function reportOf(): string {
  return [
    `software -> petiole:${version()} node:${process.versions.node} v8:${process.versions.v8}`,
    `platform -> system:${process.platform} arch:${process.arch}`,
    "loader   -> none: tasks are those of the app",
  ].join("\n");
}

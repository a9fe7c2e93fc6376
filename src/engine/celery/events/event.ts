/**
 * Events as they arrive, from anyone: checked, and in the words of this side.
 *
 * @module
 */
import type { Json } from "../../../message.ts";
import { isObject } from "../protocol/malformed.ts";

/** What all events have. */
interface Common {
  /** The name of the worker that tells, or of the process that has sent a task. */
  readonly worker: string;
  /** When it happened, by that worker's clock, in epoch milliseconds. */
  readonly at: number;
  /** Celery's logical clock: of two events the one that came first has the lower. 0 where it is not told. */
  readonly clock: number;
  readonly pid?: number;
  /** All that was told, in Celery's own words. */
  readonly fields: Readonly<Record<string, Json>>;
}

/** A task was sent, received, started, or has ended. */
export interface CeleryTaskEvent extends Common {
  /** `task-sent`, `task-received`, `task-started`, `task-succeeded`, `task-failed`, `task-retried`, `task-revoked`, … */
  readonly type: `task-${string}`;
  /** The task's id. */
  readonly id: string;
}

/** A worker is there, or leaves. */
export interface CeleryWorkerEvent extends Common {
  /** `worker-online`, `worker-heartbeat`, `worker-offline`. */
  readonly type: `worker-${string}`;
}

/** An event of somebody's own. */
export interface CeleryOtherEvent extends Common {
  /** Whatever its sender calls it. */
  readonly type: string & {};
}

/** Something that a worker, or a sender of tasks, has told. */
export type CeleryEvent = CeleryTaskEvent | CeleryWorkerEvent | CeleryOtherEvent;

/** Whether it tells of a task. */
export function isTaskEvent(event: CeleryEvent): event is CeleryTaskEvent {
  return event.type.startsWith("task-");
}

/** Whether it tells of a worker. */
export function isWorkerEvent(event: CeleryEvent): event is CeleryWorkerEvent {
  return event.type.startsWith("worker-");
}

/** Longer names are nobody's. */
const longest = 1000;

/** Reads one event; undefined for what is none. */
export function readEvent(told: unknown): CeleryEvent | undefined {
  if (!isObject(told)) return undefined;
  const { type, hostname, timestamp, clock, pid, uuid } = told;
  if (!isName(type) || !isName(hostname)) return undefined;
  if (typeof timestamp !== "number" || !Number.isFinite(timestamp) || Math.abs(timestamp) > 8.64e12)
    return undefined;
  if (type.startsWith("task-") && !isName(uuid)) return undefined;
  return {
    type,
    worker: hostname,
    at: timestamp * 1000,
    clock: typeof clock === "number" && Number.isSafeInteger(clock) ? clock : 0,
    ...(typeof pid === "number" && { pid }),
    ...(type.startsWith("task-") && { id: uuid as string }),
    fields: told as Record<string, Json>,
  };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= longest;
}

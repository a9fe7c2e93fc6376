/**
 * How a task ended, as Celery's result backends keep it.
 *
 * @module
 */
import type { Reason, TaskState } from "../../../engine.ts";
import type { Json } from "../../../message.ts";

/** The end of a task. */
export interface TaskEnd {
  readonly id: string;
  /** `"SUCCESS"`, `"FAILURE"`, `"REVOKED"`: what Python sees. `"STARTED"` and `"RETRY"` are no ends. */
  readonly status: string;
  /** One of ours, where it was an engine of ours that stored it; else as the status tells. */
  readonly state: Extract<
    TaskState,
    "succeeded" | "failed" | "parked" | "skipped" | "discarded" | "expired" | "cancelled"
  >;
  /** Wire text, of a success. */
  readonly result?: string;
  readonly reason?: Reason;
  readonly endedAt: number;
  /** Where the sender of the result has told: Celery does with `result_extended`, this engine always. */
  readonly task?: string;
  readonly queue?: string;
  readonly worker?: string;
  /** Attempts that ended. */
  readonly attempts?: number;
  /** The payload's wire text, where it was told. */
  readonly payload?: string;
  readonly headers?: { readonly [name: string]: Json };
  readonly sentAt?: number;
  /** Ids of the tasks that this one's message made follow. */
  readonly children?: readonly string[];
  readonly parentId?: string;
  readonly groupId?: string;
  readonly traceback?: string;
  /** For how many milliseconds it is kept; the option `resultExpires` unless told. */
  readonly keep?: number;
}

/**
 * What the parts on Redis are made with, and the names of their keys.
 *
 * @module
 */
import type { CeleryQueues } from "../queue-options.ts";

/** How the parts on Redis behave. Times in milliseconds. */
export interface RedisSettings {
  /** Kombu's `global_keyprefix`: before every key and channel of the broker. */
  readonly keyPrefix: string;
  /** The same of the result backend. Default: `keyPrefix`. */
  readonly resultPrefix?: string;
  /** How queues are bound and reached. Default: each by its own name. */
  readonly queues?: CeleryQueues;
  /** The same as of all other workers on this database: after so long Celery takes a message for lost. */
  readonly visibilityTimeout: number;
  /** How long a result is kept, unless its end says otherwise. */
  readonly resultExpires: number;
  /** How long a call waits for a Redis that cannot be reached, or does not answer. */
  readonly timeout: number;
  /** How often to look for what nothing has told of. */
  readonly pollInterval: number;
  /** The number of the database, for the names of channels. Default: the client's. */
  readonly database?: number;
  /** This worker's name: control messages that are for certain workers alone are heard if it is among them. */
  readonly hostname?: string;
}

/** What stands between the parts of a name in Kombu. */
export const separator = "\u0006\u0016";

/** In the order in which they are taken: 0 is the highest. */
const steps = [0, 3, 6, 9] as const;

/** The list of Kombu's that a message of this priority waits in: 5 waits among those of 3. */
export function listOf(queue: string, priority: number): string {
  const step = steps.findLast((least) => least <= priority) ?? 0;
  return step === 0 ? queue : `${queue}${separator}${step}`;
}

/** All lists of a queue, in the order in which they are taken. */
export function listsOf(queue: string): string[] {
  return steps.map((step) => listOf(queue, step));
}

/** A priority as Kombu reads it: a whole number from 0 to 9, 0 for whatever is none. */
export function priorityOf(value: unknown): number {
  const number =
    typeof value === "number" || typeof value === "string" ? Math.trunc(Number(value)) : Number.NaN;
  return Number.isNaN(number) ? 0 : Math.min(Math.max(number, 0), 9);
}

/**
 * What an engine carries. Everything an engine, a seal or a dashboard may know about a task is here;
 * what is inside `payload` is known to `wire/` alone.
 *
 * @module
 */

/** Any JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What travels beside the payload, readable without decoding it. Plain JSON. */
export interface MessageHeaders {
  /** The version of the wire format of `payload`. 0: plain JSON that others wrote, in which nothing has a meaning of ours. */
  readonly wire: number;
  /**
   * The value classes that the payload uses, each with its version from 2 on, `shop.Money@2`, so that a worker
   * knows before decoding whether it can.
   */
  readonly types?: readonly string[];
  /** The version of the task's payload. 1 where it is left out. */
  readonly version?: number;
  /** What follows it in a chain, each step with all that its message is made of: see `task/following.ts`. */
  readonly chain?: Json;
  /** A run may take so many milliseconds, whatever the task allows: from senders that say it with each task. */
  readonly timeout?: number;
  readonly [name: string]: Json | undefined;
}

/** The headers that a message itself uses: whoever adds others must leave these alone. */
export const ownHeaders: ReadonlySet<string> = new Set([
  "wire",
  "types",
  "version",
  "parent",
  "root",
  "expires",
  "schedule",
  "chain",
  "timeout",
]);

/** One task on its way: five fields, the payload as text. */
export interface Message {
  /** Unique for good; chosen by the sender before the send. */
  readonly id: string;
  /** The task's name, `posts.index`. */
  readonly task: string;
  /** The queue it waits in. */
  readonly queue: string;
  /** The payload, as wire text. */
  readonly payload: string;
  /** What travels beside the payload. */
  readonly headers: MessageHeaders;
}

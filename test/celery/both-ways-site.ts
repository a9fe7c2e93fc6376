/**
 * What the tests of both directions share: one broker, a worker and a client of Python's, and a worker of ours.
 *
 * @module
 */
import type { Petiole, Task } from "petiole";
import type { CeleryWorker, SiteClient } from "./site.ts";

/** All of it, once it runs. */
export interface BothWays {
  /** One process that runs one task at a time. It takes from `celery` and `py.order`. */
  readonly python: CeleryWorker;
  readonly client: SiteClient;
  /** With the tasks that our worker runs, in the queue `ts`. */
  readonly app: Petiole;
  /** What those have told, in its order. */
  readonly ran: string[];
  /** A file of the test's own, that is not there yet. */
  readonly file: () => string;
  /** The lines of one; none of one that is not there. */
  readonly linesOf: (path: string) => readonly string[];
  /** A task of Python's. */
  readonly site: <P extends object, R = unknown>(name: string, queue?: string) => Task<P, R>;
}

/** How long anything may take on a machine that has much to do. In milliseconds. */
export const timeout = 20_000;

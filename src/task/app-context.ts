/** What the parts of an app share. @module */
import type { Engine } from "../engine.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import type { TaskWire } from "../wire/wire.ts";
import type { Middleware } from "./middleware.ts";
import type { Relay } from "./relay.ts";
import type { RetiredTask } from "./retired.ts";
import type { Schedule, Scheduler } from "./schedule.ts";
import type { Task } from "./task.ts";
import type { Transactions } from "./transaction.ts";

/** One app, from inside. */
export interface AppContext {
  /** Replaced while the app is under test. */
  engine: Engine;
  readonly wire: TaskWire;
  readonly adapters: readonly OrmAdapter[];
  readonly tasks: Map<string, Task>;
  /** Tasks by the names they had before. */
  readonly aliases: Map<string, Task>;
  /** The tasks that are gone on purpose, by name. */
  readonly retired: Map<string, RetiredTask>;
  readonly transactions: Transactions;
  /** Sends what is in the outbox; undefined where there is none. */
  readonly relay: Relay | undefined;
  readonly middleware: Middleware[];
  readonly schedules: Map<string, Schedule>;
  /** The schedulers of the workers that run, to be told of each schedule that is added. */
  readonly schedulers: Set<Scheduler>;
}

/** Where an app keeps its {@link AppContext}, for `testing/`. */
export const appContext: unique symbol = Symbol("petiole.appContext");

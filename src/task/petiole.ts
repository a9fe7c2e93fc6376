/** Petiole: the app that web and worker processes share. @module */
import type { Engine } from "../engine.ts";
import { PetioleError, checkNames } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { checkKey, keyOfRow } from "../model/key.ts";
import { referTo, type ReferenceOptions, type RowOf } from "../model/ref.ts";
import { findModel, modelIn } from "../model/registry.ts";
import type { Key, Reference } from "../wire/reference.ts";
import type { ValueEntry } from "../wire/value-type.ts";
import { appContext, type AppContext } from "./app-context.ts";
import { Chain } from "./chain.ts";
import type { ChainArguments, CheckedSteps, ResultsOf } from "./chain-types.ts";
import { Group, type CheckedMembers } from "./group.ts";
import { refuseLackingOptions, refuseLackingSchedule } from "./lacking.ts";
import { makeAppContext, type PetioleOptions } from "./make-app-context.ts";
import type { Middleware } from "./middleware.ts";
import {
  optionError,
  settingsOf,
  taskName,
  type AnyTaskOptions,
  type GeneralTaskOptions,
  type TaskOptions,
} from "./options.ts";
import { outboxTable } from "./outbox.ts";
import type { KnownOf, Portable, RowsOf, Sent } from "./portable.ts";
import { runningRelay, type Relay, type RelayOptions, type RunningRelay } from "./relay.ts";
import {
  SaveListeners,
  checkedOperation,
  checkedSaveOptions,
  isWhole,
  saveListener,
  type PropertyFor,
  type SaveListener,
  type SaveOptions,
  type SavedOptions,
} from "./saved.ts";
import type { TransactionOf } from "./transaction-of.ts";
import { retiredTask, type RetiredTaskOptions } from "./retired.ts";
import type { ScheduleOptions } from "./schedule.ts";
import { Task, type Handler } from "./task.ts";
import { Worker, type WorkerOptions } from "./worker.ts";

/** The arguments of `schedule` after the pattern: the payload may be left out where undefined is one. */
type ScheduleArguments<Payload, Known> = undefined extends Payload
  ? [payload?: Portable<Payload, Known>, options?: ScheduleOptions]
  : [payload: Portable<Payload, Known>, options?: ScheduleOptions];

/**
 * An app: an engine, the types that travel, and the tasks.
 *
 * @example
 * export const app = new Petiole({
 *   engine: sqlite("tasks.db"),
 *   values: [Money],
 *   models: [drizzle(db, { "qa.Question": questions, "qa.Comment": comments })],
 * });
 */
export class Petiole<
  const Values extends readonly ValueEntry[] = [],
  const Models extends readonly OrmAdapter[] = [],
> {
  /** For `petiole/testing` alone. */
  readonly [appContext]: AppContext;
  readonly #defaults: GeneralTaskOptions;
  readonly #listeners = new SaveListeners();

  /**
   * @throws PetioleError `ERR_OPTION_INVALID`, `ERR_TYPE_NAME`, and `ERR_MODEL_DEFINITION` when two models
   *   have one name
   */
  constructor(options: PetioleOptions<Values, Models>) {
    this[appContext] = makeAppContext(options, this.#listeners);
    this.#defaults = options.defaults ?? {};
  }

  /** Where its tasks wait. */
  get engine(): Engine {
    return this[appContext].engine;
  }

  /**
   * A task, by a name that is chosen for good.
   *
   * With a handler it is whole. Without one it is the contract: types and options that web processes may
   * import, to which `.run(handler)` attaches the work where the worker runs.
   *
   * @throws PetioleError `ERR_TASK_DUPLICATE` when the app has a task of that name, `ERR_OPTION_INVALID`,
   *   `ERR_ENGINE_UNSUPPORTED` for an option that the engine cannot honour
   *
   * @example
   * export const index = app.task("posts.index", async ({ post }: { post: Post }, job) => {
   *   return { words: post.body.split(/\s+/).length };
   * });
   * export const notify = app.task<{ to: string }, void>("posts.notify", { retry: { attempts: 3 } });
   */
  task<Payload, Result>(
    name: string,
    handler: Handler<Payload, Result, RowsOf<Models>>,
    options?: TaskOptions<Payload, Sent<Payload, KnownOf<Values, Models>>, RowsOf<Models>>,
  ): Task<Payload, Result, KnownOf<Values, Models>, RowsOf<Models>>;
  task<Payload = unknown, Result = unknown>(
    name: string,
    options?: TaskOptions<Payload, Sent<Payload, KnownOf<Values, Models>>, RowsOf<Models>>,
  ): Task<Payload, Result, KnownOf<Values, Models>, RowsOf<Models>>;
  task(name: string, handlerOrOptions: unknown = {}, optionsAfterHandler: unknown = {}): unknown {
    this.#checkFree(name);
    const [handler, options] =
      typeof handlerOrOptions === "function"
        ? [handlerOrOptions, optionsAfterHandler]
        : [undefined, handlerOrOptions];
    const settings = settingsOf(name, options as AnyTaskOptions, this.#defaults);
    refuseLackingOptions(name, settings, this.engine);
    const { tasks, aliases } = this[appContext];
    for (const [index, alias] of settings.aliases.entries()) {
      this.#checkFree(alias);
      if (alias === name || settings.aliases.includes(alias, index + 1)) throw duplicate(alias);
    }
    const task = new Task(this[appContext], name, settings, handler as never);
    tasks.set(name, task as Task);
    for (const alias of settings.aliases) aliases.set(alias, task as Task);
    return task;
  }

  /**
   * Says that a task is gone on purpose: those that are still under way fail, or are discarded, instead of being
   * parked for a worker that knows the task.
   *
   * @throws PetioleError `ERR_TASK_DUPLICATE` when the app has a task of that name, `ERR_OPTION_INVALID`
   *
   * @example
   * app.retired("posts.tweet", { outcome: "discard" });
   */
  retired(name: string, options: RetiredTaskOptions = {}): this {
    this.#checkFree(name);
    this[appContext].retired.set(name, retiredTask(name, options, this.#defaults.queue));
    return this;
  }

  /**
   * Adds middleware around every send and every run of this app, inside what was added before.
   *
   * @example
   * app.use({
   *   async enqueue({ headers }, next) {
   *     headers["tenant"] = tenant.getStore() ?? null;
   *     await next();
   *   },
   *   run: ({ headers }, next) => tenant.run(headers["tenant"], next),
   * });
   */
  use(middleware: Middleware<RowsOf<Models>>): this {
    this[appContext].middleware.push(middleware as unknown as Middleware);
    return this;
  }

  /**
   * Sends a task again and again, by the clock: once for each tick, however many workers there are. While no
   * worker runs, the tick that comes next is kept and runs late; those after it are left out. When the pattern
   * or the time zone is changed, what was sent by the old one ends as discarded.
   *
   * It needs the package `croner`, which also says what a pattern may be. What is wrong with a pattern shows when
   * a worker starts; of a schedule that is added while one runs, in that worker's log.
   *
   * @throws PetioleError `ERR_TASK_DUPLICATE` when there is a schedule of that name; `ERR_ENGINE_UNSUPPORTED` on an
   * engine that does not know the ids of what it was sent
   *
   * @example
   * app.schedule(report, "0 9 * * 1-5", { to: "sales" }, { timezone: "Europe/Vienna" });
   */
  schedule<Payload, Result>(
    task: Task<Payload, Result, KnownOf<Values, Models>, RowsOf<Models>>,
    pattern: string,
    ...[payload, options = {}]: ScheduleArguments<Payload, KnownOf<Values, Models>>
  ): this {
    checkNames(`The options of a schedule of ${task.name}`, options, { name: true, timezone: true });
    const { name = `${task.name} ${pattern}`, timezone } = options;
    refuseLackingSchedule(name, this.engine);
    if (this[appContext].schedules.has(name)) {
      throw new PetioleError(
        "ERR_TASK_DUPLICATE",
        `There is a schedule ${name} already; give each its own name.`,
      );
    }
    const schedule = { name, task: task as unknown as Task, pattern, timezone, payload };
    this[appContext].schedules.set(name, schedule);
    for (const scheduler of this[appContext].schedulers) scheduler.add(schedule);
    return this;
  }

  /**
   * Tasks that run one after the other: the payload of each is the result of the one before. A step is a task, a task
   * with options (`task.with`), or a task with a payload of its own (`task.signature`), which does not look at the result
   * before it. When a step ends otherwise than well, so does the chain: the steps after it are never run.
   *
   * Workers of this app carry it on. Where tasks are run by others (Python's, over Celery), the engine has chains of its
   * own.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for more than 100 steps, for a task of another app, for one with `unique`
   *
   * @example
   * const publish = app.chain(fetchPage, index.with({ queue: "slow" }), notify.signature({ to: "ada" }));
   * const handle = await publish.enqueue({ url: "https://example.org" });
   * await handle.result(); // what notify returned
   */
  chain<const Steps extends readonly [unknown, ...unknown[]]>(
    ...steps: Steps & CheckedSteps<Steps>
  ): Chain<ChainArguments<Steps[0]>, ResultsOf<Steps>> {
    return new Chain(this[appContext], steps);
  }

  /**
   * Tasks that are sent together, each with its payload, and whose results are waited for together. A member is
   * `task.signature(payload)`, or a chain that begins with one.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for what cannot be a member, or is a task of another app
   *
   * @example
   * const group = app.group(thumbnail.signature({ width: 200 }), count.signature({ text }));
   * const [small, words] = await (await group.enqueue()).results();
   */
  group<const Members extends readonly unknown[]>(
    ...members: Members & CheckedMembers<Members>
  ): Group<Members> {
    return new Group<Members>(this[appContext], members);
  }

  /**
   * A reference by the model's name and the row's key, where no row or table is at hand.
   *
   * @throws PetioleError `ERR_MODEL_UNKNOWN`, `ERR_REFERENCE_KEY`
   */
  ref<Name extends keyof RowsOf<Models> & string>(
    name: Name,
    key: Key,
    options: Omit<ReferenceOptions, "drift" | "ifMissing"> & { readonly ifMissing: "null" },
  ): Reference<Extract<RowsOf<Models>[Name], object> | null>;
  ref<Name extends keyof RowsOf<Models> & string>(
    name: Name,
    key: Key,
    options?: Omit<ReferenceOptions, "drift">,
  ): Reference<Extract<RowsOf<Models>[Name], object>>;
  ref(name: string, key: Key, options: Omit<ReferenceOptions, "drift"> = {}): Reference<never> {
    const model = findModel(this[appContext].adapters, name, options.connection);
    return referTo(model, checkKey(model.description, key), options) as Reference<never>;
  }

  /**
   * Runs `work` in a database transaction, and sends what is enqueued inside after its commit: never before,
   * never after a rollback. How safe it is in between, `transactions` of the app says.
   *
   * With the transaction of an outer call in place of the database it is a savepoint. On SQLite, outermost
   * transactions of one handle run one after another.
   *
   * @returns what `work` returned
   * @throws PetioleError `ERR_TRANSACTION_UNSUPPORTED`; `ERR_TASK_NOT_SENT` when it was committed but the
   *   engine did not accept the tasks; and whatever `work` throws
   *
   * @example
   * await app.transaction(db, async (tx) => {
   *   const [row] = await tx.insert(comments).values({ body }).returning();
   *   await index.enqueue({ post: ref(comments, row) });
   * });
   */
  transaction<Handle extends object, Result>(
    handle: Handle,
    work: (transaction: TransactionOf<Handle>) => Promise<Result>,
  ): Promise<Result> {
    return this[appContext].transactions.run(handle, work as (transaction: unknown) => Promise<Result>);
  }

  /**
   * Says what shall happen when a row of a model is saved: calls `listener` with a reference to it, or sends a task.
   * It is called in the transaction that saves the row, so what it enqueues is sent after the commit. ORMs with hooks
   * tell by themselves when rows are saved; for others, `saved` says it.
   *
   * What the listener throws undoes the transaction. A write that the ORM makes without one is committed by then.
   *
   * @param options - `on`: inserts and updates, unless told; `when`: for which rows; with a task, `as`: the property of
   *   its payload that the row is sent as
   * @returns the function that stops it
   * @throws PetioleError `ERR_MODEL_UNKNOWN`, `ERR_OPTION_INVALID`
   *
   * @example
   * app.onSave(Comment, (post) => index.enqueue({ post }));
   * app.onSave(Comment, index, { as: "post", on: "insert", when: (comment) => comment.isPublic });
   */
  onSave<Target extends object>(
    target: Target,
    listener: SaveListener<RowOf<Target>>,
    options?: SaveOptions<RowOf<Target>>,
  ): () => void;
  onSave<Target extends object, Payload extends object, Result>(
    target: Target,
    task: Task<Payload, Result, KnownOf<Values, Models>, RowsOf<Models>>,
    options: SaveOptions<RowOf<Target>> & { readonly as: PropertyFor<RowOf<Target>, Payload> },
  ): () => void;
  onSave(
    target: object,
    then: unknown,
    options: SaveOptions<never> & { readonly as?: string } = {},
  ): () => void {
    const { name } = modelIn(this[appContext].adapters, target).description;
    const listener = saveListener(then, options.as);
    return this.#listeners.add(name, listener, checkedSaveOptions(options as SaveOptions));
  }

  /**
   * Says that a row was saved, where the ORM has no hooks that could (Drizzle, Kysely), or a bulk write did not tell:
   * runs what `onSave` was given for its model. Call it in the transaction that saves the row.
   *
   * @param options - `operation`: `"update"` unless told; `transaction`: the handle of the transaction, where it is not
   *   the one that this is called in. Of a model that several connections have, it is the transaction's
   * @throws PetioleError `ERR_MODEL_UNKNOWN`, `ERR_REFERENCE_KEY` for a row without its key, `ERR_OPTION_INVALID`,
   *   `ERR_TRANSACTION_UNSUPPORTED`; and whatever a listener throws
   */
  async saved<Target extends object>(
    target: Target,
    row: Partial<RowOf<Target>>,
    options: SavedOptions = {},
  ): Promise<void> {
    checkNames("The options of saved()", options, { operation: true, transaction: true });
    const { operation = "update", transaction } = options;
    const { adapters, transactions } = this[appContext];
    const isMeant = (each: OrmAdapter): boolean => transactions.handleFor(each, transaction) !== undefined;
    const { adapter, description } = modelIn(adapters, target, isMeant);
    const key = keyOfRow(description, adapter, row);
    const event = {
      operation: checkedOperation(operation, "operation of saved()"),
      model: description.name,
      key,
      row: isWhole(description, adapter, row) ? row : undefined,
    };
    await transactions.within(transaction, () => this.#listeners.saved(event, adapter));
  }

  /**
   * A relay for this app's outboxes, where no worker runs that sends what is in them. It does so once it is started.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` when the app has no outbox
   */
  relay(options: RelayOptions = {}): RunningRelay {
    checkNames("The options of a relay", options, { logger: true });
    const { logger = console } = options;
    return runningRelay(this.#relayOrRefuse(), this[appContext], (message) => logger.warn(message));
  }

  /**
   * The SQL that makes the table of the outbox: a statement for each dialect of this app's databases, to be run once in
   * each of them.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` when the app has no outbox, or no database can have one
   */
  outboxSql(): readonly string[] {
    const { table } = this.#relayOrRefuse();
    const dialects = this[appContext].adapters.flatMap(({ sql }) => (sql ? [sql.dialect] : []));
    if (dialects.length === 0) throw optionError("models", "hold a database that can have an outbox", "none");
    return [...new Set(dialects)].map((dialect) => outboxTable(dialect, table));
  }

  /** A worker for this app's tasks. It runs them once it is started. */
  worker(options: WorkerOptions = {}): Worker {
    return new Worker(this[appContext], options);
  }

  /** Lets go of the engine; what it accepted stays. */
  async close(): Promise<void> {
    this[appContext].relay?.close();
    this[appContext].transactions.close();
    await this.engine.close();
  }

  #relayOrRefuse(): Relay {
    const { relay } = this[appContext];
    if (relay) return relay;
    const message = 'This app has no outbox: only an app that is made with transactions: "outbox" has one.';
    throw new PetioleError("ERR_OPTION_INVALID", message);
  }

  /** Refuses a name of a task that is none, or is taken. */
  #checkFree(name: string): void {
    taskName(name);
    const { tasks, aliases, retired } = this[appContext];
    if (tasks.has(name) || aliases.has(name) || retired.has(name)) throw duplicate(name);
  }
}

function duplicate(name: string): PetioleError {
  return new PetioleError("ERR_TASK_DUPLICATE", `There is a task ${name} already; each needs its own name.`);
}

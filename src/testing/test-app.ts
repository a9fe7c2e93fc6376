/**
 * Testing an app's tasks: run them inline, see what was enqueued, move the clock.
 *
 * @module
 */
import type { Engine, TaskRecord } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import { memory } from "../engine/memory.ts";
import type { Json } from "../message.ts";
import { appContext, type AppContext } from "../task/app-context.ts";
import { milliseconds, type Duration } from "../task/duration.ts";
import type { EnqueueOptions } from "../task/options.ts";
import type { Portable, Sent } from "../task/portable.ts";
import type { Task } from "../task/task.ts";
import { outcomeOf, runDelivery } from "./inline.ts";

/** A task that was enqueued while the app was under test. */
export interface Enqueued<Payload> {
  /** The task's id. */
  readonly id: string;
  /** As it travels: encoded and decoded. References are references. */
  readonly payload: Payload;
  /** Where it waits. */
  readonly queue: string;
  /** The higher runs first; 0 unless told. */
  readonly priority: number;
  /** When it may first run. */
  readonly runAt: Date;
  /** What travels beside the payload, the message's own among it. */
  readonly headers: Readonly<Record<string, Json | undefined>>;
  /** Where it is by now. */
  readonly state: TaskRecord["state"];
}

/** The app that a test is about. */
export type AppLike = { readonly [appContext]: AppContext };

/**
 * Puts an app under test: until `close`, what it enqueues goes to an engine in memory with a clock that only the
 * test moves, and nothing runs by itself. The app's own engine is not touched, nor opened.
 *
 * An app is under one test at a time: `close` it before the next. Everything is encoded and decoded as between
 * processes, and every rule of the task holds: schemas, keys, retries, expiry. Databases are the app's own.
 *
 * @example
 * const tester = testApp(app);
 * afterEach(() => tester.close());
 *
 * test("a comment is indexed", async () => {
 *   expect(await tester.run(index, { post: ref(comments, row) })).toStrictEqual({ words: 4 });
 *   await expect(tester.enqueued(notify)).resolves.toMatchObject([{ payload: { to: "ada" } }]);
 * });
 */
export function testApp(app: AppLike): TestApp {
  return new TestApp(app[appContext]);
}

/** An app under test. Made by {@link testApp}. */
export class TestApp {
  readonly #context: AppContext;
  readonly #own: Engine;
  readonly #engine: Engine;
  #now: number;

  /** Made by `testApp` alone. */
  constructor(context: AppContext) {
    if (context.engine.now !== undefined) {
      const message = "testApp() was given an app that is under test already: close() the one before.";
      throw new PetioleError("ERR_OPTION_INVALID", message);
    }
    this.#context = context;
    this.#own = context.engine;
    this.#now = Date.now();
    this.#engine = memory({ now: () => this.#now });
    context.engine = this.#engine;
  }

  /** The clock of the app's tasks. It stands still but for {@link advance}. */
  get now(): Date {
    return new Date(this.#now);
  }

  /**
   * Runs a task once, here and now, with a payload that is encoded and decoded first: its first attempt.
   *
   * @returns what its handler returned, encoded and decoded as well
   * @throws EncodeError when something in the payload or the result cannot travel, with the message that
   *   `enqueue` would give
   * @throws TaskError when it ends in another way: a row is missing, the payload cannot be decoded, …
   * @throws PetioleError `ERR_TASK_NOT_SENT` when another task holds its key
   * @throws whatever the handler throws, the very same
   */
  async run<Payload, Result, Known, Rows>(
    task: Task<Payload, Result, Known, Rows>,
    ...[payload, options]: undefined extends Payload
      ? [payload?: Portable<Payload, Known>, options?: EnqueueOptions]
      : [payload: Portable<Payload, Known>, options?: EnqueueOptions]
  ): Promise<Result> {
    // A queue of its own, so that it is the one that is claimed.
    const queue = `test-${Math.random().toString(36).slice(2)}`;
    const { id } = await (task as unknown as Task).enqueue(payload, { ...options, queue });
    const runAt = (await this.#engine.find(id))?.runAt ?? 0;
    this.#now = Math.max(this.#now, runAt);
    const [delivery] = await this.#engine.claim({
      queues: [queue],
      limit: 1,
      lease: 86_400_000,
      worker: "test",
    });
    if (!delivery) {
      const why = `its key is held by another (${id}), or it was cancelled`;
      throw new PetioleError("ERR_TASK_NOT_SENT", `Task ${task.name} was not sent, and so not run: ${why}.`);
    }
    const outcome = await runDelivery(delivery, this.#context);
    await this.#engine.settle([outcome.settlement]);
    return outcomeOf(outcome, delivery, this.#context) as Result;
  }

  /**
   * What was enqueued of a task while the app was under test, first to last, run or not. What transactions left in the
   * outbox is sent first.
   */
  async enqueued<Payload, Result, Known, Rows>(
    task: Task<Payload, Result, Known, Rows>,
  ): Promise<Enqueued<Sent<Payload, Known>>[]> {
    await this.#relay();
    const records = await this.#list({ task: task.name });
    return records.map(({ message, priority, runAt, state }) => ({
      id: message.id,
      payload: this.#context.wire.open(message.payload, "payload").decode() as Sent<Payload, Known>,
      queue: message.queue,
      priority,
      runAt: new Date(runAt),
      headers: message.headers,
      state,
    }));
  }

  /**
   * Runs all that is due, what that enqueues included, until nothing is. What transactions left in the outbox is sent
   * first.
   *
   * @returns how many runs there were
   */
  async drain(): Promise<number> {
    for (let runs = 0; ; runs++) {
      await this.#relay();
      const waiting = await this.#list({ states: ["waiting", "scheduled"] });
      const queues = [...new Set(waiting.map(({ message }) => message.queue))];
      if (queues.length === 0) return runs;
      const [delivery] = await this.#engine.claim({ queues, limit: 1, lease: 86_400_000, worker: "test" });
      if (!delivery) return runs;
      const { settlement } = await runDelivery(delivery, this.#context);
      await this.#engine.settle([settlement]);
    }
  }

  /**
   * Moves the clock on, stopping at each time at which something becomes due, and runs what is: delayed tasks,
   * retries.
   *
   * @returns how many runs there were
   */
  async advance(duration: Duration): Promise<number> {
    const end = this.#now + milliseconds(duration, "duration of advance()");
    let runs = await this.drain();
    for (;;) {
      const times = (await this.#list({ states: ["scheduled"] })).map(({ runAt }) => runAt);
      const next = Math.min(...times);
      if (next > end) break;
      this.#now = Math.max(this.#now, next);
      runs += await this.drain();
    }
    this.#now = end;
    return runs;
  }

  /** Gives the app its own engine back. */
  async close(): Promise<void> {
    if (this.#context.engine !== this.#engine) return;
    // What the test has left in the outbox is not for the app's own engine.
    await this.#relay().catch(() => {});
    this.#context.engine = this.#own;
    await this.#engine.close();
  }

  /** Sends what is in the outbox; nothing inside a transaction, which it would wait for. */
  async #relay(): Promise<void> {
    const { relay, transactions } = this.#context;
    if (!transactions.isInside) await relay?.passAll();
  }

  async #list(request: Parameters<Engine["list"]>[0]): Promise<TaskRecord[]> {
    const records: TaskRecord[] = [];
    for (let after: string | undefined; ;) {
      const page = await this.#engine.list({
        ...request,
        limit: 1000,
        ...(after === undefined ? {} : { after }),
      });
      for (const each of page.records) records.push(each);
      if (page.next === undefined) return records;
      after = page.next;
    }
  }
}

/**
 * Testing an app's tasks: run them inline, see what was enqueued, move the clock.
 *
 * @module
 */
import type { Delivery, Engine, Settlement, TaskRecord } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import { memory } from "../engine/memory.ts";
import type { Json } from "../message.ts";
import { appContext, type AppContext } from "../task/app-context.ts";
import { milliseconds, type Duration } from "../task/duration.ts";
import { queueName, type EnqueueOptions } from "../task/options.ts";
import type { Portable, Sent } from "../task/portable.ts";
import type { Task } from "../task/task.ts";
import { outcomeOf, runDelivery, type InlineOutcome } from "./inline.ts";

/** Under which name tasks are claimed. */
const worker = "test";

/** The engines of the apps that are under test. */
const engines = new WeakSet<Engine>();

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
  /** The queues that tasks of {@link run} were sent to, by the one that each was put into instead. */
  readonly #queues = new Map<string, string>();
  #now: number;

  /** Made by `testApp` alone. */
  constructor(context: AppContext) {
    if (engines.has(context.engine)) {
      const message = "testApp() was given an app that is under test already: close() the one before.";
      throw new PetioleError("ERR_OPTION_INVALID", message);
    }
    this.#context = context;
    this.#own = context.engine;
    this.#now = Date.now();
    this.#engine = inPlaceOf(context.engine, memory({ now: () => this.#now, retention: Infinity }));
    engines.add(this.#engine);
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
    const unsent = (why: string): PetioleError =>
      new PetioleError("ERR_TASK_NOT_SENT", `Task ${task.name} was not sent, and so not run: ${why}.`);
    if (this.#context.transactions.isInside)
      throw unsent("run() was called inside a transaction, which is to commit first. Call it after that");
    // A queue of its own, so that it is the one that is claimed.
    const queue = `test-${Math.random().toString(36).slice(2)}`;
    this.#queues.set(queue, options?.queue === undefined ? task.settings.queue : queueName(options.queue));
    const { id } = await (task as unknown as Task).enqueue(payload, { ...options, queue });
    const runAt = (await this.#engine.find(id))?.runAt ?? 0;
    this.#now = Math.max(this.#now, runAt);
    const delivery = await this.#claim([queue]);
    if (!delivery) throw unsent(`its key is held by another (${id}), or it was cancelled`);
    const outcome = await this.#run(delivery);
    return outcomeOf(outcome, (await this.#engine.find(id))!, this.#context) as Result;
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
      queue: this.#queueOf(message.queue),
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
      const delivery = await this.#claim(queues);
      if (!delivery) return runs;
      await this.#run(delivery);
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

  async #claim(queues: readonly string[]): Promise<Delivery | undefined> {
    const [delivery] = await this.#engine.claim({ queues, limit: 1, lease: Infinity, worker });
    return delivery;
  }

  async #run(delivery: Delivery): Promise<InlineOutcome> {
    const message = { ...delivery.message, queue: this.#queueOf(delivery.message.queue) };
    const outcome = await runDelivery({ ...delivery, message }, this.#context, worker);
    // Kept for whatever the test asks later, however far the clock has moved.
    await this.#engine.settle([{ ...outcome.settlement, keep: Infinity } as Settlement]);
    return outcome;
  }

  #queueOf(queue: string): string {
    return this.#queues.get(queue) ?? queue;
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

/** An engine under the name of another, which refuses the options of tasks that the other refuses. */
function inPlaceOf({ name, capabilities }: Engine, engine: Engine): Engine {
  const options = (["priority", "uniqueKeys", "limits"] as const).filter(
    (option) => capabilities.lacks[option] !== undefined,
  );
  const lacks = Object.fromEntries(options.map((option) => [option, capabilities.lacks[option]]));
  return Object.assign(engine, {
    name,
    capabilities: { ...engine.capabilities, lacks: { ...engine.capabilities.lacks, ...lacks } },
  });
}

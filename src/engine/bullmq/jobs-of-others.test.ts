/** Jobs that BullMQ's own users put in a queue, and BullMQ's own workers on ours. */
import { Queue, QueueEvents, Worker as BullWorker, type Job } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { missing, open, start, type BullmqConfig } from "../../../test/engines/bullmq.ts";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import { bullmq } from "../bullmq.ts";
import type { Engine } from "../../engine.ts";
import type { Delivery } from "../../engine.ts";
import { Petiole } from "../../index.ts";
import { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";

const reason = { code: "ERR_TEST", message: "as the test wants it" };

describe.skipIf(missing !== undefined)("jobs of others", () => {
  let store: EngineStore;
  let config: BullmqConfig;
  const opened: { close(): Promise<unknown> }[] = [];
  beforeAll(async () => {
    store = await start();
  });
  afterEach(async () => {
    for (const each of opened.splice(0).toReversed()) await each.close();
  });
  afterAll(() => store.close());

  async function engineHere(): Promise<Engine> {
    config = (await store.fresh()) as unknown as BullmqConfig;
    return another();
  }
  function another(): Engine {
    const engine = open(config as never);
    opened.push(engine);
    return engine;
  }
  /** What BullMQ's classes need to reach the same. */
  const there = () => ({ connection: { port: config.port }, prefix: config.prefix });
  function queueHere(name = "mail"): Queue {
    const queue = new Queue(name, there());
    opened.push(queue);
    return queue;
  }
  const claim = (engine: Engine, names: readonly string[], limit = 10): Promise<readonly Delivery[]> =>
    engine.claim({
      queues: ["mail"],
      limit,
      lease: 30_000,
      worker: "w",
      adopts: (name) => names.includes(name),
    });

  test("are beside ours where the engine was given a queue of BullMQ's, and its connection stays its own", async () => {
    await engineHere();
    const queue = queueHere();
    const engine = bullmq({ queue });
    opened.push(engine);
    await engine.send([
      {
        message: { id: "ours", task: "t", queue: "mail", payload: "[1]", headers: { wire: 1 } },
        runAt: 0,
        priority: 0,
      },
    ]);
    expect((await queue.getJobs()).map(({ name, data }) => [name, data])).toEqual([["t", [1]]]);
    expect((await claim(engine, [])).map(({ message }) => message.id)).toEqual(["ours"]);
    await engine.close();
    opened.splice(opened.indexOf(engine), 1);
    expect(await queue.count()).toBe(0);
    // Of a client that cannot be taken, the first call tells.
    const cluster = { opts: {}, client: Promise.resolve({ isCluster: true, duplicate() {}, evalsha() {} }) };
    const refusing = bullmq({ queue: cluster });
    opened.push(refusing);
    await expect(refusing.counts()).rejects.toMatchObject({
      code: "ERR_ENGINE_UNSUPPORTED",
      message: expect.stringMatching(/a Cluster.*`connection`/s),
    });
    const waiting = bullmq({ queue: { opts: {}, client: new Promise(() => {}) }, timeout: 50 });
    opened.push(waiting);
    await expect(waiting.counts()).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
  });

  test("are left alone by a worker that has no task of their name", async () => {
    const engine = await engineHere();
    const queue = queueHere();
    await queue.addBulk([
      { name: "other", data: { a: 1 } },
      { name: "other", data: { a: 2 }, opts: { priority: 3 } },
      { name: "other", data: { a: 3 }, opts: { delay: 1 } },
    ]);
    await engine.send([
      {
        message: { id: "ours", task: "t", queue: "mail", payload: "[1]", headers: { wire: 1 } },
        runAt: 0,
      },
    ]);
    expect((await claim(engine, [])).map(({ message }) => message.id)).toEqual(["ours"]);
    expect(await engine.claim({ queues: ["mail"], limit: 9, lease: 1000, worker: "w" })).toEqual([]);
    let calls = 0;
    const stop = engine.onReady(["mail"], () => {
      calls++;
      void claim(engine, ["t"]);
    });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    stop();
    expect(calls).toBeLessThan(6);
    const jobs = await queue.getJobs(["wait", "prioritized", "delayed"]);
    const theirs = jobs.filter(({ name }) => name === "other");
    expect(theirs).toHaveLength(3);
    for (const job of theirs) expect([job.attemptsMade, job.attemptsStarted]).toEqual([0, 0]);
    expect((await engine.list({})).records.map(({ message }) => message.id)).toEqual(["ours"]);
  });

  test("arrive with their data as it is, and end as BullMQ's jobs do", async () => {
    const engine = await engineHere();
    const queue = queueHere();
    const events = new QueueEvents("mail", there());
    opened.push(events);
    await events.waitUntilReady();
    const job = await queue.add("welcome", { to: "a@b.c", at: new Date(0) });
    const [delivery] = await claim(engine, ["welcome"]);
    expect(delivery?.message).toEqual({
      id: `bullmq:mail:${job.id}`,
      task: "welcome",
      queue: "mail",
      payload: '{"to":"a@b.c","at":"1970-01-01T00:00:00.000Z"}',
      headers: { wire: 0 },
    });
    expect(await job.getState()).toBe("active");
    expect((await engine.find(delivery!.message.id))?.state).toBe("running");
    const result = job.waitUntilFinished(events, 5000);
    expect(await engine.report(delivery!.lease, { lines: [{ at: 0, text: "hello" }] })).toBe(true);
    expect(
      await engine.settle([{ kind: "complete", lease: delivery!.lease, result: '{"sent":true}' }]),
    ).toEqual([true]);
    expect(await result).toEqual({ sent: true });
    const after = await queue.getJob(job.id!);
    expect([await after!.getState(), after!.returnvalue, after!.attemptsMade]).toEqual([
      "completed",
      { sent: true },
      1,
    ]);
    expect((await queue.getJobLogs(job.id!)).logs).toEqual(["1970-01-01T00:00:00.000Z hello"]);
    expect(await queue.getActiveCount()).toBe(0);
    expect(await engine.settle([{ kind: "complete", lease: delivery!.lease, result: "1" }])).toEqual([false]);
  });

  test("are kept, retried, deferred, handed back, and failed as BullMQ's jobs", async () => {
    const engine = await engineHere();
    const queue = queueHere();
    const removed = await queue.add("a", 1, { removeOnComplete: true });
    await settle(await one(), "complete");
    expect(await queue.getJob(removed.id!)).toBeUndefined();

    const job = await queue.add("a", 2, { removeOnFail: { count: 5 } });
    let delivery = await one();
    await engine.settle([{ kind: "release", lease: delivery.lease }]);
    expect(await job.getState()).toBe("waiting");
    delivery = await one();
    await engine.settle([{ kind: "retryAt", lease: delivery.lease, at: Date.now() + 1500, reason }]);
    expect(await job.getState()).toBe("delayed");
    expect(await claim(engine, ["a"])).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 1600));
    delivery = await one();
    expect(delivery.attempts).toBe(1);
    await engine.settle([{ kind: "defer", lease: delivery.lease, at: 0, reason }]);
    delivery = await one();
    expect([delivery.attempts, delivery.deferrals]).toEqual([1, 1]);
    await engine.settle([{ kind: "fail", lease: delivery.lease, reason }]);
    const failed = await queue.getJob(job.id!);
    expect([await failed!.getState(), failed!.failedReason, failed!.attemptsMade]).toEqual([
      "failed",
      reason.message,
      2,
    ]);
    await failed!.retry();
    expect((await one()).message.payload).toBe("2");

    async function one(): Promise<Delivery> {
      const [first] = await claim(engine, ["a"]);
      expect(first).toBeDefined();
      return first!;
    }
    async function settle({ lease }: Delivery, kind: "complete"): Promise<void> {
      expect(await engine.settle([{ kind, lease, result: "null" }])).toEqual([true]);
    }
  });

  test("go back to their queue when the lease is lost, and its holder is fenced", async () => {
    const engine = await engineHere();
    await queueHere().add("a", 1);
    const request = { queues: ["mail"], limit: 1, worker: "w", adopts: () => true };
    const [lost] = await engine.claim({ ...request, lease: 40 });
    await new Promise((resolve) => setTimeout(resolve, 60));
    const [again] = await engine.claim({ ...request, lease: 30_000 });
    expect([again?.message.id, again?.crashes]).toEqual([lost!.message.id, 1]);
    expect(await engine.settle([{ kind: "complete", lease: lost!.lease, result: "1" }])).toEqual([false]);
    expect(await engine.extend([lost!.lease, again!.lease], 1000)).toEqual([lost!.lease]);
  });

  test("are found behind hundreds that nobody takes", async () => {
    const engine = await engineHere();
    const queue = queueHere();
    await queue.addBulk(Array.from({ length: 450 }, (_, n) => ({ name: "other", data: n })));
    await queue.addBulk(
      Array.from({ length: 250 }, (_, n) => ({ name: "low", data: n, opts: { priority: 1 } })),
    );
    await queue.add("mine", 1);
    await queue.add("mine", 2, { priority: 5 });
    const found: string[] = [];
    for (let tries = 0; tries < 40 && found.length < 2; tries++)
      found.push(...(await claim(engine, ["mine"])).map(({ message }) => message.payload));
    expect(found.toSorted()).toEqual(["1", "2"]);
    expect(await queue.getWaitingCount()).toBe(450);
  });

  test("wake a worker that has nothing to do, without waiting for it to look", async () => {
    config = { ...((await store.fresh()) as unknown as BullmqConfig), pollInterval: 60_000 };
    const engine = another();
    const queue = queueHere();
    await queue.add("other", 1);
    const found: string[] = [];
    const look = async (): Promise<void> => {
      for (const { message } of await claim(engine, ["mine"])) found.push(message.payload);
    };
    await look();
    opened.push({ close: async () => stop() });
    const stop = engine.onReady(["mail"], () => void look());
    for (const [index, options] of [{}, { priority: 4 }, {}].entries()) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await queue.add("mine", index, options);
      await expect.poll(() => found.length, { timeout: 1000 }).toBe(index + 1);
    }
  });

  test("of a flow, a scheduler, or with a de-duplication of BullMQ's are left to its own workers", async () => {
    const engine = await engineHere();
    const queue = queueHere();
    await queue.upsertJobScheduler("tick", { every: 3_600_000 }, { name: "a", data: 1 });
    await queue.add("a", 2, { deduplication: { id: "one" } });
    expect(await claim(engine, ["a"])).toEqual([]);
    expect(await queue.getActiveCount()).toBe(0);
  });

  test("run in an app that has a task of their name; an old worker reads what the app sends", async () => {
    const engine = await engineHere();
    const app = new Petiole({ engine });
    const seen: unknown[] = [];
    app.task(
      "welcome",
      async (payload: { to: string }) => {
        seen.push(payload);
        return { sent: payload.to };
      },
      { queue: "mail" },
    );
    const worker = app.worker({ watchdog: false, logger: { ...console, info: () => undefined } });
    await worker.start();
    const queue = queueHere();
    const events = new QueueEvents("mail", there());
    opened.push(events);
    await events.waitUntilReady();
    const job = await queue.add("welcome", { to: "you" });
    expect(await job.waitUntilFinished(events, 5000)).toEqual({ sent: "you" });
    expect(seen).toEqual([{ to: "you" }]);
    await worker.stop();

    const read: unknown[] = [];
    const old = new BullWorker(
      "old",
      async ({ name, data }: Job) => {
        read.push([name, data]);
        return { read: true };
      },
      there(),
    );
    opened.push(old);
    const task = app.task<{ a: number; b: string[] }, { read: boolean }>("plain", { queue: "old" });
    const handle = await task.enqueue({ a: 1, b: ["x"] });
    expect(await handle.result()).toEqual({ read: true });
    expect(read).toEqual([["plain", { a: 1, b: ["x"] }]]);
    const later = await task.enqueue({ a: 2, b: [] }, { delay: 50 });
    expect(await later.result()).toEqual({ read: true });
    expect(read[1]).toEqual(["plain", { a: 2, b: [] }]);
    expect((await engine.find(later.id))?.state).toBe("succeeded");
  });

  test("ours that BullMQ's users retry, promote or remove are found, or gone", async () => {
    const engine = await engineHere();
    const send = (id: string, runAt = 0): Promise<unknown> =>
      engine.send([
        { message: { id, task: "t", queue: "mail", payload: "{}", headers: { wire: 1 } }, runAt },
      ]);
    const queue = queueHere();
    await send("task 1");
    const [first] = await claim(engine, []);
    await engine.settle([{ kind: "fail", lease: first!.lease, reason }]);
    await (await queue.getJob("task 1"))!.retry();
    expect((await engine.find("task 1"))?.state).toBe("waiting");
    expect(await engine.settle([{ kind: "complete", lease: first!.lease, result: "1" }])).toEqual([false]);
    const [second] = await claim(engine, []);
    expect(second?.message.id).toBe("task 1");
    await engine.settle([{ kind: "complete", lease: second!.lease, result: "1" }]);
    expect((await engine.counts()).map(({ state, count }) => `${state} ${count}`)).toEqual(["succeeded 1"]);

    await send("task 2", Date.now() + 3_600_000);
    await (await queue.getJob("task 2"))!.promote();
    const [promoted] = await claim(engine, []);
    expect(promoted?.message.id).toBe("task 2");
    await engine.settle([{ kind: "complete", lease: promoted!.lease, result: "1" }]);

    await send("task 3");
    await (await queue.getJob("task 3"))!.remove();
    expect(await claim(engine, [])).toEqual([]);
    expect(await engine.find("task 3")).toBeUndefined();
    await send("task 3");
    expect((await claim(engine, [])).map(({ message }) => message.id)).toEqual(["task 3"]);
  });

  test("what BullMQ's workers and users have taken, ended, promoted and removed is counted as what it is", async () => {
    const engine = await engineHere();
    const queue = queueHere();
    const send = (id: string, runAt = 0): Promise<unknown> =>
      engine.send([
        { message: { id, task: "t", queue: "mail", payload: "{}", headers: { wire: 1 } }, runAt },
      ]);
    const counts = async (): Promise<object> =>
      Object.fromEntries((await engine.counts()).map(({ state, count }) => [state, count]));
    const redis = new Redis(config.port, "127.0.0.1", { lazyConnect: true });
    const settings = {
      prefix: config.prefix,
      retention: 0,
      deadAfter: 1000,
      timeout: 1000,
      pollInterval: 1000,
    };
    const connection = new Connection(redis, settings);
    opened.push(connection);

    // Theirs that runs here is none of ours.
    await queue.add("theirs", 1);
    const [theirs] = await claim(engine, ["theirs"], 1);
    await send("task 1");
    expect(await counts()).toEqual({ waiting: 1 });
    await engine.settle([{ kind: "complete", lease: theirs!.lease, result: "1" }]);

    // A claim that finds it taken does not find it again.
    const worker = new BullWorker("mail", null, there());
    opened.push(worker);
    const taken = await worker.getNextJob("token");
    expect(taken?.id).toBe("task 1");
    expect(await claim(engine, [])).toEqual([]);
    await taken!.moveToCompleted("done", "token", false);
    await connection.run("following", scripts.sweep, ["500"]);
    expect(await counts()).toEqual({ succeeded: 1 });

    await send("task 2", Date.now() + 3_600_000);
    await send("task 3", Date.now() + 3_600_000);
    await send("task 4");
    await (await queue.getJob("task 2"))!.promote();
    expect(await counts()).toEqual({ succeeded: 1, waiting: 2, scheduled: 1 });
    await queue.drain(true);
    await queue.clean(0, 100, "completed");
    await connection.run("following", scripts.sweep, ["500"]);
    expect(await counts()).toEqual({});
    expect(await redis.zcard(`${config.prefix}:mail:~petiole:tasks`)).toBe(0);
    redis.disconnect();
  });

  test("a queue that BullMQ's users pause is paused, and the other way round", async () => {
    const engine = await engineHere();
    const queue = queueHere();
    await queue.add("a", 1);
    await queue.pause();
    expect(await claim(engine, ["a"])).toEqual([]);
    await queue.resume();
    await engine.pause("mail");
    expect(await queue.isPaused()).toBe(true);
    await engine.resume("mail");
    expect(await queue.isPaused()).toBe(false);
    expect(await claim(engine, ["a"])).toHaveLength(1);
  });

  test("no more of a queue run at once than BullMQ's users allow, and what was lost runs all the same", async () => {
    const engine = await engineHere();
    const queue = queueHere();
    const sent = ["1", "2", "3", "4", "5"].map((id) => ({
      message: { id: `task ${id}`, task: "t", queue: "mail", payload: "{}", headers: { wire: 1 } },
      runAt: 0,
    }));
    await queue.setGlobalConcurrency(2);
    // Which counts what BullMQ's own workers begin.
    await queue.setGlobalRateLimit(1, 60_000);
    await engine.send(sent);
    const [first, second, ...more] = await claim(engine, []);
    expect(more).toEqual([]);
    expect(await claim(engine, [])).toEqual([]);
    await engine.settle([{ kind: "complete", lease: first!.lease, result: "1" }]);
    expect((await claim(engine, [])).map(({ message }) => message.id)).toEqual(["task 3"]);
    expect(await engine.extend([second!.lease], 20)).toEqual([]);

    const other = another();
    const lost = await vi.waitFor(async () => {
      const deliveries = await claim(other, []);
      expect(deliveries).toHaveLength(1);
      return deliveries[0]!;
    }, 15_000);
    expect([lost.message.id, lost.crashes]).toEqual(["task 2", 1]);
    expect(await claim(other, [])).toEqual([]);
    await queue.removeGlobalConcurrency();
    expect(await claim(other, [])).toHaveLength(2);
  });
});

import { afterEach, describe, expect, test } from "vitest";
import { endAll, engines, record, until, work } from "../../test/fixtures/apps.ts";
import { memory } from "../engine/memory.ts";
import { stubAdapter, stubTransactions } from "../testing/stub-adapter.ts";
import { testApp } from "../testing/test-app.ts";
import { Petiole } from "./petiole.ts";
import { Reporter } from "./reporter.ts";

afterEach(endAll);

const ticks = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await Promise.resolve();
};

describe.each(engines)("races, on %s", (_name, make) => {
  test("a cancel that meets a claim under way is heard", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const task = app.task("t", (_: undefined, job) => {
      if (job.signal.aborted) throw job.signal.reason as Error;
      return new Promise((_resolve, reject) =>
        job.signal.addEventListener("abort", () => reject(job.signal.reason as Error)),
      );
    });
    await work(app, { concurrency: 100 });
    const handles = [];
    for (let round = 0; round < 45; round++) {
      const handle = await task.enqueue();
      await ticks(round % 15);
      expect(await handle.cancel()).toBe(true);
      handles.push(handle);
    }
    for (const handle of handles) {
      await expect(handle.result({ timeout: "5s" })).rejects.toMatchObject({ code: "ERR_TASK_CANCELLED" });
    }
  });

  test("a cancel while the commit's send is under way", async () => {
    const { engine } = make();
    const { database, overrides } = stubTransactions();
    const adapter = stubAdapter({}, {}, overrides);
    const app = new Petiole({ engine, models: [adapter] });
    const task = app.task("t", () => "ran");
    const { send } = engine;
    const gate = Promise.withResolvers<void>();
    const sending = Promise.withResolvers<void>();
    engine.send = async (batch) => {
      sending.resolve();
      await gate.promise;
      return send.call(engine, batch);
    };
    let cancelled: Promise<boolean> | undefined;
    let handle: Awaited<ReturnType<typeof task.enqueue>> | undefined;
    const transaction = app.transaction(database, async () => void (handle = await task.enqueue()));
    await sending.promise;
    cancelled = handle!.cancel();
    gate.resolve();
    await transaction;
    expect(await cancelled).toBe(true);
    engine.send = send;
    await work(app);
    await expect(handle!.result()).rejects.toMatchObject({ code: "ERR_TASK_CANCELLED" });
  });

  test("following progress ends when the engine is closed", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const handle = await app.task("t", () => {}).enqueue(undefined, { delay: "1h" });
    const following = (async () => {
      for await (const progress of handle.progress()) throw new Error(`told ${progress.fraction}`);
    })();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const closed = expect(following).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
    await engine.close();
    await closed;
  });

  test("a worker that was blocked past its lease keeps what it still runs", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const blocked = Promise.withResolvers<void>();
    const waiting = app.task("waiting", () => blocked.promise);
    let runs = 0;
    const blocking = app.task("blocking", async () => {
      runs++;
      for (const end = Date.now() + 150; Date.now() < end;);
      // The other ends now, and the worker asks for more before any timer can have renewed a lease.
      blocked.resolve();
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    const handles = [await waiting.enqueue(), await blocking.enqueue(), await waiting.enqueue()];
    await work(app, { lease: "100ms", watchdog: false, concurrency: 2 });
    for (const handle of handles) await handle.result({ timeout: "5s" });
    expect(runs).toBe(1);
  });

  test("what is put off does not count for its lane's rate", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const lane = "limited";
    app.task(lane, () => {}, { rate: { limit: 1, per: "1h" } });
    const message = { id: "one", task: lane, queue: "default", payload: "null", headers: { wire: 1 } };
    await engine.send([{ message, runAt: 0, lane }]);
    const request = {
      queues: ["default"],
      limit: 5,
      lease: 60_000,
      worker: "w",
      limits: new Map([[lane, { rate: { limit: 1, per: 3_600_000 } }]]),
    };
    for (const settlement of [
      { kind: "defer", at: 0, reason: { code: "X", message: "x" } },
      { kind: "release", unused: true },
      { kind: "release" },
    ] as const) {
      const [delivery] = await engine.claim(request);
      expect(delivery?.message.id).toBe("one");
      expect(await engine.claim(request)).toHaveLength(0);
      await engine.settle([{ ...settlement, lease: delivery!.lease }]);
    }
    // The last one may have run.
    expect(await engine.claim(request)).toHaveLength(0);
  });

  test("limits of a task that is added after the start", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    await work(app);
    let [running, most] = [0, 0];
    const late = app.task(
      "late",
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 10));
        running--;
      },
      { concurrency: 1, queue: "default" },
    );
    const handles = await late.enqueueMany([undefined, undefined, undefined, undefined]);
    await Promise.all(handles.map((handle) => handle.result()));
    expect(most).toBe(1);
  });
});

describe("middleware of several sends", () => {
  test("may let few at a time through", async () => {
    const app = new Petiole({ engine: memory() });
    let free = 2;
    app.use({
      async enqueue(_context, next) {
        await until(() => free > 0);
        free--;
        await next();
        free++;
      },
    });
    const task = app.task("t", (_: number) => {});
    expect(await task.enqueueMany([1, 2, 3, 4, 5])).toHaveLength(5);
  });

  test("that swallows an error does not make it a success", async () => {
    const app = new Petiole({ engine: memory() });
    app.use({ enqueue: (_context, next) => next().catch(() => {}) });
    const task = app.task("t", (_: unknown) => {});
    await expect(task.enqueue(() => {})).rejects.toThrow(/payload {3}function/);
    await expect(task.enqueueMany([1, () => {}])).rejects.toThrow(/payloads\[1\] {3}function/);
    expect(await app.engine.counts()).toStrictEqual([]);
  });
});

describe("Reporter", () => {
  const lease = { id: "i", token: "t" };

  test("keeps every line, whenever it is told", async () => {
    for (let count = 0; count < 12; count++) {
      const lines: string[] = [];
      const report = async (
        _lease: unknown,
        told: { lines?: readonly { text: string }[] },
      ): Promise<boolean> => {
        lines.push(...(told.lines ?? []).map(({ text }) => text));
        return true;
      };
      const reporter = new Reporter({ report }, lease, () => {});
      reporter.log("first");
      await ticks(count);
      reporter.log("last");
      await reporter.flush();
      expect(lines).toStrictEqual(["first", "last"]);
    }
  });

  test("tells again what a report that failed held", async () => {
    const reports: unknown[] = [];
    const problems: string[] = [];
    let fails = true;
    const report = async (
      _lease: unknown,
      told: { lines?: readonly { text: string }[]; progress?: unknown },
    ): Promise<boolean> => {
      if (fails) throw new Error("busy");
      reports.push([told.lines?.map(({ text }) => text), told.progress]);
      return true;
    };
    const reporter = new Reporter({ report }, lease, (problem) => problems.push(problem));
    reporter.log("a");
    reporter.progress(0.5);
    await ticks(10);
    fails = false;
    reporter.log("b");
    await reporter.flush();
    expect([reports, problems]).toStrictEqual([[[["a", "b"], { fraction: 0.5 }]], ["busy"]]);
  });
});

describe("schedules", () => {
  test("a slow or failing send leaves no tick out", async () => {
    const engine = memory();
    const { send } = engine;
    let sends = 0;
    engine.send = async (batch) => {
      sends++;
      await new Promise((resolve) => setTimeout(resolve, 80));
      if (sends === 2) throw new Error("once");
      return send.call(engine, batch);
    };
    const app = new Petiole({ engine });
    const seconds: number[] = [];
    app.schedule(
      app.task("t", (_: undefined, job) => void seconds.push(Date.parse(job.id.slice(-24)) / 1000)),
      "* * * * * *",
    );
    await new Promise((resolve) =>
      setTimeout(resolve, 980 - (Date.now() % 1000) > 0 ? 980 - (Date.now() % 1000) : 0),
    );
    await work(app);
    await until(() => seconds.length >= 4);
    const gaps = seconds.map((second, index) => (index === 0 ? 1 : second - (seconds[index - 1] ?? 0)));
    // The one whose send failed is sent a second late at the most, which may be one tick.
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2);
    expect(gaps.filter((gap) => gap > 1).length).toBeLessThanOrEqual(1);
    await app.close();
  });
});

describe("testApp", () => {
  test("one at a time, and closing twice does no harm", async () => {
    const app = new Petiole({ engine: memory() });
    const own = app.engine;
    const first = testApp(app);
    expect(() => testApp(app)).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
    await first.close();
    const second = testApp(app);
    await first.close();
    expect(app.engine).not.toBe(own);
    await second.close();
    expect(app.engine).toBe(own);
    expect(await record(own, "none").catch(() => "none")).toBe("none");
  });
});

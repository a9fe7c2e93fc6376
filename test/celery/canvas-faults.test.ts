/** Chords when workers are killed, when what was sent is nonsense, and when what Redis holds of them is. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Petiole, type Worker } from "petiole";
import { chord } from "petiole/engine/celery";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { openRaw, type RawBroker } from "./raw.ts";
import { startTypescriptWorker } from "./typescript-worker.ts";

const kind = brokers[0]!;
const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const timeout = 60_000;
const visibilityTimeout = 4000;

describe.skipIf(kind.missing !== undefined)(`chords that are disturbed, on Redis${skipped}`, () => {
  let broker: RunningBroker;
  let engine: Engine;
  let app: Petiole;
  let worker: Worker;
  let redis: Redis;
  let raw: RawBroker;
  const folder = mkdtempSync(`${tmpdir()}/canvas-`);
  const bodies: unknown[] = [];
  let mended = false;

  beforeAll(async () => {
    broker = await kind.start();
    redis = new Redis(broker.places.broker);
    raw = await openRaw(broker.places.broker);
    engine = broker.engine({ visibilityTimeout });
    app = new Petiole({ engine, defaults: { queue: "main", retry: { attempts: 1 } } });
    app.task("main.body", (all: unknown) => {
      bodies.push(all);
      return all;
    });
    app.task("main.echo", (value: unknown) => value);
    app.task("main.once", () => {
      if (!mended) throw new Error("not yet");
      return "mended";
    });
    worker = app.worker({ queues: ["main"], watchdog: false, logger: quiet, concurrency: 4 });
    await worker.start();
  }, 60_000);

  afterAll(async () => {
    await worker?.stop({ timeout: 0 });
    await engine?.close();
    redis?.disconnect();
    await raw?.close();
    await broker?.close();
    rmSync(folder, { recursive: true });
  }, 60_000);

  const sender = (): Petiole => new Petiole({ engine, defaults: { queue: "parts" } });
  const start = (): ReturnType<typeof startTypescriptWorker> =>
    startTypescriptWorker({
      broker: broker.places.broker,
      queues: ["parts"],
      visibilityTimeout,
      lease: 1500,
      concurrency: 3,
    });

  test(
    "a worker that is killed in the middle loses nothing: the body runs once or more, with all results",
    { timeout: 2 * timeout },
    async () => {
      const parts = sender();
      const record = parts.task<{ path: string; key: string }, string>("ts.record");
      const hang = parts.task<{ path: string }, number>("ts.hangOnce");
      const body = parts.task<readonly unknown[], readonly unknown[]>("main.body", { queue: "main" });
      const keys = Array.from({ length: 40 }, (_, index) => `part ${index}`);
      const path = `${folder}/killed`;
      bodies.length = 0;
      let killed = await start();
      const handle = await chord(
        [hang.signature({ path: `${folder}/hung` }), ...keys.map((key) => record.signature({ path, key }))],
        body,
      ).enqueue(parts);
      for (let times = 0; times < 3; times += 1) {
        await sleep(150 + 100 * times);
        await killed.kill();
        killed = await start();
      }
      const [pid, ...others] = (await handle.result({ timeout })) as readonly unknown[];
      expect(pid).toEqual(expect.any(Number));
      expect(others).toEqual(keys);
      expect(bodies.length).toBeGreaterThanOrEqual(1);
      await killed.kill();
    },
  );

  test("a part that runs twice counts once, whatever it gives then", async () => {
    const group = "twice";
    await redis.set(`celery-taskset-meta-${group}.s`, "2");
    bodies.length = 0;
    const put = (id: string, value: unknown, index: number): Promise<void> =>
      raw.put(
        "main",
        message(id, [value], { chord: bodySignature("twice-body") }, { group, group_index: index }),
      );
    await put("part-0", 1, 0);
    await expect.poll(() => redis.zcard(`celery-taskset-meta-${group}.j`)).toBe(1);
    await put("part-0", "other", 0);
    await put("part-0", 1, 0);
    await sleep(500);
    expect(bodies).toEqual([]);
    await put("part-1", 2, 1);
    await expect.poll(() => bodies).toEqual([[1, 2]]);
    expect(await redis.keys(`celery-taskset-meta-${group}*`)).toEqual([]);
    // It comes once more, when all is done.
    await put("part-1", 2, 1);
    await sleep(500);
    expect(bodies).toHaveLength(1);
  });

  test("a part that has failed, and is retried by a person, completes the chord after all", async () => {
    const group = "retried";
    await redis.set(`celery-taskset-meta-${group}.s`, "2");
    bodies.length = 0;
    const embed = { chord: bodySignature("retried-body") };
    await raw.put("main", message("part-a", [1], embed, { group, group_index: 0 }));
    const failing = message("part-b", [2], embed, { group, group_index: 1 });
    await raw.put("main", { ...failing, headers: { ...failing.headers, task: "main.once" } });
    await expect.poll(async () => (await engine.find("retried-body"))?.state).toBe("failed");
    expect(bodies).toEqual([]);
    mended = true;
    expect(await engine.retry(["part-b"])).toBe(1);
    await expect.poll(() => bodies).toEqual([[1, "mended"]]);
    await expect.poll(async () => (await engine.find("retried-body"))?.state).toBe("succeeded");
  });

  test("a part that Python has counted already is not counted again", async () => {
    const group = "pythons";
    await redis.set(`celery-taskset-meta-${group}.s`, "2");
    await redis.zadd(`celery-taskset-meta-${group}.j`, 0, '[1, "part-p", "SUCCESS", {"a": 1}]');
    bodies.length = 0;
    await raw.put(
      "main",
      message("part-p", [{ a: 1 }], { chord: bodySignature("p-body") }, { group, group_index: 0 }),
    );
    await sleep(500);
    expect(bodies).toEqual([]);
    await raw.put(
      "main",
      message("part-q", [2], { chord: bodySignature("p-body") }, { group, group_index: 1 }),
    );
    await expect.poll(() => bodies).toEqual([[{ a: 1 }, 2]]);
  });

  test.each<[string, object, object, RegExp]>([
    ["a chord that is a number", { chord: 5 }, { group: "g" }, /body\[2\]\.chord: expected an object/],
    ["a chord without a task", { chord: {} }, { group: "g" }, /body\[2\]\.chord\.task/],
    ["a chord without a group", { chord: bodySignature("b") }, {}, /headers\.group: expected the id/],
    ["a group that is a list", { chord: bodySignature("b") }, { group: [1] }, /headers\.group/],
    [
      "a chord step without a body",
      { chain: [{ task: "celery.chord", kwargs: { header: [] } }] },
      {},
      /kwargs\.body/,
    ],
    [
      "a header that is a text",
      { chain: [{ task: "celery.chord", kwargs: { header: "x", body: bodySignature("b") } }] },
      {},
      /kwargs\.header/,
    ],
    [
      "a group of numbers",
      { chain: [{ task: "celery.group", kwargs: { tasks: [1] } }] },
      {},
      /kwargs\.tasks\[0\]/,
    ],
    [
      "chunks of none",
      { chain: [{ task: "celery.chunks", kwargs: { task: { task: "a" }, it: [], n: 0 } }] },
      {},
      /kwargs\.n/,
    ],
    ["canvas that is too deep", { callbacks: [deep(200)] }, {}, /at most 50 levels/],
    [
      "options that are nonsense",
      { chord: { task: "a", options: { eta: "soon" } } },
      { group: "g" },
      /options\.eta/,
    ],
  ])("%s is parked, with its reason", async (name, embed, headers, reason) => {
    const id = `odd ${name}`;
    await raw.put("main", message(id, [1], embed, headers));
    await expect
      .poll(async () => (await engine.find(id))?.reason?.message, { timeout: 5000 })
      .toMatch(reason);
    expect((await engine.find(id))?.state).toBe("parked");
    expect(await lives()).toBe(true);
  });

  test.each<[string, (key: string) => Promise<unknown>, RegExp]>([
    ["no size", async () => undefined, /nobody/],
    ["results that are a list", (key) => redis.rpush(`${key}.j`, "x"), /WRONGTYPE/],
    [
      "results that are no JSON",
      (key) => Promise.all([redis.zadd(`${key}.j`, 5, "x"), redis.set(`${key}.s`, "2")]),
      /Callback error|Join error/,
    ],
    [
      "a form that is nonsense",
      (key) => Promise.all([redis.set(key, "{}"), redis.set(`${key}.s`, "1")]),
      /Join error/,
    ],
    [
      "a form of other tasks",
      (key) =>
        Promise.all([
          redis.set(key, '{"result":[["g",null],[[["x",null],null]]]}'),
          redis.set(`${key}.s`, "1"),
        ]),
      /Join error/,
    ],
    ["a size that is none", (key) => redis.set(`${key}.s`, "many"), /nobody/],
  ])(
    "Redis holds %s: the part has succeeded, the body fails or waits, and the worker lives",
    async (name, set, problem) => {
      const group = `held ${name}`;
      const body = `body of ${name}`;
      await set(`celery-taskset-meta-${group}`);
      await raw.put(
        "main",
        message(`part of ${name}`, [1], { chord: bodySignature(body) }, { group, group_index: 0 }),
      );
      await expect
        .poll(async () => (await engine.find(`part of ${name}`))?.state, { timeout: 5000 })
        .toBe("succeeded");
      if (problem.source === "nobody") expect(await engine.find(body)).toBeUndefined();
      else
        await expect
          .poll(async () => (await engine.find(body))?.reason?.message, { timeout: 5000 })
          .toMatch(problem);
      expect(await lives()).toBe(true);
    },
  );

  let count = 0;
  async function lives(): Promise<boolean> {
    const task = new Petiole({ engine, defaults: { queue: "main" } }).task<number, number>("main.echo");
    count += 1;
    return (await (await task.enqueue(count)).result({ timeout })) === count;
  }
});

function bodySignature(id: string): object {
  return {
    task: "main.body",
    args: [],
    kwargs: {},
    options: { task_id: id, queue: "main" },
    subtask_type: null,
    immutable: false,
  };
}

function deep(levels: number): object {
  let canvas: object = { task: "a" };
  for (let level = 0; level < levels; level += 1)
    canvas = { task: "celery.group", kwargs: { tasks: [canvas] } };
  return canvas;
}

function message(id: string, args: readonly unknown[], embed: object, headers: object) {
  return {
    headers: { lang: "py", task: "main.echo", id, root_id: id, ...headers },
    body: JSON.stringify([args, {}, embed]),
    contentType: "application/json",
    contentEncoding: "utf-8",
  };
}

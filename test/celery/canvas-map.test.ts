/** Celery's map, starmap and chunks, run by TypeScript, by Python, and by both: on a real Redis, with Celery as it is. */
import { Redis } from "ioredis";
import { Petiole, type Worker } from "petiole";
import { chain, chunks } from "petiole/engine/celery";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { openRaw, type RawBroker } from "./raw.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const kind = brokers[0]!;
const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const timeout = 15_000;

/** Tasks that TypeScript runs, by their names; the site's `task_routes` say where a map of one goes. */
const words = `globals().update(
  xmap=__import__("celery").xmap, xstarmap=__import__("celery").xstarmap, xchunks=__import__("celery").chunks,
  t=lambda name="ts.add", *a: signature(name, a, queue="ts"),
  chunked=lambda: xchunks(t(), [(1, 1), (2, 2), (3, 3)], 2).set(queue="ts"),
  run=lambda canvas, **options: canvas.apply_async(**options).get(timeout=15),
  fate=lambda canvas: AsyncResult(canvas.apply_async().id, app=app).get(timeout=15),
)`.replaceAll(/\s*\n\s*/g, " ");

describe.skipIf(kind.missing !== undefined)(`map, starmap and chunks on Redis${skipped}`, () => {
  let broker: RunningBroker;
  let python: CeleryWorker;
  let client: SiteClient;
  let raw: RawBroker;
  let redis: Redis;
  let engine: Engine;
  let worker: Worker;
  let tasks: ReturnType<typeof makeTasks>;
  const noted: unknown[] = [];
  let mended = false;

  const makeTasks = (app: Petiole) => ({
    app,
    add: app.task("ts.add", ({ x, y = 0 }: { x: number; y?: number }) => x + y),
    echo: app.task("ts.echo", (value: unknown) => value),
    note: app.task("ts.note", (what: unknown) => void noted.push(what)),
    mended: app.task("ts.mended", (value: number) => {
      if (value === 2 && !mended) throw new Error("not yet");
      return value;
    }),
    which: app.task("both.which", async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return "typescript";
    }),
    odd: app.task("ts.odd", (value: number) => {
      if (value % 2 === 0) throw new RangeError(`even: ${value}`);
      return value;
    }),
    inc: app.task<number, number>("tasks.inc", { queue: "celery" }),
  });

  beforeAll(async () => {
    broker = await kind.start();
    redis = new Redis(broker.places.broker);
    [python, client, raw] = await Promise.all([
      startCeleryWorker(broker.places),
      startSiteClient(broker.places),
      openRaw(broker.places.broker),
    ]);
    engine = broker.engine({ tasks: { "ts.add": { positional: ["x", "y"] } } });
    tasks = makeTasks(new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } }));
    worker = tasks.app.worker({ queues: ["ts"], watchdog: false, logger: quiet, concurrency: 4 });
    await worker.start();
    await client.value(words);
  }, 60_000);

  afterAll(async () => {
    await worker?.stop({ timeout: 0 });
    await engine?.close();
    await Promise.all([client?.stop(), python?.stop()]);
    await raw?.close();
    redis?.disconnect();
    await broker?.close();
  }, 60_000);

  test.each<[string, string, string]>([
    ["map", "xmap(t('ts.echo'), [1, 'ä', None, [2, 3], {'a': 1.5}])", "[1, 'ä', None, [2, 3], {'a': 1.5}]"],
    ["starmap", "xstarmap(t(), [(1, 2), (3, 4), (5,)])", "[3, 7, 5]"],
    ["an empty map", "xmap(t(), [])", "[]"],
    ["a map of one", "xmap(t('ts.echo'), [[]])", "[[]]"],
    [
      "rich values",
      "xmap(t('ts.echo'), [decimal.Decimal('1.10'), {'a': [None, True, 'ä']}])",
      "[Decimal('1.10'), {'a': [None, True, 'ä']}]",
    ],
    [
      "a chord of maps",
      "chord([xmap(t('ts.echo'), [1, 2]).set(queue='ts'), xstarmap(t(), [(3, 4)]).set(queue='ts')], t('ts.echo'))",
      "[[1, 2], [7]]",
    ],
    [
      "a map in a chord of Python's",
      "chord([xmap(t('ts.echo'), [1, 2]).set(queue='ts'), inc.s(1)], echo.s().set(queue='celery'))",
      "[[1, 2], 2]",
    ],
    [
      "a chain that begins with a map, ours",
      "xstarmap(t(), [(1, 2), (3, 4)]).set(queue='ts') | t('ts.echo')",
      "[3, 7]",
    ],
    [
      "a chain that begins with a map, Python's",
      "xstarmap(t(), [(1, 2), (3, 4)]).set(queue='ts') | sum_of.s().set(queue='celery')",
      "10",
    ],
    [
      "a chain with a map in it",
      "chain(t('ts.echo', 5), xmap(t('ts.echo'), [1, 2]).set(queue='ts'), t('ts.echo'), sum_of.s().set(queue='celery'))",
      "3",
    ],
  ])("%s of Python's: %s", async (_, canvas, expected) => {
    expect(await client.value(`run(${canvas})`)).toBe(expected);
  });

  test("many items, options and a later time, and a map in a map", async () => {
    const many = "run(xstarmap(t(), [(i, i) for i in range(500)]))";
    expect(await client.value(`${many} == [2 * i for i in range(500)]`)).toBe("True");
    const options = "countdown=0.3, expires=30, priority=3, compression='zlib', queue='ts'";
    expect(await client.value(`run(xmap(t('ts.echo'), [1, 2]), ${options})`)).toBe("[1, 2]");
    const inside = "xstarmap(signature('celery.map'), [(t('ts.echo'), [1, 2]), (t('ts.echo'), [])])";
    expect(await client.value(`run(${inside}, queue='ts')`)).toBe("[[1, 2], []]");
  });

  test("chunks of Python's, whose routes do not look into them: with a queue", async () => {
    const canvas = "xchunks(t(), [(1, 1), (2, 2), (3, 3)], 2)";
    expect(await client.value(`run(${canvas}, queue='ts')`)).toBe("[[2, 4], [6]]");
  });

  test("chunks in a chain after Python, whose worker sends them as a message: the lists", async () => {
    const canvas =
      "chain(echo.s(1).set(queue='celery'), xchunks(t(), [(1, 1), (2, 2), (3, 3)], 2).set(queue='ts'))";
    expect(await client.value(`run(${canvas})`)).toBe("[[2, 4], [6]]");
  });

  // Celery takes what is in a group or a chord apart as it is built, and not what is in a chain.
  test.each([
    ["at the end of a chain, after us", "chain(t('ts.echo', 5), chunked())", "[[2, 4], [6]]"],
    ["in a chain, after us", "chain(t('ts.echo', 5), chunked(), t('ts.echo'))", "[[2, 4], [6]]"],
    [
      "as a part of a chord, after us",
      "chain(t('ts.echo', 5), chord([chunked(), t('ts.echo')], t('ts.echo')))",
      "[[[2, 4], [6]], 5]",
    ],
    [
      "as the end of a part, after us",
      "chain(t('ts.echo', 5), chord([chain(t('ts.echo'), chunked()), t('ts.echo')], t('ts.echo')))",
      "[[[2, 4], [6]], 5]",
    ],
    ["as the body of a chord", "chord([t('ts.echo', 1), t('ts.echo', 2)], chunked())", "[[2, 4], [6]]"],
    [
      "as the body of a chord that something follows",
      "chain(t('ts.echo', 5), chord([t('ts.echo'), t('ts.echo')], chunked()), t('ts.echo'))",
      "[[2, 4], [6]]",
    ],
  ])("chunks of Python's %s: the lists", async (_, canvas, expected) => {
    expect(await client.value(`run(${canvas})`)).toBe(expected);
  });

  test("chunks of TypeScript's, run by TypeScript and by Python", async () => {
    const { app, add, odd, inc, echo } = tasks;
    const ours = await chunks(add, [{ x: 1, y: 2 }, { x: 3 }, { x: 5, y: 6 }], 2).enqueue(app);
    expect(await ours.result({ timeout })).toEqual([[3, 3], [11]]);
    expect(ours.tasks).toHaveLength(2);
    expect(await ours.tasks[1]!.result()).toEqual([11]);
    const plain = await chunks(odd, [1, 3, 5], 1).enqueue(app);
    expect(await plain.result({ timeout })).toEqual([[1], [3], [5]]);
    const theirs = await chunks(inc, [1, 2, 3], 2).enqueue(app);
    expect(await theirs.result({ timeout })).toEqual([[2, 3], [4]]);
    const followed = await chain(chunks(odd, [1, 3, 5], 2), echo, {
      task: "tasks.echo",
      queue: "celery",
    }).enqueue(app);
    expect(await followed.result({ timeout })).toEqual([[1, 3], [5]]);
  });

  test("an item that fails fails it as a part fails a chord; what follows is told, and the others run", async () => {
    noted.length = 0;
    const options = "link_error=[signature('ts.note', queue='ts')], task_id='failing'";
    expect(await client.outcome(`run(xmap(t('ts.odd'), [1, 2, 3]), ${options})`)).toMatchObject({
      error: "celery.exceptions.ChordError",
      args: expect.stringMatching(/Dependency [-0-9a-f]{36} raised ValueError\('even: 2'\)/),
    });
    await expect.poll(() => noted).toEqual(["failing"]);
    expect(
      await client.outcome(`fate(chain(xmap(t('ts.odd'), [2]).set(queue='ts'), t('ts.echo'), t('ts.echo')))`),
    ).toMatchObject({
      error: "celery.exceptions.ChordError",
    });
    const { app, odd } = tasks;
    const ours = await chunks(odd, [1, 2, 3], 2).enqueue(app);
    await expect(ours.result({ timeout })).rejects.toMatchObject({
      code: "ERR_TASK_FAILED",
      reason: { details: { name: "ChordError" } },
    });
    expect(await ours.tasks[1]!.result()).toEqual([3]);
  });

  test("an item that has failed, and is retried by a person, completes it after all", async () => {
    mended = false;
    const canvas = "xmap(t('ts.mended'), [1, 2])";
    expect(await client.outcome(`run(${canvas}, task_id='mended')`)).toMatchObject({
      error: "celery.exceptions.ChordError",
    });
    const { records: failed } = await engine.list({ states: ["failed"], task: "ts.mended" });
    expect(failed.map(({ message }) => message.payload)).toEqual(["2"]);
    mended = true;
    expect(await engine.retry(failed.map(({ message }) => message.id))).toBe(1);
    await expect.poll(async () => (await engine.find("mended"))?.result).toBe("[1,2]");
  });

  test("in a queue that workers of both languages take from, each ends what it takes", async () => {
    const beside = await startCeleryWorker({ ...broker.places, queues: ["shared"] });
    const ours = tasks.app.worker({ queues: ["shared"], watchdog: false, logger: quiet, concurrency: 2 });
    await ours.start();
    const send =
      "[xstarmap(signature('both.which'), [[]] * 20).apply_async(queue='shared') for _ in range(12)]";
    const told = await client.value(`[r.get(timeout=20) for r in ${send}]`);
    const results = JSON.parse(told.replaceAll("'", '"')) as string[][];
    await Promise.all([ours.stop({ timeout: 0 }), beside.stop()]);
    expect(results.map((each) => each.length)).toEqual(Array(12).fill(20));
    expect(new Set(results.flat())).toEqual(new Set(["python", "typescript"]));
    // Some were ended by one alone, and some by both.
    expect(results.some((each) => new Set(each).size === 2)).toBe(true);
  }, 60_000);

  test("a task that nobody knows fails it as it fails alone", async () => {
    expect(await client.outcome("run(xmap(t('ts.nobody'), [1]))")).toMatchObject({
      error: "celery.exceptions.ChordError",
      args: expect.stringContaining("NotRegistered("),
    });
  });

  test("one that is called off before it is taken ends so", async () => {
    const id = await client.outcome("xmap(t('ts.echo'), [1]).apply_async(queue='ts', countdown=60).id");
    const task = String(id.plain);
    await expect.poll(() => engine.cancel([task], { code: "ERR_TASK_CANCELLED", message: "enough" })).toBe(1);
    await expect.poll(async () => (await engine.find(task))?.state).toBe("cancelled");
  });

  test("what is taken twice is done twice under the same ids, and comes to one result", async () => {
    const message = (id: string) => ({
      headers: { lang: "py", task: "celery.starmap", id, root_id: id },
      body: JSON.stringify([
        [],
        {
          task: { task: "ts.add" },
          it: [
            [1, 1],
            [2, 2],
          ],
        },
        null,
      ]),
      contentType: "application/json",
      contentEncoding: "utf-8",
    });
    const parts = async () => (await redis.keys("celery-taskset-meta-*.j")).toSorted();
    // Of those that have failed, some may be mended.
    const before = await parts();
    await Promise.all([raw.put("ts", message("twice")), raw.put("ts", message("twice"))]);
    await expect.poll(async () => (await engine.find("twice"))?.result).toBe("[2,4]");
    await expect.poll(parts).toEqual(before);
    await expect.poll(() => redis.llen("ts")).toBe(0);
  });

  test.each<[string, string, unknown, RegExp]>([
    ["no task", "celery.map", { it: [1] }, /body\[1\]\.task/],
    ["items that are a number", "celery.starmap", { task: { task: "ts.add" }, it: 5 }, /body\[1\]\.it/],
    [
      "an item that is a text",
      "celery.starmap",
      { task: { task: "ts.add" }, it: ["ab"] },
      /body\[1\]\.it\[0\]/,
    ],
    ["chunks of a text", "celery.chunks", { task: { task: "ts.add" }, it: [[1]], n: "2" }, /body\[1\]\.n/],
    [
      "a group for a task",
      "celery.map",
      { task: { task: "celery.group", kwargs: { tasks: [] } }, it: [1] },
      /one task/,
    ],
    [
      "too many",
      "celery.map",
      { task: { task: "ts.add" }, it: Array(10_001).fill(1) },
      /at most 10000 items/,
    ],
    ["an index that is none", "celery.accumulate", { index: 5 }, /body\[1\]\.index/],
  ])("%s: it is parked, who waits is told, and the worker lives", async (name, task, kwargs, why) => {
    const id = `odd ${name}`;
    await raw.put("ts", {
      headers: { lang: "py", task, id, root_id: id },
      body: JSON.stringify([[], kwargs, null]),
      contentType: "application/json",
      contentEncoding: "utf-8",
    });
    await expect.poll(async () => (await engine.find(id))?.reason?.message, { timeout: 5000 }).toMatch(why);
    expect((await engine.find(id))?.state).toBe("parked");
    expect((await client.outcome(`get(${JSON.stringify(id)})`)).error).toBeDefined();
    expect(await client.value("run(xmap(t('ts.echo'), [1]))")).toBe("[1]");
  });
});

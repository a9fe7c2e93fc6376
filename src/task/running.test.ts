import { afterEach, describe, expect, test } from "vitest";
import { endAll, engines, record, until, work } from "../../test/fixtures/apps.ts";
import { lazy, snapshot } from "../model/snapshot.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { ref } from "../model/ref.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import type { Lazy } from "../wire/lazy.ts";
import type { Snapshot } from "../wire/snapshot.ts";
import { Petiole } from "./petiole.ts";
import type { Progress } from "../engine.ts";

afterEach(endAll);

class Comment {
  id: number;
  body: string;
  constructor(id: number, body: string) {
    this.id = id;
    this.body = body;
  }
}

/** Rows that a test may change, and how often they were asked for. */
function database(rows: Comment[]) {
  const asked: unknown[] = [];
  const adapter = stubAdapter({ "qa.Comment": [Comment, ["id"]] }, { "qa.Comment": rows });
  const load = adapter.load.bind(adapter);
  adapter.load = (model, keys) => {
    asked.push(...keys);
    return load(model, keys);
  };
  return { adapter, asked };
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));

describe.each(engines)("running, on %s", (_name, make) => {
  test("progress, from another process, as it is told", async () => {
    const { engine, another } = make();
    const [app, other] = [new Petiole({ engine }), new Petiole({ engine: another })];
    const step = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const task = app.task("t", async (_: undefined, job) => {
      job.progress(0.25, "a quarter");
      await step[0]!.promise;
      job.progress(0.5);
      job.progress(0.75, "nearly");
      await step[1]!.promise;
      expect(() => job.progress(2)).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
      job.progress(1);
      return "done";
    });
    await work(app);
    const { id } = await task.enqueue();
    const handle = other.task<undefined, string>("t").handle(id);
    const told: Progress[] = [];
    for await (const progress of handle.progress()) {
      told.push(progress);
      if (progress.fraction === 0.25) step[0]!.resolve();
      if (progress.fraction === 0.75) step[1]!.resolve();
    }
    expect(told.filter(({ fraction }) => fraction !== 0.5)).toStrictEqual([
      { fraction: 0.25, note: "a quarter" },
      { fraction: 0.75, note: "nearly" },
      { fraction: 1 },
    ]);
    expect(await handle.result()).toBe("done");
    await expect(async () => {
      for await (const progress of other.task("u").handle("nowhere").progress()) told.push(progress);
    }).rejects.toThrow(expect.objectContaining({ code: "ERR_TASK_NOT_FOUND" }));
  });

  test("a log, over all attempts", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const task = app.task(
      "t",
      (_: undefined, job) => {
        job.log(`attempt ${job.attempt}`);
        job.log("and more \u0000");
        if (job.attempt === 1) throw new Error("again");
      },
      { retry: { delay: 1, jitter: 0 } },
    );
    await work(app);
    const handle = await task.enqueue();
    await handle.result();
    expect((await handle.logs()).map(({ text }) => text)).toStrictEqual([
      "attempt 1",
      "and more \u0000",
      "attempt 2",
      "and more \u0000",
    ]);
  });

  test("children know their parent and their root", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const family: (string | undefined)[][] = [];
    const task = app.task("t", async (depth: number, job): Promise<string> => {
      family.push([job.id, job.parent, job.root]);
      return depth > 0 ? (await task.enqueue(depth - 1)).id : job.id;
    });
    await work(app);
    const handle = await task.enqueue(2);
    const child = await handle.result();
    const grandchild = await task.handle(child).result();
    await task.handle(grandchild).result();
    expect(family).toStrictEqual([
      [handle.id, undefined, handle.id],
      [child, handle.id, handle.id],
      [grandchild, child, handle.id],
    ]);
  });

  test("cancel before it runs", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    let runs = 0;
    const task = app.task("t", () => ++runs);
    const [now, later] = [await task.enqueue(), await task.enqueue(undefined, { delay: "1h" })];
    expect([await now.cancel("not needed"), await later.cancel(), await now.cancel()]).toStrictEqual([
      true,
      true,
      false,
    ]);
    await work(app);
    await expect(now.result()).rejects.toThrow(`Task t (${now.id}) was cancelled: not needed`);
    await expect(later.result()).rejects.toMatchObject({ code: "ERR_TASK_CANCELLED" });
    expect(await task.handle("nowhere").cancel()).toBe(false);
    expect(runs).toBe(0);
  });

  test("cancel while it runs, from another process", async () => {
    const { engine, another } = make();
    const [app, other] = [new Petiole({ engine }), new Petiole({ engine: another })];
    const task = app.task("heeding", (_: undefined, job) => aborted(job.signal));
    const stubborn = app.task("stubborn", async (_: undefined, job) => {
      await aborted(job.signal).catch(() => {});
      return "finished";
    });
    const failing = app.task("failing", async (_: undefined, job) => {
      await aborted(job.signal).catch(() => {});
      throw new Error("retry me");
    });
    const worker = await work(app);
    const handles = [await task.enqueue(), await stubborn.enqueue(), await failing.enqueue()] as const;
    await until(() => worker.running === 3);
    for (const { id } of handles)
      expect(await other.task(`any.${id}`).handle(id).cancel("enough")).toBe(true);
    await expect(handles[0].result()).rejects.toThrow(/was cancelled: enough/);
    expect(await handles[1].result()).toBe("finished");
    await expect(handles[2].result()).rejects.toMatchObject({ code: "ERR_TASK_CANCELLED" });
  });

  test("a task that was cancelled while its worker was lost is not run again", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    let runs = 0;
    const task = app.task("t", () => ++runs);
    const handle = await task.enqueue();
    await engine.claim({ queues: ["default"], limit: 1, lease: 30, worker: "lost" });
    expect(await handle.cancel()).toBe(true);
    await work(app);
    await expect(handle.result()).rejects.toMatchObject({ code: "ERR_TASK_CANCELLED" });
    expect(runs).toBe(0);
  });

  test("a limit on how many run at once holds over all workers, and holds back no other task", async () => {
    const { engine, another } = make();
    let [running, most] = [0, 0];
    const handler = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 15));
      running--;
    };
    const apps = [engine, another].map((each) => {
      const app = new Petiole({ engine: each });
      return {
        app,
        limited: app.task("limited", handler, { concurrency: 2 }),
        free: app.task("free", () => "free"),
      };
    });
    const { limited, free } = apps[0]!;
    const handles = await limited.enqueueMany(Array.from({ length: 12 }, () => undefined));
    const last = await free.enqueue();
    for (const { app } of apps) await work(app);
    expect(await last.result()).toBe("free");
    expect(running).toBeGreaterThan(0);
    await Promise.all(handles.map((handle) => handle.result()));
    expect(most).toBe(2);
  });

  test("a limit on how many start in a span of time", async () => {
    const { engine, another } = make();
    const starts: number[] = [];
    const apps = [engine, another].map((each) => {
      const app = new Petiole({ engine: each });
      return {
        app,
        task: app.task("t", () => void starts.push(Date.now()), { rate: { limit: 3, per: "200ms" } }),
      };
    });
    for (const { app } of apps) await work(app);
    const handles = await apps[0]!.task.enqueueMany(Array.from({ length: 8 }, () => undefined));
    await Promise.all(handles.map((handle) => handle.result()));
    for (const [index, start] of starts.toSorted().entries()) {
      const third = starts[index - 3];
      // A start is counted when it is claimed, a little before the handler notes the time.
      if (third !== undefined) expect(start - third).toBeGreaterThan(150);
    }
  });

  test("ifMissing: wait, for a row that is not visible yet", async () => {
    const rows: Comment[] = [];
    const { engine } = make();
    const app = new Petiole({ engine, models: [database(rows).adapter] });
    const task = app.task("t", ({ post }: { post: Comment }) => post.body, {
      ifMissing: "wait",
      waitFor: "5s",
    });
    const impatient = app.task("u", ({ post }: { post: Comment }) => post.body, {
      ifMissing: "wait",
      waitFor: "150ms",
    });
    const worker = await work(app, { concurrency: 1 });
    const handle = await task.enqueue({ post: ref(Comment, 1) });
    const given = await impatient.enqueue({ post: ref(Comment, 2) });
    await until(async () => (await record(engine, handle.id)).deferrals > 1);
    await until(() => worker.running === 0);
    expect(await record(engine, handle.id)).toMatchObject({
      attempts: 0,
      reason: { code: "ERR_ROW_MISSING" },
    });
    rows.push(new Comment(1, "there"));
    expect(await handle.result()).toBe("there");
    await expect(given.result()).rejects.toMatchObject({
      code: "ERR_TASK_FAILED",
      reason: {
        code: "ERR_ROW_MISSING",
        message: "there is no qa.Comment with the key 2; it was waited for 150 ms",
      },
    });
  });

  test("ifMissing: null, where the payload's type admits it", async () => {
    const { engine } = make();
    const adapter: OrmAdapter<{ "qa.Comment": Comment }> = database([new Comment(1, "one")])
      .adapter as OrmAdapter<never>;
    const app = new Petiole({ engine, models: [adapter] });
    const task = app.task(
      "t",
      ({ posts }: { posts: (Comment | null)[] }) => posts.map((post) => post?.body),
      { ifMissing: "null" },
    );
    await work(app);
    expect(await (await task.enqueue({ posts: [ref(Comment, 1), ref(Comment, 2)] })).result()).toStrictEqual([
      "one",
      undefined,
    ]);
  });

  test("a lazy reference arrives unloaded, and loads once; a snapshot arrives as the row was", async () => {
    const rows = [new Comment(1, "one"), new Comment(2, "two")];
    const { adapter, asked } = database(rows);
    const { engine } = make();
    const app = new Petiole({ engine, models: [adapter], defaults: { retry: { attempts: 1 } } });
    const task = app.task(
      "t",
      async (payload: { first: Lazy<Comment>; gone: Lazy<Comment>; was: Snapshot<Comment> }, job) => {
        const before = asked.length;
        const [row, same] = [await payload.first.load(), await payload.first.load()];
        const missing = await payload.gone.load().catch((error: { code: string }) => error.code);
        const { model, pk, fields } = payload.was;
        return {
          before,
          row: row.body,
          same: row === same,
          of: job.modelOf(row),
          missing,
          model,
          pk,
          fields,
        };
      },
    );
    const handle = await task.enqueue({
      first: lazy(Comment, rows[0]!),
      gone: lazy(Comment, 9),
      was: snapshot(Comment, rows[1]!),
    });
    rows[1]!.body = "edited";
    await work(app);
    expect(await handle.result()).toStrictEqual({
      before: 0,
      row: "one",
      same: true,
      of: "qa.Comment",
      missing: "ERR_ROW_MISSING",
      model: "qa.Comment",
      pk: 2,
      fields: { id: 2, body: "two" },
    });
    expect(asked).toStrictEqual([1, 9]);
    expect(() => snapshot(Comment, { body: "unsaved" })).toThrow(
      expect.objectContaining({ code: "ERR_REFERENCE_KEY" }),
    );
    await expect(lazy(Comment, 1).load()).rejects.toThrow(
      expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" }),
    );
  });

  test("results are kept for as long as the task says", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const task = app.task("t", () => "kept", { keep: "1d" });
    await work(app);
    const handle = await task.enqueue();
    expect(await handle.result()).toBe("kept");
    expect((await record(engine, handle.id)).state).toBe("succeeded");
  });

  test("timed out has its own code", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const task = app.task("t", (_: undefined, job) => aborted(job.signal), {
      timeout: 10,
      retry: { attempts: 1 },
    });
    await work(app);
    const handle = await task.enqueue();
    await expect(handle.result()).rejects.toMatchObject({
      code: "ERR_TASK_TIMEOUT",
      message: expect.stringContaining("timed out: the run took longer"),
    });
    expect(await record(engine, handle.id)).toMatchObject({ state: "failed", attempts: 1 });
  });
});

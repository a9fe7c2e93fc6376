import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { endAll, engines, record, work } from "../../test/fixtures/apps.ts";
import { stubAdapter, stubTransactions } from "../testing/stub-adapter.ts";
import { Petiole } from "./petiole.ts";

afterEach(endAll);

describe.each(engines)("sending, on %s", (_name, make) => {
  test("priority: the higher first; per send over per task over per app", async () => {
    const { engine } = make();
    const app = new Petiole({ engine, defaults: { priority: 5 } });
    const order: string[] = [];
    const plain = app.task("plain", (name: string) => void order.push(name));
    const urgent = app.task("urgent", (name: string) => void order.push(name), { priority: 7 });
    const handles = [
      await plain.enqueue("a", { priority: -1 }),
      await plain.enqueue("b"),
      await urgent.enqueue("c"),
      await urgent.enqueue("d", { priority: 9 }),
      await plain.enqueue("e"),
    ];
    await work(app, { concurrency: 1 });
    await Promise.all(handles.map((handle) => handle.result()));
    expect(order).toStrictEqual(["d", "c", "b", "e", "a"]);
    await expect(plain.enqueue("x", { priority: 0.5 })).rejects.toThrow(/priority must be a whole number/);
  });

  test("several queues: while the first has tasks, nothing is taken from the second", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const order: string[] = [];
    const task = app.task("t", (name: string) => void order.push(name));
    const handles = [
      await task.enqueue("low", { queue: "low", priority: 9 }),
      await task.enqueue("high", { queue: "high" }),
      await task.enqueue("low too", { queue: "low" }),
    ];
    await work(app, { concurrency: 1, queues: ["high", "low"] });
    await Promise.all(handles.map((handle) => handle.result()));
    expect(order).toStrictEqual(["high", "low", "low too"]);
  });

  test("expires: a task whose time is over is not run", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    let runs = 0;
    const task = app.task("t", () => ++runs, { expires: "1ms" });
    const [short, long, past] = [
      await task.enqueue(),
      await task.enqueue(undefined, { expires: "1h" }),
      await task.enqueue(undefined, { expires: new Date(0) }),
    ];
    await new Promise((resolve) => setTimeout(resolve, 5));
    await work(app);
    await expect(short.result()).rejects.toMatchObject({ code: "ERR_TASK_EXPIRED" });
    await expect(past.result()).rejects.toThrow(/expired: it was to run by 1970-01-01T00:00:00\.000Z$/);
    expect(await long.result()).toBe(1);
    expect(await record(engine, short.id)).toMatchObject({ state: "expired", attempts: 0 });
    await expect(task.enqueue(undefined, { expires: new Date(NaN) })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
    );
  });

  test("a key is held by one task of a name until it ends; a duplicate gets the holder's handle", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const task = app.task("t", (n: number) => n);
    const other = app.task("other", (n: number) => n, { unique: (n) => (n < 0 ? undefined : `n${n}`) });
    const first = await task.enqueue(1, { unique: "key" });
    expect((await task.enqueue(2, { unique: "key" })).id).toBe(first.id);
    expect((await task.enqueue(3, { unique: "another" })).id).not.toBe(first.id);
    expect((await other.enqueue(4, { unique: "key" })).id).not.toBe(first.id);
    const [five, again, six, negative, negativeToo] = await other.enqueueMany([5, 5, 6, -1, -1]);
    expect([again!.id, six!.id === five!.id, negative!.id === negativeToo!.id]).toStrictEqual([
      five!.id,
      false,
      false,
    ]);
    await work(app);
    expect(await first.result()).toBe(1);
    const next = await task.enqueue(7, { unique: "key" });
    expect(next.id).not.toBe(first.id);
    expect(await next.result()).toBe(7);
    for (const unique of ["", { key: "" }, { key: "x", lasts: "soon" as never }]) {
      await expect(task.enqueue(1, { unique })).rejects.toThrow(
        expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
      );
    }
  });

  test("a key that lasts is held beyond the end of its holder", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const task = app.task("t", (n: number) => n);
    await work(app);
    const first = await task.enqueue(1, { unique: { key: "k", lasts: "300ms" } });
    expect(await first.result()).toBe(1);
    const second = await task.enqueue(2, { unique: { key: "k", lasts: "300ms" } });
    expect([second.id, await second.result()]).toStrictEqual([first.id, 1]);
    await new Promise((resolve) => setTimeout(resolve, 320));
    expect(await (await task.enqueue(3, { unique: { key: "k", lasts: "300ms" } })).result()).toBe(3);
  });

  test("a duplicate that shows only at the commit: its id leads to the holder", async () => {
    const { engine } = make();
    const { database, overrides } = stubTransactions();
    const adapter = stubAdapter({}, {}, overrides);
    const app = new Petiole({ engine, models: [adapter] });
    const task = app.task("t", (n: number) => n);
    const holder = await task.enqueue(1, { unique: "key" });
    const [held, cancelled] = await app.transaction(database, async () => [
      await task.enqueue(2, { unique: "key" }),
      await task.enqueue(3).then(async (handle) => ((await handle.cancel()) ? handle : undefined)),
    ]);
    expect(held!.id).not.toBe(holder.id);
    const other = await task.enqueue(4, { unique: "other" });
    const [duplicate] = await app.transaction(database, async () => [
      await task.enqueue(5, { unique: "other" }),
    ]);
    expect([await duplicate!.cancel(), await other.cancel()]).toStrictEqual([true, false]);
    await work(app);
    expect(await held!.result()).toBe(1);
    await expect(cancelled!.result()).rejects.toThrow(/it was cancelled before its transaction committed/);
    expect((await engine.counts()).reduce((sum, { count }) => sum + count, 0)).toBe(2);
  });

  test("a schema checks at the send, all at once, and on arrival", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const schema = z.object({
      to: z.string(),
      lines: z.array(z.object({ n: z.number() })),
      at: z.date().default(new Date(0)),
    });
    const task = app.task("t", ({ to, at }: z.infer<typeof schema>) => `${to} ${at.getTime()}`, { schema });
    await work(app);
    expect(await (await task.enqueue({ to: "x", lines: [], at: new Date(5) })).result()).toBe("x 5");
    expect(await (await task.enqueue({ to: "x", lines: [] } as never)).result()).toBe("x 0");
    await expect(task.enqueue({ to: 5, lines: [{ n: 1 }, { n: "2" }] } as never)).rejects.toThrow(
      /2 values cannot travel\.\n {2}payload\.to +not as the schema wants it .*\n {2}payload\.lines\[1\]\.n +not as/,
    );
    await expect(
      task.enqueueMany([{ to: "x", lines: [], at: new Date() }, { to: 5 } as never]),
    ).rejects.toThrow(/payloads\[1\]\.to/);
    const message = { id: "old", task: "t", queue: "default", payload: '{"to":5}', headers: { wire: 1 } };
    await engine.send([{ message, runAt: 0 }]);
    expect(await engine.ended("old")).toMatchObject({
      state: "parked",
      reason: {
        code: "ERR_TEXT_UNDECODABLE",
        message: expect.stringContaining("payload.to: expected what the schema of task t wants"),
      },
    });
  });

  test("middleware: around a send and a run, with headers between them", async () => {
    const { engine } = make();
    const tenant = new AsyncLocalStorage<string>();
    const app = new Petiole({ engine });
    const log: string[] = [];
    app
      .use({
        async enqueue({ headers, task }, next) {
          log.push(`send ${task}`);
          headers["tenant"] = tenant.getStore() ?? null;
          await next();
          log.push("sent");
        },
        run: ({ headers }, next) => tenant.run(headers["tenant"] as string, next),
      })
      .use({
        async run({ job, payload }, next) {
          log.push(`run ${job.task} ${String(payload)} for ${tenant.getStore()}`);
          return `${String(await next())}!`;
        },
      });
    const task = app.task("t", (n: number) => `${n} for ${tenant.getStore()}`);
    await work(app);
    const handle = await tenant.run("ada", () => task.enqueue(5));
    expect(await handle.result()).toBe("5 for ada!");
    expect(log.toSorted()).toStrictEqual(["run t 5 for ada", "send t", "sent"]);
    expect((await record(engine, handle.id)).message.headers).toStrictEqual({ tenant: "ada", wire: 1 });
  });

  test("middleware that refuses, forgets or repeats", async () => {
    const { engine } = make();
    const app = new Petiole({ engine, defaults: { retry: { attempts: 1 } } });
    let how = "";
    app.use({
      async enqueue({ headers }, next) {
        if (how === "refuse") throw new Error("not allowed");
        if (how === "reserve") headers["types"] = [];
        if (how !== "forget") await next();
        if (how === "repeat") await next();
      },
      run: (_context, next) => (how === "fail" ? Promise.reject(new Error("no run")) : next()),
    });
    const task = app.task("t", (n: number) => n);
    const outcome = async (kind: string) => {
      how = kind;
      return task.enqueueMany([1, 2]).then(
        () => "sent",
        (error: Error) => error.message,
      );
    };
    expect(await outcome("refuse")).toBe("not allowed");
    expect(await outcome("forget")).toBe("A middleware returned without calling next(): throw, to refuse.");
    expect(await outcome("reserve")).toMatch(/headers cannot have types/);
    expect(await engine.counts()).toStrictEqual([]);
    expect(await outcome("repeat")).toBe("A middleware called next() more than once.");
    expect(await outcome("fail")).toBe("sent");
    await work(app);
    const { records } = await engine.list({});
    expect((await engine.ended(records.at(-1)!.message.id))?.reason?.message).toBe("no run");
  });
});

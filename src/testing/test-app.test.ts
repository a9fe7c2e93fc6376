import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { memory } from "../engine/memory.ts";
import { sqlite } from "../engine/sqlite.ts";
import { ref } from "../model/ref.ts";
import { Petiole } from "../task/petiole.ts";
import { Value } from "../value/index.ts";
import { Reference } from "../model/index.ts";
import { stubAdapter, stubTransactions } from "./stub-adapter.ts";
import { testApp, type TestApp } from "./test-app.ts";

class Money extends Value("shop.Money", { amount: BigInt }) {}
class Comment {
  id = 1;
  body = "one";
}

const { database, overrides } = stubTransactions();
// As a user's own module has it. The file must never come to be.
const app = new Petiole({
  engine: sqlite("/nowhere/tasks.db"),
  values: [Money],
  models: [stubAdapter({ "qa.Comment": [Comment, ["id"]] }, { "qa.Comment": [new Comment()] }, overrides)],
});
class Overdrawn extends Error {}
const attempts: number[] = [];
const notify = app.task<{ to: string; at: Date }, void>("notify").run(() => {});
const index = app.task("index", async ({ post, fee }: { post: Comment; fee: Money }) => {
  await notify.enqueue({ to: post.body, at: new Date(5) }, { delay: "5m", priority: 3 });
  if (fee.amount < 0n) throw new Overdrawn(`${fee.amount}`);
  return { fee, plain: Object.getPrototypeOf(fee) === Money.prototype };
});
const flaky = app.task(
  "flaky",
  (_: undefined, job) => {
    attempts.push(job.attempt);
    if (job.attempt < 3) throw new Error("again");
    return "done";
  },
  { retry: { delay: "1m", jitter: 0 } },
);

const where = app.task("where", (_: undefined, job) => job.queue, { queue: "mails" });
const crawling = new Set<string>();
const crawl = app.task("crawl", async (_: undefined, job) => {
  crawling.add(job.id);
  await sleep(60_000, undefined, { signal: job.signal });
});
const deaf = app.task("deaf", () => new Promise<void>(() => {}), { timeout: 10, retry: { attempts: 1 } });
const forgotten = app.task("forgotten", () => 1, { keep: 0 });

let tester: TestApp;
beforeEach(() => {
  tester = testApp(app);
  attempts.length = 0;
});
afterEach(() => tester.close());

describe("testApp", () => {
  test("runs a task inline, encoded and decoded, without its engine", async () => {
    const fee = new Money({ amount: 5n });
    const result = await tester.run(index, { post: ref(Comment, 1), fee });
    expectTypeOf(result).toEqualTypeOf<{ fee: Money; plain: boolean }>();
    expect(result).toStrictEqual({ fee, plain: true });
    expect(result.fee).not.toBe(fee);
  });

  test("what was enqueued, typed", async () => {
    await tester.run(index, { post: ref(Comment, 1), fee: new Money({ amount: 5n }) });
    const [sent, ...others] = await tester.enqueued(notify);
    expect(others).toStrictEqual([]);
    expectTypeOf(sent!.payload.at).toEqualTypeOf<Date>();
    expect(sent).toMatchObject({
      payload: { to: "one", at: new Date(5) },
      queue: "default",
      priority: 3,
      state: "scheduled",
    });
    expect(sent!.runAt.getTime() - tester.now.getTime()).toBe(300_000);
    expect((await tester.enqueued(index))[0]!.payload).toMatchObject({
      post: new Reference("qa.Comment", 1),
    });
  });

  test("what the handler throws is thrown, the very same; other ends are told", async () => {
    await expect(
      tester.run(index, { post: ref(Comment, 1), fee: new Money({ amount: -1n }) }),
    ).rejects.toThrow(Overdrawn);
    await expect(
      tester.run(index, { post: ref(Comment, 9), fee: new Money({ amount: 1n }) }),
    ).rejects.toMatchObject({
      code: "ERR_TASK_FAILED",
      reason: { code: "ERR_ROW_MISSING" },
    });
  });

  test("a refused payload's message is that of enqueue", async () => {
    const payload = { post: ref(Comment, 1), fee: { amount: () => {} } } as never;
    await expect(tester.run(index, payload)).rejects.toThrow(
      /to task "index": 1 value cannot travel\.\n {2}payload\.fee\.amount {3}function/,
    );
    expect(await tester.enqueued(index)).toStrictEqual([]);
  });

  test("the clock: delays and retries run when their time comes, and not before", async () => {
    const handle = await flaky.enqueue();
    await notify.enqueue({ to: "x", at: new Date(0) }, { delay: "90s" });
    expect(await tester.drain()).toBe(1);
    expect(await tester.advance("59s")).toBe(0);
    expect([attempts, await tester.advance("2s")]).toStrictEqual([[1, 2], 1]);
    expect(await tester.advance("1h")).toBe(2);
    expect(await handle.result()).toBe("done");
    expect((await tester.enqueued(notify)).map(({ state }) => state)).toStrictEqual(["succeeded"]);
  });

  test("a task is of the queue that it is sent to, also when it is run here and now", async () => {
    expect(await tester.run(where, undefined)).toBe("mails");
    expect(await tester.run(where, undefined, { queue: "others" })).toBe("others");
    expect((await tester.enqueued(where)).map(({ queue }) => queue)).toStrictEqual(["mails", "others"]);
    await expect(tester.run(where, undefined, { queue: "ü" })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
    );
  });

  test("cancelling reaches a handler that runs", async () => {
    const handle = await crawl.enqueue();
    const draining = tester.drain();
    await vi.waitFor(() => expect(crawling.size).toBe(1));
    expect(await handle.cancel("enough")).toBe(true);
    await draining;
    await expect(handle.result()).rejects.toThrow(
      expect.objectContaining({
        code: "ERR_TASK_CANCELLED",
        reason: expect.objectContaining({ message: "enough" }),
      }),
    );
  });

  test("a run that is given up rejects as result() does", async () => {
    await expect(tester.run(deaf)).rejects.toThrow(expect.objectContaining({ code: "ERR_TASK_TIMEOUT" }));
    const [{ id } = { id: "" }] = await tester.enqueued(deaf);
    await expect(deaf.handle(id).result()).rejects.toThrow(
      expect.objectContaining({ code: "ERR_TASK_TIMEOUT" }),
    );
  });

  test("what has ended is known for as long as the test lasts", async () => {
    await forgotten.enqueue();
    const { id } = await forgotten.enqueue(undefined, { delay: "7d" });
    expect(await tester.advance("30d")).toBe(2);
    expect((await tester.enqueued(forgotten)).map(({ state }) => state)).toStrictEqual([
      "succeeded",
      "succeeded",
    ]);
    expect(await forgotten.handle(id).result()).toBe(1);
  });

  test("refuses what the app's own engine refuses", async () => {
    await tester.close();
    const poor = Object.assign(memory({ now: () => 0 }), {
      name: "poor",
      capabilities: {
        durable: false,
        shared: false,
        lacks: { uniqueKeys: "it has none", priority: "no order" },
      },
    });
    const app = new Petiole({ engine: poor });
    const task = app.task("task", () => 1);
    const refused = await Promise.all(
      [{ unique: "k" }, { priority: 1 }].map((options) => task.enqueue(undefined, options).catch(String)),
    );
    tester = testApp(app);
    for (const [index, options] of [{ unique: "k" }, { priority: 1 }].entries())
      expect(await tester.run(task, undefined, options).catch(String)).toBe(refused[index]);
    expect(refused[0]).toContain("it has none");
    expect(await tester.run(task)).toBe(1);
  });

  test("inside a transaction nothing is run, as nothing is sent", async () => {
    const running = app.transaction(database, () => tester.run(where));
    await expect(running).rejects.toThrow(
      /^Task where was not sent, and so not run: run\(\) was called inside/,
    );
    expect(await tester.enqueued(where)).toStrictEqual([]);
  });

  test("a task whose key is held is not run", async () => {
    await notify.enqueue({ to: "a", at: new Date() }, { unique: "k", delay: "1h" });
    const again = tester.run(notify, { to: "b", at: new Date() }, { unique: "k" });
    await expect(again).rejects.toThrow(expect.objectContaining({ code: "ERR_TASK_NOT_SENT" }));
  });

  test("close gives the app its engine back", async () => {
    await tester.close();
    await expect(notify.enqueue({ to: "x", at: new Date() })).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_ENGINE/) }),
    );
    tester = testApp(app);
  });
});

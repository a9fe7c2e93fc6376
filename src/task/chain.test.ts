import { AsyncLocalStorage } from "node:async_hooks";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { overlaid } from "../../test/fixtures/engine/overlaid.ts";
import { memory } from "../engine/memory.ts";
import { sqlite } from "../engine/sqlite.ts";
import type { Engine } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import { ref } from "../model/ref.ts";
import { stubAdapter, stubTransactions } from "../testing/stub-adapter.ts";
import { testApp } from "../testing/test-app.ts";
import { Value } from "../value/index.ts";
import { Petiole } from "./petiole.ts";

class Post {
  id = 1;
  body = "";
}
class Money extends Value("shop.Money", { amount: BigInt }) {}

const timeout = 3000;
const logger = { info() {}, warn: vi.fn<(message: string) => void>(), error() {} };
let setup: ReturnType<typeof make>;

/** @param change - what of the engine is another */
function make(change: (engine: Engine) => Partial<Engine> = () => ({})) {
  const own = memory();
  const engine = overlaid(own, change(own));
  const { database, overrides } = stubTransactions();
  const adapter = stubAdapter({ "qa.Post": [Post, ["id"]] }, {}, { ...overrides, load: async () => [] });
  const app = new Petiole({ engine, values: [Money], models: [adapter] });
  const runs: string[] = [];
  const ran = <Payload, Result>(name: string, result: (payload: Payload) => Result) =>
    app.task(
      name,
      (payload: Payload): Result => {
        runs.push(name);
        return result(payload);
      },
      { retry: { attempts: 1 } },
    );
  const add = app.task("add", (x: number) => {
    runs.push(`add ${x}`);
    return x + 1;
  });
  const after = app.task("after", (given: unknown) => {
    runs.push("after");
    return given;
  });
  const worker = app.worker({ watchdog: false, logger });
  return { own, engine, database, app, runs, ran, add, after, worker };
}

beforeEach(() => {
  logger.warn.mockClear();
  setup = make();
});

afterEach(async () => {
  await setup.worker.stop({ timeout: 0 });
  await setup.app.close();
});

describe("what is refused when a chain is made or sent", () => {
  test.each([
    [[], /^A chain must have 1 to 100 steps, received number 0/],
    [Array.from({ length: 101 }, () => "add"), /^A chain must have 1 to 100 steps, received number 101/],
    [
      ["add", 5],
      /^steps\[1\] of a chain must be a task, task\.with\(options\) or task\.signature\(payload\)/,
    ],
    [["add", "group"], /a group cannot be one: enqueue it in a step's handler, or use chord\(\)/],
    [["add", "chain"], /^steps\[1\] of a chain must be a task/],
    [["other"], /^steps\[0\] of a chain must be of this app, received .*task add of another/],
    [["add", "unique"], /^steps\[1\] of a chain must have no `unique`.*one of task unique/],
    [["add", "uniqueOption"], /^steps\[1\] of a chain must have no `unique`.*one of task add/],
  ])("%j", (names, message) => {
    const { app, add } = setup;
    const known: Readonly<Record<string, unknown>> = {
      add,
      group: app.group(add.signature(1)),
      chain: app.chain(add),
      other: new Petiole({ engine: memory() }).task("add", () => 1),
      unique: app.task("unique", (x: number) => x, { unique: (x) => `${x}` }),
      uniqueOption: add.with({ unique: "key" }),
    };
    const steps = (names as unknown[]).map((name) => (typeof name === "string" ? known[name] : name));
    const chain = () => (app.chain as (...steps: unknown[]) => unknown)(...steps);
    expect(chain).toThrow(message);
    expect(chain).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
  });

  test.each([
    [{ queue: "no queue!" }, /^queue must be 1 to 200 letters/],
    [{ delay: -1 }, /^delay must be a duration/],
    [{ runAt: new Date(Number.NaN) }, /^runAt must be a valid Date/],
    [{ runAt: new Date(0), delay: 1 }, /^runAt must not be given together with delay/],
    [{ expires: new Date(Number.NaN) }, /^expires must be a valid Date/],
    [{ priority: 0.5 }, /^priority must be a whole number/],
    [{ headers: { chain: 1 } }, /^headers cannot have chain/],
    [{ headers: { at: new Date(0) as never } }, /^headers\.at must be plain JSON/],
    [
      { headers: { text: "a".repeat(66_000) } },
      /^What follows the first step of a chain must have at most 65536 bytes/,
    ],
  ])("options of a later step: %o", async (options, message) => {
    const { app, add, engine } = setup;
    for (const later of [add.with(options), add.signature(1, options)])
      await expect(app.chain(add, later as unknown as typeof add).enqueue(1)).rejects.toThrow(message);
    expect(await engine.counts()).toEqual([]);
  });

  test("options that are those of a step, and payloads where options are wanted", async () => {
    const { app, add } = setup;
    const wrong = { queue: "slow" } as object;
    await expect(app.chain(add, add).enqueue(1, wrong)).rejects.toThrow(
      /among delay, runAt, .*string "queue"/,
    );
    await expect(app.chain(add.signature(1)).enqueue({ x: 1 } as object)).rejects.toThrow(/string "x"/);
    await expect(app.chain(add.signature(1)).enqueue(5 as never)).rejects.toThrow(/must be an object/);
  });

  test("all that cannot travel, each with the step that it is in", async () => {
    const { app, after, engine } = setup;
    const symbol = Symbol("never") as never;
    const sent = app.chain(after, after.signature({ a: symbol }), after, after.signature([symbol]));
    const error = await sent.enqueue({ b: symbol }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "ERR_PAYLOAD_REFUSED",
      refusals: [{ path: "payload.b" }, { path: "steps[1].payload.a" }, { path: "steps[3].payload[0]" }],
    });
    expect(await engine.counts()).toEqual([]);
  });

  test("ids that are not a chain's", () => {
    const chain = setup.app.chain(setup.add, setup.add);
    for (const ids of [[], ["1"], ["1", 2], "12"])
      expect(() => chain.handle(ids as string[])).toThrow(/must be given the ids of its 2 steps/);
  });
});

describe("how a chain ends with a step that has no success", () => {
  const ends: Readonly<
    Record<string, readonly [code: string, step: (all: typeof setup) => unknown, payload?: () => unknown]>
  > = {
    fails: ["ERR_TASK_FAILED", ({ ran }) => ran("s", () => Promise.reject(new Error("no")))],
    "is discarded": [
      "ERR_TASK_DISCARDED",
      ({ app }) => app.task("s", () => Promise.reject(new RangeError("no")), { discardOn: [RangeError] }),
    ],
    "is skipped": [
      "ERR_TASK_SKIPPED",
      ({ app }) => app.task("s", (_: { post: Post }) => 1, { ifMissing: "skip" }),
      () => ({ post: ref(Post, 1) }),
    ],
    "is parked": [
      "ERR_TASK_PARKED",
      ({ app }) => app.task("s", { schema: schemaOf((value) => value === "sent, not received" && once()) }),
      () => "sent, not received",
    ],
    expires: ["ERR_TASK_EXPIRED", ({ after }) => after.with({ expires: new Date(1) })],
  };
  let checks = 0;
  const once = (): boolean => ++checks % 2 === 1;

  test.each(Object.keys(ends))("because it %s", async (name) => {
    const [code, step, payload] = ends[name]!;
    const { app, after, worker, engine, runs } = setup;
    const task = step(setup) as typeof after;
    if ("run" in task && task.handler === undefined) task.run((given) => given);
    const handle = await app.chain(task, after, after).enqueue(payload?.());
    await worker.start();
    for (const each of [handle, ...handle.handles])
      await expect(each.result({ timeout })).rejects.toMatchObject({ code, id: handle.ids[0] });
    expect(await engine.find(handle.ids[1]!)).toBeUndefined();
    expect(runs.filter((run) => run === "after")).toEqual([]);
    if (code === "ERR_TASK_PARKED") return;
    expect(await handle.cancel()).toBe(false);
  });

  test("goes on once a person has the failed step run again", async () => {
    const { app, after, worker, engine } = setup;
    let isBroken = true;
    const mended = app.task(
      "mended",
      (x: number) => {
        if (isBroken) throw new Error("broken");
        return x;
      },
      { retry: { attempts: 1 } },
    );
    await worker.start();
    const handle = await app.chain(mended, after).enqueue(7);
    await expect(handle.result({ timeout })).rejects.toMatchObject({ code: "ERR_TASK_FAILED" });
    isBroken = false;
    await engine.retry([handle.ids[0]!]);
    expect(await handle.result({ timeout })).toBe(7);
  });
});

describe("a result that cannot be the payload of the next step", () => {
  test("is refused by its schema at the step that made it", async () => {
    const { app, ran, worker, engine } = setup;
    const wants = app.task("wants", { schema: schemaOf((value) => value === "right") }).run((x) => x);
    await worker.start();
    const chain = app.chain(
      ran("makes", (x: string) => x),
      wants,
    );
    expect(await (await chain.enqueue("right")).result({ timeout })).toBe("right");
    const handle = await chain.enqueue("wrong");
    const failed = await handle.result({ timeout }).catch((error: PetioleError) => error);
    expect(failed).toMatchObject({
      code: "ERR_TASK_FAILED",
      id: handle.ids[0],
      reason: { code: "ERR_PAYLOAD_REFUSED" },
    });
    expect((failed as Error).message).toMatch(
      /what follows it in its chain, task wants, cannot be sent: .*task "makes".*result/s,
    );
    expect(await engine.find(handle.ids[1]!)).toBeUndefined();
  });

  test("or that cannot travel at all fails it as ever", async () => {
    const { app, ran, after, worker } = setup;
    await worker.start();
    const handle = await app
      .chain(
        ran("makes", (_: number): unknown => Symbol("no")),
        after,
      )
      .enqueue(1);
    await expect(handle.result({ timeout })).rejects.toMatchObject({
      id: handle.ids[0],
      reason: { code: "ERR_PAYLOAD_REFUSED" },
    });
  });
});

describe("options of steps", () => {
  test("a step's delay and expiry count from its send, its queue and headers are its own", async () => {
    const { app, add, after } = setup;
    const tester = testApp(app);
    const slow = add.with({ delay: "1m", queue: "slow", priority: 3, headers: { b: "own" } });
    const chain = app.chain(add, slow, after.signature("late", { delay: "2m", expires: "1m" }));
    const handle = await chain.enqueue(1, { delay: "5m", headers: { a: 1, b: 2 } });
    expect(await tester.advance("5m")).toBe(1);
    const [first, second] = await tester.enqueued(add);
    expect(first).toMatchObject({ state: "succeeded", queue: "default", headers: { a: 1, b: 2 } });
    expect(second).toMatchObject({ payload: 2, queue: "slow", priority: 3, headers: { a: 1, b: "own" } });
    expect(second!.runAt.getTime() - first!.runAt.getTime()).toBe(60_000);
    expect(await tester.advance("59s")).toBe(0);
    expect(await tester.advance("1s")).toBe(1);
    const [third] = await tester.enqueued(after);
    expect(third).toMatchObject({ payload: "late", headers: { a: 1, b: 2 } });
    expect(third!.runAt.getTime() - second!.runAt.getTime()).toBe(120_000);
    expect(third!.headers["expires"]).toBe(third!.runAt.getTime() + 60_000);
    await tester.advance("2m");
    expect(await handle.result()).toBe("late");
    await tester.close();
  });

  test("what follows carries value classes, versions and lanes", async () => {
    const { app, add, worker, engine } = setup;
    const fee = new Money({ amount: 5n });
    const pay = app.task("pay", (money: Money) => money.amount, {
      version: 3,
      upgrade: { 1: (x) => x, 2: (x) => x },
      concurrency: 1,
    });
    await worker.start();
    const handle = await app.chain(add, pay.signature(fee)).enqueue(1);
    expect(await handle.result({ timeout })).toBe(5n);
    const { message } = (await engine.find(handle.ids[1]!))!;
    expect(message.headers).toMatchObject({ types: ["shop.Money"], version: 3 });
    expect(message.headers.chain).toBeUndefined();
  });
});

describe("middleware", () => {
  test("is around each send, where the handler is", async () => {
    const { app, add, after, worker } = setup;
    const tenant = new AsyncLocalStorage<string>();
    const sends: unknown[] = [];
    app.use({
      async enqueue({ id, task, payload, headers }, next) {
        sends.push([task, payload, id]);
        headers["tenant"] = tenant.getStore() ?? "nobody";
        await next();
      },
      run: ({ headers }, next) => tenant.run(`${String(headers["tenant"])}'s`, next),
    });
    const seen = app.task("seen", (_: unknown) => tenant.getStore());
    await worker.start();
    const chain = app.chain(add, seen.signature("own"), seen, after);
    const handle = await tenant.run("ada", () => chain.enqueue(1));
    expect(await handle.result({ timeout })).toBe("ada's's");
    const [one, two, three, four] = handle.ids;
    expect(sends).toEqual([
      ["add", 1, one],
      ["seen", "own", two],
      ["seen", "ada's", three],
      ["after", "ada's's", four],
    ]);
  });

  test("that refuses the next send fails the step, by the step's own rules", async () => {
    const { app, after, worker } = setup;
    let tries = 0;
    const twice = app.task("twice", (x: number) => x, { retry: { attempts: 2, delay: 1 } });
    app.use({
      async enqueue({ task }, next) {
        if (task === "after" && ++tries < 3) throw new Error("not now");
        await next();
      },
    });
    await worker.start();
    const first = await app.chain(twice, after).enqueue(1);
    await expect(first.result({ timeout })).rejects.toThrow(/twice.*not now/);
    expect(tries).toBe(2);
    expect(await (await app.chain(twice, after).enqueue(1)).result({ timeout })).toBe(1);
  });
});

describe("an engine that does not accept the next step", () => {
  const unreachable = (): Error => new PetioleError("ERR_ENGINE_UNREACHABLE", "away");

  test("for a while: it is sent again, and the step does not run again", async () => {
    let failures = 2;
    setup = make((own) => ({
      send: async (batch) => {
        if (batch[0]?.message.task === "after" && failures-- > 0) throw unreachable();
        return own.send(batch);
      },
    }));
    const { app, add, after, worker, runs } = setup;
    await worker.start();
    expect(await (await app.chain(add, after).enqueue(1)).result({ timeout })).toBe(2);
    expect(runs).toEqual(["add 1", "after"]);
  });

  test("for longer than a worker tries: the run counts as one that failed", async () => {
    const now = performance.now.bind(performance);
    let later = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + later);
    setup = make((own) => ({
      send: async (batch) => {
        if (batch[0]?.message.task !== "after") return own.send(batch);
        later = 200_000;
        throw unreachable();
      },
    }));
    const { app, ran, after, worker } = setup;
    await worker.start();
    const handle = await app
      .chain(
        ran("once", (x: number) => x),
        after,
      )
      .enqueue(1);
    await expect(handle.result({ timeout })).rejects.toMatchObject({
      id: handle.ids[0],
      reason: {
        message: "what follows it in its chain, task after, could not be sent: away",
        details: { code: "ERR_ENGINE_UNREACHABLE" },
      },
    });
    clock.mockRestore();
  });

  test("by an error that the engine does not know: the step fails at once", async () => {
    let sends = 0;
    setup = make((own) => ({
      send: async (batch) => {
        if (batch[0]?.message.task !== "after") return own.send(batch);
        sends++;
        throw new TypeError("x is not a function");
      },
    }));
    const { app, add, after, worker } = setup;
    await worker.start();
    const handle = await app.chain(add, after).enqueue(1);
    await expect(handle.result({ timeout })).rejects.toMatchObject({
      id: handle.ids[0],
      reason: {
        code: "ERR_ENGINE_FAILED",
        message: "what follows it in its chain, task after, cannot be sent: x is not a function",
      },
    });
    expect(sends).toBe(1);
  });

  test("ever: the step fails, and says so", async () => {
    setup = make((own) => ({
      send: async (batch) => {
        if (batch[0]?.message.task !== "after") return own.send(batch);
        throw new PetioleError("ERR_PAYLOAD_LIMIT", "too large for this engine");
      },
    }));
    const { app, add, after, worker } = setup;
    await worker.start();
    const handle = await app.chain(add, after).enqueue(1);
    await expect(handle.result({ timeout })).rejects.toMatchObject({
      id: handle.ids[0],
      reason: {
        code: "ERR_PAYLOAD_LIMIT",
        message: "what follows it in its chain, task after, cannot be sent: too large for this engine",
      },
    });
  });

  test("until the worker stops: the step is handed back", async () => {
    setup = make((own) => ({
      send: async (batch) => {
        if (batch[0]?.message.task === "after") throw unreachable();
        return own.send(batch);
      },
    }));
    const { app, add, after, worker, own, runs } = setup;
    await worker.start();
    const { ids } = await app.chain(add, after).enqueue(1);
    await vi.waitFor(() => expect(runs).toEqual(["add 1"]));
    await worker.stop({ timeout: 0 });
    expect(await own.find(ids[0]!)).toMatchObject({ state: "waiting", attempts: 0 });
  });
});

describe("waiting", () => {
  test("when records of earlier steps are gone, in another app", async () => {
    const { app, engine, after, worker } = setup;
    const gone = app.task("gone", (x: number) => x, { keep: 0 });
    await worker.start();
    const slow = await app.chain(gone, gone, after.with({ delay: 100 })).enqueue(3);
    await vi.waitFor(async () => expect(await engine.find(slow.ids[2]!)).toBeDefined());
    expect(await engine.find(slow.ids[0]!)).toBeUndefined();
    const other = new Petiole({ engine });
    const [one, two] = ["gone", "after"].map((name) => other.task<unknown, unknown>(name));
    const chain = other.chain(one!, one!, two!);
    expect(await chain.handle(slow.ids).result({ timeout })).toBe(3);
    const unknown = { code: "ERR_TASK_NOT_FOUND" };
    await expect(chain.handle(["1", "2", "3"]).result({ timeout })).rejects.toMatchObject(unknown);
    await expect(slow.handles[0].result({ timeout })).rejects.toMatchObject(unknown);
    expect(await chain.handle(["1", "2", "3"]).cancel()).toBe(false);
    expect((await engine.list({})).records).toHaveLength(1);
  });

  test("gives up after a time, or when a signal aborts, and the chain goes on", async () => {
    const { app, add, worker } = setup;
    const handle = await app.chain(add, add).enqueue(1);
    await expect(handle.result({ timeout: 5 })).rejects.toMatchObject({ code: "ERR_RESULT_TIMEOUT" });
    const reason = new Error("enough");
    await expect(handle.result({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    for (const each of [handle, ...handle.handles]) {
      const waiting = each.result({ signal: controller.signal, timeout });
      waiting.catch(() => {});
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
    }
    await worker.start();
    expect(await handle.result({ timeout })).toBe(3);
  });

  test("for a later step's progress waits for its beginning", async () => {
    const { app, add, worker } = setup;
    const telling = app.task("telling", (_: number, job) => job.progress(0.5, "half"));
    const handle = await app.chain(add, telling).enqueue(1);
    const told: unknown[] = [];
    setTimeout(() => void worker.start(), 20);
    for await (const progress of handle.handles[1].progress()) told.push(progress);
    expect(told).toEqual([{ fraction: 0.5, note: "half" }]);
    expect(await handle.handles[1].logs()).toEqual([]);
  });

  test("is refused where only who sends a task learns how it ended", async () => {
    const lacks = { sharedEnds: "nothing keeps results" };
    setup = make((own) => ({ capabilities: { ...own.capabilities, lacks } }));
    const { app, add, worker } = setup;
    await worker.start();
    const handle = await app.chain(add, add).enqueue(1);
    await expect(handle.result({ timeout })).rejects.toMatchObject({
      code: "ERR_ENGINE_UNSUPPORTED",
      message: expect.stringContaining("nothing keeps results"),
    });
    expect(await handle.handles[0].result({ timeout })).toBe(2);
  });
});

describe("cancelling", () => {
  test("a later step leaves those before it", async () => {
    const { app, add, after, worker, runs } = setup;
    const handle = await app.chain(add, add, after, after).enqueue(1);
    expect(await handle.handles[2].cancel("no more")).toBe(true);
    await worker.start();
    expect(await handle.handles[1].result({ timeout })).toBe(3);
    await expect(handle.result({ timeout })).rejects.toMatchObject({
      code: "ERR_TASK_CANCELLED",
      id: handle.ids[2],
      reason: { message: "no more" },
    });
    expect(runs).toEqual(["add 1", "add 2"]);
    expect(await handle.cancel()).toBe(false);
  });

  test.each(["memory", "sqlite"] as const)(
    "a later step is for longer than the engine keeps what has ended: %s",
    async (name) => {
      const folder = mkdtempSync(join(tmpdir(), "petiole-"));
      const path = join(folder, "tasks.db");
      const engine = name === "memory" ? memory({ retention: 0 }) : sqlite(path, { retention: 0 });
      const app = new Petiole({ engine });
      const runs: string[] = [];
      const task = app.task("t", (name: string) => {
        runs.push(name);
        return `${name} again`;
      });
      const handle = await app.chain(task, task, task).enqueue("first");
      expect(await handle.handles[1].cancel()).toBe(true);
      // What was called off and is not kept is gone by now.
      const other = await task.enqueue("other", { delay: "1h" });
      await other.cancel();
      await vi.waitFor(async () => expect(await engine.find(other.id)).toBeUndefined(), timeout);
      const worker = app.worker({ watchdog: false, logger });
      await worker.start();
      await vi.waitFor(() => expect(runs).toContain("first"), timeout);
      await vi.waitFor(async () => expect(await engine.find(handle.ids[0]!)).toBeUndefined(), timeout);
      // It comes after what the first one would have sent.
      await task.enqueue("last");
      await vi.waitFor(() => expect(runs).toContain("last"), timeout);
      expect(runs).toEqual(["first", "last"]);
      await worker.stop({ timeout: 0 });
      await app.close();
      rmSync(folder, { recursive: true });
    },
  );

  test("of what has ended well is none", async () => {
    const { app, add, worker } = setup;
    await worker.start();
    const handle = await app.chain(add, add).enqueue(1);
    await handle.result({ timeout });
    expect(await handle.cancel()).toBe(false);
    expect(await handle.handles[1].cancel()).toBe(false);
  });

  test("that is cut off in the middle leaves nothing that could run", async () => {
    setup = make(() => ({ cancel: () => Promise.reject(new Error("cut off")) }));
    const { app, add, after, runs } = setup;
    const tester = testApp(app);
    vi.spyOn(app.engine, "cancel").mockRejectedValue(new Error("cut off"));
    const handle = await app.chain(add.with({ delay: "2m" }), after).enqueue(1);
    await expect(handle.cancel()).rejects.toThrow("cut off");
    await tester.advance("1h");
    await expect(handle.result()).rejects.toMatchObject({ code: "ERR_TASK_EXPIRED", id: handle.ids[1] });
    expect(runs).toEqual(["add 1"]);
    await tester.close();
  });
});

describe("in a transaction", () => {
  test("the chain is sent after the commit, and never after a rollback", async () => {
    const { app, database, add, engine, worker } = setup;
    const chain = app.chain(add, add);
    const [handle, dropped] = await app.transaction(database, async () => {
      const held = await chain.enqueue(1);
      const cancelled = await chain.enqueue(5);
      for (const each of [held, held.handles[1]])
        await expect(each.result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
      await expect(held.handles[1].cancel()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
      expect(await cancelled.cancel()).toBe(true);
      expect(await engine.counts()).toEqual([]);
      return [held, cancelled] as const;
    });
    await worker.start();
    expect(await handle.result({ timeout })).toBe(3);
    await expect(dropped.result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
    const undone = app.transaction(database, async () => {
      await chain.enqueue(1);
      throw new Error("undone");
    });
    await expect(undone).rejects.toThrow("undone");
    expect((await engine.list({})).records).toHaveLength(2);
  });

  test("given by its handle, too", async () => {
    const { app, database, add, engine } = setup;
    await app.transaction(database, async (transaction) => {
      await app.chain(add, add).enqueue(1, { transaction: transaction as object });
      expect(await engine.counts()).toEqual([]);
    });
    expect((await engine.list({})).records).toHaveLength(1);
  });
});

/** A Standard Schema of what passes a check. */
function schemaOf(check: (value: unknown) => boolean) {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) => (check(value) ? { value } : { issues: [{ message: "is wrong" }] }),
    },
  } as const;
}

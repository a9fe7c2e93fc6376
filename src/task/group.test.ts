import { afterEach, beforeEach, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { stubAdapter, stubTransactions } from "../testing/stub-adapter.ts";
import { testApp } from "../testing/test-app.ts";
import { Petiole } from "./petiole.ts";

const timeout = 3000;
let setup: ReturnType<typeof make>;

function make() {
  const { database, overrides } = stubTransactions();
  const app = new Petiole({ engine: memory(), models: [stubAdapter({}, {}, overrides)] });
  const double = app.task("double", (x: number) => 2 * x);
  const fails = app.task(
    "fails",
    (why: string): never => {
      throw new RangeError(why);
    },
    { retry: { attempts: 1 } },
  );
  const any = app.task("any", (payload: unknown) => payload);
  const worker = app.worker({ logger: { info() {}, warn() {}, error() {} } });
  return { app, database, double, fails, any, worker };
}

beforeEach(() => {
  setup = make();
});

afterEach(async () => {
  await setup.worker.stop({ timeout: 0 });
  await setup.app.close();
});

test("sends all members in one batch, with their options and the group's headers", async () => {
  const { app, double, any } = setup;
  const batches: number[] = [];
  const send = app.engine.send.bind(app.engine);
  app.engine.send = (batch) => {
    batches.push(batch.length);
    return send(batch);
  };
  const middleware: unknown[] = [];
  app.use({
    async enqueue({ task, payload }, next) {
      middleware.push([task, payload]);
      await next();
    },
  });
  const group = app.group(
    double.signature(1, { queue: "slow", headers: { b: "own" } }),
    app.chain(any.signature("a"), double.signature(4), double),
  );
  const handle = await group.enqueue({ headers: { a: 1, b: 2 } });
  expect(batches).toEqual([2]);
  expect(middleware).toEqual([
    ["double", 1],
    ["any", "a"],
    ["double", 4],
  ]);
  const { records } = await app.engine.list({});
  expect(
    records.map(({ message: { id, queue, headers } }) => [id, queue, headers["a"], headers["b"]]),
  ).toEqual([
    [handle.handles[0].id, "slow", 1, "own"],
    [handle.handles[1].ids[0], "default", 1, 2],
  ]);
});

test("results are as Promise.all, settled as Promise.allSettled", async () => {
  const { app, double, fails, any, worker } = setup;
  const slow = app.group(any.signature("never", { delay: "1h" }), fails.signature("no"));
  const handle = await slow.enqueue();
  await worker.start();
  await expect(handle.results()).rejects.toMatchObject({ code: "ERR_TASK_FAILED", id: handle.handles[1].id });
  const [first, second] = await handle.settled({ timeout: 50 });
  expect(first).toMatchObject({ status: "rejected", reason: { code: "ERR_RESULT_TIMEOUT" } });
  expect(second).toMatchObject({ status: "rejected", reason: { code: "ERR_TASK_FAILED" } });
  const reason = new Error("enough");
  await expect(handle.results({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(await handle.cancel("over")).toBe(true);
  await expect(handle.handles[0].result()).rejects.toMatchObject({ code: "ERR_TASK_CANCELLED" });
  expect(await handle.cancel()).toBe(false);
  const good = await app.group(double.signature(1), any.signature(undefined)).enqueue();
  expect(await good.results({ timeout })).toStrictEqual([2, undefined]);
  expect(await (await app.group().enqueue()).results()).toStrictEqual([]);
});

test("sends none when one cannot travel, and names each place", async () => {
  const { app, any } = setup;
  const never = Symbol("never");
  const group = app.group(
    any.signature(1),
    any.signature({ never }),
    app.chain(any.signature(1), any.signature([never])),
  );
  await expect(group.enqueue()).rejects.toMatchObject({
    code: "ERR_PAYLOAD_REFUSED",
    refusals: [{ path: "members[1].payload.never" }, { path: "members[2].steps[1].payload[0]" }],
  });
  expect(await app.engine.counts()).toEqual([]);
});

test("a member that gives way to one that holds its key is that one", async () => {
  const { app, any } = setup;
  const holder = await any.enqueue("first", { unique: "key" });
  const { handles } = await app.group(any.signature("second", { unique: "key" }), any.signature(3)).enqueue();
  expect(handles[0].id).toBe(holder.id);
  expect(handles[1].id).not.toBe(holder.id);
});

test("what cannot be a member is refused", async () => {
  const { app, double } = setup;
  const elsewhere = new Petiole({ engine: memory() });
  const other = elsewhere.task("double", (x: number) => x);
  const group = app.group as (...members: unknown[]) => unknown;
  const refusals = [
    [double, /^members\[0\] of a group must be task\.signature\(payload\), or a chain/],
    [double.with({}), /^members\[0\] of a group must be task\.signature/],
    [undefined, /received undefined/],
    [elsewhere.chain(other.signature(1)), /must be of this app, received .*a chain of another/],
    [other.signature(1), /must be of this app, received .*task double of another/],
  ] as const;
  for (const [member, message] of refusals) expect(() => group.call(app, member)).toThrow(message);
  const wrong = app.group(double.signature(1)).enqueue({ delay: 5 } as object);
  await expect(wrong).rejects.toThrow(/The options of a group must be among headers, transaction/);
});

test("is sent after the commit of the transaction that it is enqueued in", async () => {
  const { app, database, double, worker } = setup;
  const group = app.group(double.signature(1), app.chain(double.signature(2), double));
  const handle = await app.transaction(database, async () => {
    const held = await group.enqueue();
    await expect(held.results()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
    expect(await app.engine.counts()).toEqual([]);
    return held;
  });
  await worker.start();
  expect(await handle.results({ timeout })).toEqual([2, 8]);
});

test("runs in a test of the app", async () => {
  const { app, double } = setup;
  const tester = testApp(app);
  const handle = await app.group(double.signature(1), app.chain(double.signature(2), double)).enqueue();
  expect(await tester.drain()).toBe(3);
  expect(await handle.results()).toEqual([2, 8]);
  await tester.close();
});

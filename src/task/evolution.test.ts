import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Engine, Settlement, TaskRecord } from "../engine.ts";
import { memory } from "../engine/memory.ts";
import { sqlite } from "../engine/sqlite.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import { retired, Value } from "../value/index.ts";
import type { ValueEntry } from "../wire/value-type.ts";
import type { PetioleOptions } from "./make-app-context.ts";
import { Petiole } from "./petiole.ts";
import type { Worker } from "./worker.ts";

const quiet = { info() {}, warn() {}, error() {} };
const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

function appOn(engine: Engine, options: Partial<PetioleOptions<readonly ValueEntry[], []>> = {}) {
  return new Petiole({ engine, ...options });
}

async function work(app: { worker(options: object): Worker }, options: object = {}): Promise<Worker> {
  const worker = app.worker({ logger: quiet, ...options });
  await worker.start();
  open.push(() => worker.stop({ timeout: 0 }));
  return worker;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await holds());) {
    if (Date.now() > end) throw new Error(`${what}: not within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** An engine that tells how claims were settled through it. */
function watched(engine: Engine): { readonly engine: Engine; readonly settled: Settlement[] } {
  const settled: Settlement[] = [];
  const proxy = new Proxy(engine, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      if (name !== "settle") return member.bind(target) as unknown;
      return (settlements: readonly Settlement[]) => {
        for (const each of settlements) settled.push(each);
        return target.settle(settlements);
      };
    },
  });
  return { engine: proxy, settled };
}

class Cents extends Value("shop.Money", { cents: Number }) {}
class Money extends Value(
  "shop.Money",
  { amount: BigInt },
  { version: 2, upgrade: { 1: ({ cents }) => ({ amount: BigInt(cents as number) }) } },
) {}

type Told = { to: string };
type Notified = { users: string[] };
const upgrade = { 1: ({ to }: Told): Notified => ({ users: [to] }) };

describe("a payload's version", () => {
  test("stands in the headers from 2 on; what is older is upgraded, then checked, then run", async () => {
    const engine = memory();
    const before = appOn(engine).task<Told, string[]>("posts.notify");
    const app = appOn(engine);
    const schema = z.object({ users: z.array(z.string()) });
    const now = app.task("posts.notify", ({ users }: Notified) => users, { version: 2, upgrade, schema });
    const [old, recent, wrong] = [
      await before.enqueue({ to: "ada" }),
      await now.enqueue({ users: ["bob", "eve"] }),
      await before.enqueue({ to: 5 as never }),
    ];
    expect((await engine.find(old.id))?.message.headers).toStrictEqual({ wire: 1 });
    expect((await engine.find(recent.id))?.message.headers).toStrictEqual({ wire: 1, version: 2 });
    await work(app);
    expect([await old.result(), await recent.result()]).toStrictEqual([["ada"], ["bob", "eve"]]);
    await expect(wrong.result()).rejects.toMatchObject({
      code: "ERR_TASK_PARKED",
      reason: { code: "ERR_TEXT_UNDECODABLE", details: { path: "payload.users[0]" } },
    });
  });

  test("an upgrade that goes wrong parks the task, for a person", async () => {
    const engine = memory();
    const before = appOn(engine).task<object, void>("t");
    const sent = [await before.enqueue({ step: "throws" }), await before.enqueue({ step: "forgets" })];
    const app = appOn(engine);
    const forgets = ({ step }: { step: string }) => {
      if (step === "throws") throw new RangeError("no way");
    };
    app.task("t", (_: object) => {}, { version: 2, upgrade: { 1: forgets } });
    await work(app);
    const found = await Promise.all(sent.map(({ id }) => engine.ended(id)));
    expect(found.map((each) => [each?.state, each?.reason?.message])).toStrictEqual([
      [
        "parked",
        "Cannot decode payload: expected version 1 of the payload of task t, found the upgrade of task t from version 1 threw: no way.",
      ],
      [
        "parked",
        "Cannot decode payload: expected version 1 of the payload of task t, found the upgrade of task t from version 1 returned undefined, not data.",
      ],
    ]);
    expect(found[0]?.reason).toMatchObject({
      code: "ERR_TEXT_UNDECODABLE",
      details: { path: "payload", cause: { name: "RangeError" } },
    });
    expect(
      await engine.claim({ queues: ["default"], limit: 9, lease: 1, worker: "w", knows: () => true }),
    ).toStrictEqual([]);
  });

  test.each<[string, object, RegExp]>([
    ["version", { version: 0 }, /task t has version number 0/],
    ["upgrade", { version: 2 }, /task t is at version 2 and has no upgrade from version 1/],
    ["alias", { aliases: ["a b"] }, /an alias of task t must be/],
  ])("a %s that cannot be is refused", (_, options, message) => {
    expect(() => appOn(memory()).task("t", options)).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID", message: expect.stringMatching(message) }),
    );
  });

  test.each([0, 1.5, "2", null, [2]])("a header version %j is undecodable", async (version) => {
    const app = appOn(memory());
    app.task("t", () => {});
    await work(app);
    const message = { id: "1", task: "t", queue: "default", payload: "null", headers: { wire: 1, version } };
    await app.engine.send([{ message: message as TaskRecord["message"], runAt: 0 }]);
    expect(await app.engine.ended("1")).toMatchObject({
      state: "parked",
      reason: { code: "ERR_TEXT_UNDECODABLE" },
    });
  });

  test("is the message's own header", async () => {
    const app = appOn(memory());
    app.use({
      async enqueue({ headers }, next) {
        headers["version"] = 3;
        await next();
      },
    });
    await expect(app.task("t", () => {}).enqueue()).rejects.toMatchObject({ code: "ERR_OPTION_INVALID" });
  });
});

describe.each(["memory", "sqlite"])("an older worker on %s", (kind) => {
  let make: () => Engine;
  beforeEach(() => {
    if (kind === "memory") {
      const engine = memory();
      make = () => engine;
      return;
    }
    const folder = mkdtempSync(join(tmpdir(), "petiole-"));
    open.push(() => rmSync(folder, { recursive: true }));
    make = () => {
      const engine = sqlite(join(folder, "tasks.db"));
      open.push(() => engine.close());
      return engine;
    };
  });

  function older() {
    const seen = watched(make());
    const app = appOn(seen.engine, { values: [Cents] });
    const ran: unknown[] = [];
    app.task("posts.notify", (payload: unknown) => void ran.push(payload));
    return { app, ran, settled: seen.settled };
  }

  function newer(engine: Engine = make()) {
    const app = appOn(engine, { values: [Money] });
    const notify = app.task(
      "posts.notify",
      async ({ users }: Notified, job) => {
        job.log("here");
        return users;
      },
      { version: 2, upgrade },
    );
    const charge = app.task("shop.charge", ({ fee }: { fee: Money }) => fee.amount);
    return { app, notify, charge };
  }

  test("parks what it does not know; a newer one that comes later picks it up by itself", async () => {
    const { app: old, ran, settled } = older();
    const { app, notify, charge } = newer();
    const worker = await work(old);
    const handles = [
      await notify.enqueue({ users: ["ada"] }),
      await charge.enqueue({ fee: new Money({ amount: 5n }) }),
    ] as const;
    for (const { id } of handles) await old.engine.ended(id);
    const [first, second] = await Promise.all(handles.map(({ id }) => app.engine.find(id)));
    expect([first, second]).toMatchObject([
      {
        state: "parked",
        attempts: 0,
        reason: {
          code: "ERR_TASK_UNKNOWN",
          message: "task posts.notify came with version 2 of its payload. This worker knows version 1",
          details: { needs: ["wire 1", "task posts.notify@2"] },
        },
      },
      { state: "parked", reason: { code: "ERR_TASK_UNKNOWN" } },
    ]);
    await worker.stop();
    await work(app);
    await until("both ran", async () =>
      (await app.engine.counts()).every(({ state }) => state === "succeeded"),
    );
    expect([await handles[0].result(), await handles[1].result()]).toStrictEqual([["ada"], 5n]);
    expect([ran.length, settled.map(({ kind }) => kind)]).toStrictEqual([0, ["park", "park"]]);
  });

  test("beside a newer one takes nothing twice, and runs what it knows", async () => {
    const { app: old, ran, settled } = older();
    const { app, notify, charge } = newer();
    await work(old, { concurrency: 2 });
    await work(app, { concurrency: 2 });
    const contract = appOn(make(), { values: [Cents] }).task<Told, unknown>("posts.notify");
    for (let n = 0; n < 40; n++) {
      await notify.enqueue({ users: [`${n}`] });
      await charge.enqueue({ fee: new Money({ amount: BigInt(n) }) });
      await contract.enqueue({ to: `${n}` });
    }
    await until("all ran", async () => {
      const counts = await app.engine.counts();
      return counts.every(({ state }) => state === "succeeded") && counts.some(({ count }) => count === 120);
    });
    const parked = settled.filter(({ kind }) => kind === "park").map(({ lease }) => lease.id);
    expect(new Set(parked).size).toBe(parked.length);
    expect(ran.every((payload) => typeof (payload as Told).to === "string")).toBe(true);
  });

  test("leaves a task between two attempts to the newer one, which goes on counting", async () => {
    const { app: old } = older();
    const { app } = newer();
    const flaky = app.task(
      "flaky",
      (_: unknown, job) => (job.attempt < 2 ? Promise.reject(new Error("x")) : job.attempt),
      {
        retry: { delay: "300ms", jitter: 0 },
      },
    );
    const one = await work(app);
    const handle = await flaky.enqueue({});
    await until("it failed once", async () => (await app.engine.find(handle.id))?.attempts === 1);
    await one.stop();
    await work(old);
    await until("it is parked", async () => (await app.engine.find(handle.id))?.state === "parked");
    await work(app);
    await until("it ran", async () => (await app.engine.find(handle.id))?.state === "succeeded");
    expect(await app.engine.find(handle.id)).toMatchObject({ attempts: 2, result: "2" });
  });

  test("and another that knows other things do not send a task back and forth", async () => {
    const engines = [watched(make()), watched(make())] as const;
    const one = appOn(engines[0].engine, { values: [Money] });
    const other = appOn(engines[1].engine, { values: [Cents] });
    other.task("shop.charge", (_: unknown) => "wrong");
    one.task("other", () => {});
    const { charge } = newer();
    await work(one);
    await work(other);
    const handle = await charge.enqueue({ fee: new Money({ amount: 5n }) });
    await until("it is parked", async () => (await one.engine.find(handle.id))?.state === "parked");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(engines.flatMap(({ settled }) => settled)).toHaveLength(1);
    await work(newer().app);
    await until("it ran", async () => (await one.engine.find(handle.id))?.state === "succeeded");
    expect(await handle.result()).toBe(5n);
  });

  test("parks a type that the message's headers do not list, as another program may send it", async () => {
    const old = appOn(make());
    old.task("t", () => 0);
    const now = appOn(make(), { values: [Money] });
    now.task("t", ({ fee }: { fee: Money }) => fee.amount);
    await work(old);
    const fee = '{"__type__":"shop.Money@2","__value__":{"amount":{"__type__":"bigint","__value__":"5"}}}';
    const message = { id: "m", task: "t", queue: "default", payload: `{"fee":${fee}}`, headers: { wire: 1 } };
    await now.engine.send([{ message, runAt: 0 }]);
    expect(await now.engine.ended("m")).toMatchObject({
      state: "parked",
      reason: {
        code: "ERR_TYPE_UNKNOWN",
        details: { needs: ["wire 1", "task t@1", "type shop.Money@2"] },
      },
    });
    await work(now);
    await until("it ran", async () => (await now.engine.find("m"))?.state === "succeeded");
  });

  test("parks a reference to a model that it does not have", async () => {
    const comments = {};
    const models = [
      stubAdapter({ "qa.Comment": [comments, ["id"]] }, { "qa.Comment": [{ id: 7, body: "hi" }] }),
    ];
    const index = (app: { task: Petiole["task"] }) =>
      app.task("posts.index", ({ post }: { post: { id: number; body: string } }) => post.body);
    const old = appOn(make());
    index(old as never);
    const now = new Petiole({ engine: make(), models });
    const task = index(now as never);
    await work(old);
    const { id } = await task.enqueue({ post: now.ref("qa.Comment" as never, 7) as never });
    expect(await now.engine.ended(id)).toMatchObject({
      state: "parked",
      reason: {
        code: "ERR_MODEL_UNKNOWN",
        details: { needs: ["wire 1", "task posts.index@1", "model qa.Comment"] },
      },
    });
    await work(now);
    await until("it ran", async () => (await now.engine.find(id))?.state === "succeeded");
    expect(await now.engine.find(id)).toMatchObject({ result: '"hi"' });
  });
});

describe("a task's former names", () => {
  test("are run by it, with its own name and limits; they are never sent", async () => {
    const engine = memory();
    const before = appOn(engine).task<Told, unknown>("posts.tell", { concurrency: 1 });
    const app = appOn(engine);
    let [running, most] = [0, 0];
    const notify = app.task(
      "posts.notify",
      async ({ users }: Notified, job) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running--;
        return [job.task, ...users];
      },
      { version: 2, upgrade, aliases: ["posts.tell"], concurrency: 1 },
    );
    const old = await Promise.all([before.enqueue({ to: "ada" }), before.enqueue({ to: "bob" })]);
    await work(app);
    expect(await Promise.all(old.map((handle) => handle.result()))).toStrictEqual([
      ["posts.notify", "ada"],
      ["posts.notify", "bob"],
    ]);
    expect(most).toBe(1);
    const { id } = await notify.enqueue({ users: [] });
    expect((await engine.find(id))?.message.task).toBe("posts.notify");
  });

  test("tell a worker that knows the next step of a chain by one of them what it has made for it", async () => {
    const engine = memory();
    const old = appOn(engine);
    old.task("find", (to: string): Told => ({ to }));
    old.task("posts.tell", (_: Told) => {});
    const worker = await work(old);
    const app = appOn(engine);
    const find = app.task("find", (to: string): Notified => ({ users: [to] }));
    const options = { version: 2, upgrade, aliases: ["posts.say", "posts.tell"] };
    const notify = app.task("posts.notify", ({ users }: Notified) => users, options);
    const handle = await app.chain(find, notify).enqueue("ada");
    await until(
      "the old worker has found",
      async () => (await engine.find(handle.ids[0]!))?.state === "succeeded",
    );
    await worker.stop();
    await work(app);
    await until("it is told", async () => (await engine.find(handle.ids[1]!))?.state === "succeeded");
    expect(await handle.result()).toStrictEqual(["ada"]);
    expect(await (await app.chain(find, notify).enqueue("eve")).result()).toStrictEqual(["eve"]);
  });

  test("are taken, as names are", () => {
    const app = appOn(memory());
    app.task("a", { aliases: ["b"] });
    app.retired("c");
    const code = "ERR_TASK_DUPLICATE";
    for (const [name, aliases] of [
      ["b", []],
      ["c", []],
      ["d", ["a"]],
      ["d", ["b"]],
      ["d", ["c"]],
      ["d", ["d"]],
      ["d", ["e", "e"]],
    ] as const)
      expect(() => app.task(name, { aliases }), name).toThrow(expect.objectContaining({ code }));
    for (const name of ["a", "b", "c"])
      expect(() => app.retired(name)).toThrow(expect.objectContaining({ code }));
    app.task("d", { aliases: ["e"] });
  });
});

describe("what is retired", () => {
  test("a task that is gone ends as declared, from its own queue too", async () => {
    const engine = memory();
    const before = appOn(engine);
    const tweet = await before.task("posts.tweet", { queue: "social" }).enqueue({});
    const fax = await before.task("posts.fax").enqueue({});
    const app = appOn(engine);
    app.retired("posts.tweet", { outcome: "discard", queue: "social" }).retired("posts.fax");
    await work(app);
    await expect(tweet.result()).rejects.toMatchObject({
      code: "ERR_TASK_DISCARDED",
      reason: { code: "ERR_TASK_RETIRED" },
    });
    await expect(fax.result()).rejects.toMatchObject({
      code: "ERR_TASK_FAILED",
      reason: { code: "ERR_TASK_RETIRED" },
    });
    expect(() => app.retired("x", { outcome: "skip" as never })).toThrow(/must be "fail" or "discard"/);
  });

  test("a type that is gone fails the task at once, also one that an older worker had parked", async () => {
    const engine = memory();
    const contract = appOn(engine, { values: [Money] }).task<{ fee: Money }, unknown>("shop.charge");
    const app = appOn(engine, { values: [retired("shop.Money", { version: 2 })] });
    app.task("shop.charge", () => "ran");
    const bare = appOn(engine);
    bare.task("shop.charge", () => "ran");
    const first = await work(bare);
    const handle = await contract.enqueue({ fee: new Money({ amount: 5n }) });
    expect(await engine.ended(handle.id)).toMatchObject({
      state: "parked",
      reason: { code: "ERR_TYPE_UNKNOWN" },
    });
    await first.stop();
    await work(app);
    await until("it failed", async () => (await engine.find(handle.id))?.state === "failed");
    await expect(handle.result()).rejects.toMatchObject({
      code: "ERR_TASK_FAILED",
      reason: { code: "ERR_TYPE_RETIRED", message: "its payload holds what is retired: shop.Money@2" },
    });
  });

  test("unless something takes its place", async () => {
    const engine = memory();
    const contract = appOn(engine, { values: [Cents] }).task<{ fee: Cents }, unknown>("shop.charge");
    const handle = await contract.enqueue({ fee: new Cents({ cents: 5 }) });
    const app = appOn(engine, { values: [retired("shop.Money", { use: ({ cents }) => cents })] });
    app.task("shop.charge", ({ fee }: { fee: number }) => fee + 1);
    await work(app);
    expect(await handle.result()).toBe(6);
  });
});

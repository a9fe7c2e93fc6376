import { afterEach, describe, expect, test } from "vitest";
import type { Engine, TaskRecord } from "../engine.ts";
import { memory } from "../engine/memory.ts";
import { EncodeError, LimitError, PetioleError, TaskError } from "../errors.ts";
import { Value } from "../value/index.ts";
import type { PetioleOptions } from "./make-app-context.ts";
import { Petiole } from "./petiole.ts";
import type { Worker, WorkerOptions } from "./worker.ts";

class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {
  get text(): string {
    return `${this.amount} ${this.currency}`;
  }
}

const quiet = { info() {}, warn() {}, error() {} };
const fast = { delay: 1, jitter: 0 } as const;
const open: { stop(): Promise<void> }[] = [];

function makeApp<const Options extends Partial<PetioleOptions<[], []>>>(options?: Options) {
  const app = new Petiole({ engine: memory(), values: [Money], ...options });
  open.push({ stop: () => app.close() });
  return app;
}

async function work(
  app: { worker(options?: WorkerOptions): Worker },
  options: WorkerOptions = {},
): Promise<Worker> {
  const worker = app.worker({ logger: quiet, ...options });
  await worker.start();
  open.push({ stop: () => worker.stop({ timeout: 0 }) });
  return worker;
}

async function record(engine: Engine, id: string): Promise<TaskRecord> {
  const found = await engine.find(id);
  if (!found) throw new Error(`no task ${id}`);
  return found;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 2));
}

afterEach(async () => {
  for (const { stop } of open.splice(0).toReversed()) await stop();
});

describe("enqueue and result", () => {
  test("everything arrives as itself, both ways", async () => {
    const app = makeApp();
    const task = app.task("echo", async (payload: { fee: Money; at: Date; counts: Map<string, bigint> }) => {
      return { text: payload.fee.text, ...payload };
    });
    await work(app);
    const payload = {
      fee: new Money({ amount: 5n, currency: "EUR" }),
      at: new Date(5),
      counts: new Map([["a", 1n]]),
    };
    const handle = await task.enqueue(payload);
    expect(await handle.result()).toStrictEqual({ text: "5 EUR", ...payload });
    expect((await record(app.engine, handle.id)).message).toMatchObject({
      task: "echo",
      queue: "default",
      headers: { wire: 1, types: ["shop.Money"] },
    });
  });

  test("the contract alone sends; .run attaches the work", async () => {
    const app = makeApp();
    const task = app.task<{ n: number }, number>("double");
    const early = await task.enqueue({ n: 2 });
    task.run(({ n }) => n * 2);
    await work(app);
    expect(await early.result()).toBe(4);
    expect(await task.handle(early.id).result()).toBe(4);
    expect(() => task.run(() => 0)).toThrow(expect.objectContaining({ code: "ERR_TASK_DUPLICATE" }));
  });

  test("no payload, no result", async () => {
    const app = makeApp();
    const seen: unknown[] = [];
    const task = app.task("tick", (payload: undefined) => void seen.push(payload));
    await work(app);
    expect(await (await task.enqueue()).result()).toBeUndefined();
    expect(seen).toStrictEqual([undefined]);
  });

  test("enqueueMany sends all or none, and names every payload that is refused", async () => {
    const app = makeApp();
    const task = app.task("many", ({ n }: { n: unknown }) => n);
    const bad = task.enqueueMany([{ n: 1 }, { n: () => {} }, { n: 2 }, { n: { s: Symbol("s") } }]);
    await expect(bad).rejects.toThrow(EncodeError);
    await expect(bad).rejects.toThrow(
      /2 values cannot travel[^]*payloads\[1\]\.n {5}function[^]*payloads\[3\]\.n\.s {3}symbol/,
    );
    expect(await app.engine.counts()).toStrictEqual([]);
    const handles = await task.enqueueMany([{ n: 1 }, { n: 2n }]);
    await work(app);
    expect(await Promise.all(handles.map((handle) => handle.result()))).toStrictEqual([1, 2n]);
    expect(await task.enqueueMany([])).toStrictEqual([]);
  });

  test("a refused payload sends nothing", async () => {
    const app = makeApp({ limits: { bytes: 50 } });
    const task = app.task("strict", (_: unknown) => {});
    await expect(task.enqueue({ done() {} })).rejects.toThrow(
      'Cannot send this payload to task "strict": 1 value cannot travel.',
    );
    await expect(task.enqueue("x".repeat(60))).rejects.toThrow(LimitError);
    expect(await app.engine.counts()).toStrictEqual([]);
  });

  test("delay and runAt", async () => {
    const app = makeApp();
    const task = app.task("later", () => Date.now());
    await work(app);
    const before = Date.now();
    const [delayed, dated] = [
      await task.enqueue(undefined, { delay: "50ms" }),
      await task.enqueue(undefined, { runAt: new Date(before + 80) }),
    ];
    expect((await delayed.result()) as number).toBeGreaterThanOrEqual(before + 50);
    expect((await dated.result()) as number).toBeGreaterThanOrEqual(before + 80);
    for (const options of [
      { delay: "soon" as never },
      { delay: -1 },
      { runAt: new Date(NaN) },
      { delay: 1, runAt: new Date() },
      { queue: "a b" },
    ]) {
      await expect(task.enqueue(undefined, options)).rejects.toThrow(
        expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
      );
    }
  });

  test("result() with a timeout, and of a task that is not there", async () => {
    const app = makeApp();
    const task = app.task("never", () => {});
    const handle = await task.enqueue();
    await expect(handle.result({ timeout: 20 })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_RESULT_TIMEOUT" }),
    );
    await expect(task.handle("nowhere").result()).rejects.toThrow(
      expect.objectContaining({ code: "ERR_TASK_NOT_FOUND" }),
    );
  });
});

describe("outcomes", () => {
  class Temporary extends Error {}
  class Hopeless extends Error {}

  test("retries to the letter, then failed, with the bytes and a structured reason kept", async () => {
    const app = makeApp();
    const attempts: number[] = [];
    const task = app.task(
      "flaky",
      (_: { n: Date }, job) => {
        attempts.push(job.attempt);
        throw Object.assign(new Temporary("down", { cause: new Error("socket") }), { code: "E_DOWN" });
      },
      { retry: { attempts: 3, ...fast } },
    );
    await work(app);
    const handle = await task.enqueue({ n: new Date(7) });
    const error = await handle.result().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TaskError);
    expect(error).toMatchObject({ code: "ERR_TASK_FAILED", id: handle.id, task: "flaky" });
    expect((error as TaskError).message).toBe(`Task flaky (${handle.id}) failed: down`);
    expect(attempts).toStrictEqual([1, 2, 3]);
    const failed = await record(app.engine, handle.id);
    expect(failed).toMatchObject({
      state: "failed",
      attempts: 3,
      reason: {
        code: "ERR_TASK_FAILED",
        message: "down",
        details: { code: "E_DOWN", cause: { message: "socket" } },
      },
    });
    expect(failed.message.payload).toContain("1970-01-01T00:00:00.007+00:00");
  });

  test("succeeds on a later attempt", async () => {
    const app = makeApp();
    const task = app.task(
      "second",
      (_: unknown, job) => (job.attempt < 3 ? Promise.reject(new Temporary("x")) : job.attempt),
      {
        retry: { attempts: 5, ...fast },
      },
    );
    await work(app);
    expect(await (await task.enqueue()).result()).toBe(3);
  });

  test("retryOn: other errors fail at once; discardOn: discarded", async () => {
    const app = makeApp();
    const rules = {
      retry: { attempts: 3, ...fast },
      retryOn: [Temporary],
      discardOn: [(error: unknown) => error === "enough"],
    };
    let runs = 0;
    const task = app.task(
      "choosy",
      (thrown: string) => {
        runs++;
        throw thrown === "temporary"
          ? new Temporary(thrown)
          : thrown === "hopeless"
            ? new Hopeless(thrown)
            : thrown;
      },
      rules,
    );
    await work(app);
    const code = async (payload: string) =>
      ((await (await task.enqueue(payload)).result().catch((error: unknown) => error)) as TaskError).code;
    expect([await code("temporary"), runs]).toStrictEqual(["ERR_TASK_FAILED", 3]);
    expect([await code("hopeless"), runs]).toStrictEqual(["ERR_TASK_FAILED", 4]);
    expect([await code("enough"), runs]).toStrictEqual(["ERR_TASK_DISCARDED", 5]);
  });

  test("a rule that throws fails the task", async () => {
    const app = makeApp();
    const rule = (): boolean => {
      throw new Error("bad rule");
    };
    const task = app.task("ruled", () => Promise.reject(new Error("x")), { retryOn: [rule] });
    await work(app);
    await expect((await task.enqueue()).result()).rejects.toThrow(/bad rule/);
  });

  test.each([
    ["a string", "boom", 'the handler threw string "boom", which is not an Error'],
    ["null", null, "the handler threw null, which is not an Error"],
  ])("a handler that throws %s", async (_name, thrown, message) => {
    const app = makeApp({ defaults: { retry: { attempts: 1 } } });
    // oxlint-disable-next-line typescript/only-throw-error
    const task = app.task("thrower", () => {
      throw thrown;
    });
    await work(app);
    await expect((await task.enqueue()).result()).rejects.toMatchObject({
      code: "ERR_TASK_FAILED",
      reason: { message },
    });
  });

  test("an error that cannot be read like others is an error all the same", async () => {
    const app = makeApp({ defaults: { retry: { attempts: 2, ...fast } } });
    const thrown: Record<string, () => unknown> = {
      getter: () =>
        Object.defineProperty(new Error("x"), "message", {
          get: () => {
            throw new Error("no");
          },
        }),
      itself: () => {
        const error = new Error("x");
        return Object.defineProperty(error, "stack", {
          get: () => {
            throw error;
          },
        });
      },
      proxy: () =>
        new Proxy(new Error("x"), {
          get: () => {
            throw new Error("trap");
          },
          getPrototypeOf: () => {
            throw new Error("trap");
          },
        }),
      object: () => Object.assign(new Error("x"), { message: { code: 1n } }),
      name: () => Object.assign(new Error("x"), { name: Object.create(null) as string }),
      bare: () => Object.create(null) as object,
    };
    const task = app.task("odd", (kind: string) => {
      throw thrown[kind]!();
    });
    const worker = await work(app);
    for (const kind of Object.keys(thrown)) {
      const handle = await task.enqueue(kind);
      await expect(handle.result({ timeout: "5s" })).rejects.toMatchObject({ code: "ERR_TASK_FAILED" });
      expect(await record(app.engine, handle.id)).toMatchObject({ state: "failed", attempts: 2 });
    }
    expect(worker.running).toBe(0);
  });

  test("times longer than a timer can be", async () => {
    const app = makeApp();
    const task = app.task("patient", () => new Promise((resolve) => setTimeout(resolve, 30, "done")), {
      timeout: "30d",
    });
    const worker = await work(app, { shutdownTimeout: "30d" });
    const handle = await task.enqueue();
    const result = handle.result({ timeout: "30d" });
    await until(() => worker.running === 1);
    await worker.stop();
    expect(await result).toBe("done");
    await expect(task.enqueue(undefined, { delay: Infinity })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
    );
  });

  test("a result that cannot travel fails the task at once, with the paths", async () => {
    const app = makeApp();
    let runs = 0;
    const task = app.task("leaky", () => ({ runs: ++runs, close() {} }));
    await work(app);
    const handle = await task.enqueue();
    await expect(handle.result()).rejects.toThrow(/result\.close {3}function/);
    expect(runs).toBe(1);
    expect((await record(app.engine, handle.id)).reason).toMatchObject({
      code: "ERR_PAYLOAD_REFUSED",
      details: { refusals: [{ path: "result.close", kind: "function" }] },
    });
  });

  test("timeout: the signal aborts, and the attempt counts as failed", async () => {
    const app = makeApp();
    const task = app.task(
      "slow",
      (_: unknown, job) =>
        new Promise((_resolve, reject) => {
          job.signal.addEventListener("abort", () => reject(new Error("cut off")));
        }),
      { timeout: 20, retry: { attempts: 2, ...fast } },
    );
    await work(app);
    const handle = await task.enqueue();
    await expect(handle.result()).rejects.toThrow("the run took longer than its timeout of 20 ms");
    expect(await record(app.engine, handle.id)).toMatchObject({
      attempts: 2,
      reason: { details: { cause: { message: "cut off" } } },
    });
  });

  test("timeout of a handler that does not heed its signal", async () => {
    const app = makeApp();
    const task = app.task("deaf", () => new Promise(() => {}), { timeout: 20, retry: { attempts: 1 } });
    await work(app);
    await expect((await task.enqueue()).result()).rejects.toThrow(
      "the run took longer than its timeout of 20 ms",
    );
  });
});

describe("parked, with bytes and reason kept", () => {
  async function park(
    engine: Engine,
    message: { task?: string; payload?: string; headers?: object },
  ): Promise<TaskRecord> {
    const id = `id-${Math.random()}`;
    const full = { id, task: "known", queue: "default", payload: "null", headers: { wire: 1 }, ...message };
    await engine.send([{ message: full as TaskRecord["message"], runAt: 0 }]);
    const ended = await engine.ended(id);
    expect(ended?.message.payload).toBe(full.payload);
    expect(ended?.attempts).toBe(0);
    return ended!;
  }

  test("unknown task, unknown type, undecodable", async () => {
    const app = makeApp();
    app.task("known", (_: unknown) => {});
    app.task("contract");
    await work(app);
    expect(await park(app.engine, { task: "gone" })).toMatchObject({
      state: "parked",
      reason: {
        code: "ERR_TASK_UNKNOWN",
        message: "task gone is not known here. This worker knows contract, known",
      },
    });
    expect(await park(app.engine, { task: "contract" })).toMatchObject({
      reason: { message: expect.stringContaining("has no handler here") },
    });
    expect(await park(app.engine, { headers: { wire: 1, types: ["shop.Coin"] } })).toMatchObject({
      reason: { code: "ERR_TYPE_UNKNOWN", details: { found: "shop.Coin", known: ["shop.Money"] } },
    });
    expect(
      await park(app.engine, { payload: '{"a":{"__type__":"shop.Coin","__value__":{}}}' }),
    ).toMatchObject({ reason: { code: "ERR_TYPE_UNKNOWN" } });
    expect(await park(app.engine, { headers: { wire: 2 } })).toMatchObject({
      reason: { code: "ERR_TEXT_UNDECODABLE" },
    });
    expect(await park(app.engine, { headers: { wire: 1, types: "x" } })).toMatchObject({
      reason: { code: "ERR_TEXT_UNDECODABLE" },
    });
    expect(await park(app.engine, { payload: "{nonsense" })).toMatchObject({
      reason: { code: "ERR_TEXT_UNDECODABLE" },
    });
    expect(
      await park(app.engine, { payload: '{"__type__":"ref","__value__":{"model":"no.Model","pk":1}}' }),
    ).toMatchObject({
      reason: { code: "ERR_MODEL_UNKNOWN" },
    });
  });

  test("crashed too often", async () => {
    const app = makeApp();
    const task = app.task("poison", () => {});
    const handle = await task.enqueue();
    for (let crash = 0; crash < 3; crash++) {
      await app.engine.claim({ queues: ["default"], limit: 1, lease: 10, worker: "doomed" });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await work(app, { maxCrashes: 3 });
    await expect(handle.result()).rejects.toMatchObject({
      code: "ERR_TASK_PARKED",
      reason: { code: "ERR_TASK_CRASHED" },
    });
    expect(await record(app.engine, handle.id)).toMatchObject({ crashes: 3, attempts: 0 });
    // A person may send it on its way again.
    await app.engine.retry([handle.id]);
    expect(await handle.result()).toBeUndefined();
  });
});

describe("the worker", () => {
  test("runs as many as its concurrency at once, and no more", async () => {
    const app = makeApp();
    let running = 0;
    let most = 0;
    const task = app.task("busy", async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
    });
    const handles = await task.enqueueMany(Array.from({ length: 30 }, () => undefined));
    await work(app, { concurrency: 4 });
    await Promise.all(handles.map((handle) => handle.result()));
    expect(most).toBe(4);
  });

  test("keeps a slow task's lease alive", async () => {
    const app = makeApp();
    let runs = 0;
    const task = app.task("long", async () => {
      runs++;
      await new Promise((resolve) => setTimeout(resolve, 1200));
    });
    await work(app, { lease: 400 });
    await work(app, { lease: 400 });
    await (await task.enqueue()).result();
    expect(runs).toBe(1);
  });

  test("stop() lets running tasks finish and takes no more", async () => {
    const app = makeApp();
    const done: number[] = [];
    const task = app.task("n", async ({ n }: { n: number }) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      done.push(n);
    });
    const worker = await work(app, { concurrency: 2 });
    await task.enqueueMany([{ n: 1 }, { n: 2 }, { n: 3 }]);
    await until(() => worker.running === 2);
    await worker.stop();
    expect(done).toStrictEqual([1, 2]);
    expect(await app.engine.counts()).toContainEqual({ queue: "default", state: "waiting", count: 1 });
  });

  test("stop() hands back what does not finish, counting nothing", async () => {
    const app = makeApp();
    const task = app.task(
      "stuck",
      (_: unknown, job) =>
        new Promise((_resolve, reject) =>
          job.signal.addEventListener("abort", () => reject(job.signal.reason as Error)),
        ),
    );
    const worker = await work(app);
    const handle = await task.enqueue();
    await until(() => worker.running === 1);
    await worker.stop({ timeout: 10 });
    expect(await record(app.engine, handle.id)).toMatchObject({ state: "waiting", attempts: 0, crashes: 0 });
    await expect(worker.start()).rejects.toThrow(expect.objectContaining({ code: "ERR_ENGINE_CLOSED" }));
  });

  test("a run whose lease was lost is aborted, and its result refused", async () => {
    const app = makeApp();
    const signals: unknown[] = [];
    const task = app.task(
      "robbed",
      (_: unknown, job) =>
        new Promise<void>((resolve) => {
          job.signal.addEventListener("abort", () =>
            resolve(void signals.push((job.signal.reason as Error).message)),
          );
        }),
    );
    const worker = await work(app, { lease: 30 });
    const handle = await task.enqueue();
    await until(() => worker.running === 1);
    const { extend } = app.engine;
    app.engine.extend = (leases) => Promise.resolve(leases);
    await until(() => signals.length > 0);
    app.engine.extend = extend;
    expect(signals[0]).toBe("the lease was lost");
    await worker.stop({ timeout: 0 });
    expect(await record(app.engine, handle.id)).toMatchObject({ crashes: 0 });
  });

  test("can be started again when the engine could not be opened", async () => {
    const app = makeApp();
    const worker = app.worker({ logger: quiet });
    const { open: openEngine } = app.engine;
    app.engine.open = () => Promise.reject(new PetioleError("ERR_ENGINE_BUSY", "busy"));
    await expect(worker.start()).rejects.toThrow("busy");
    app.engine.open = openEngine.bind(app.engine);
    await worker.start();
    open.push({ stop: () => worker.stop({ timeout: 0 }) });
    expect(await (await app.task("late", () => 1, { queue: "mail" }).enqueue()).id).toBeTruthy();
  });

  test("takes from the queues of the tasks that there are when it starts", async () => {
    const app = makeApp();
    const worker = app.worker({ logger: quiet });
    const task = app.task("mail", () => "sent", { queue: "mail" });
    await worker.start();
    open.push({ stop: () => worker.stop({ timeout: 0 }) });
    expect(await (await task.enqueue()).result()).toBe("sent");
  });

  test("an engine that fails for a while is tried again, and what a run did is not forgotten", async () => {
    const engine = memory();
    let broken = 0;
    const flaky: Engine = {
      ...bound(engine),
      settle: (settlements) =>
        broken++ < 2
          ? Promise.reject(new PetioleError("ERR_ENGINE_DISK_FULL", "full"))
          : engine.settle(settlements),
      claim: (request) =>
        broken++ < 1 ? Promise.reject(new PetioleError("ERR_ENGINE_BUSY", "busy")) : engine.claim(request),
    };
    const app = makeApp({ engine: flaky });
    let runs = 0;
    const task = app.task("once", () => ++runs);
    const handle = await task.enqueue();
    await work(app);
    expect(await handle.result()).toBe(1);
    expect(runs).toBe(1);
  });

  test("an end that was stored although the engine could not say so is not told as a lost lease", async () => {
    const engine = memory();
    let tries = 0;
    const settle: Engine["settle"] = async (settlements) => {
      const answer = await engine.settle(settlements);
      if (tries++ === 0) throw new PetioleError("ERR_ENGINE_UNREACHABLE", "the answer was lost");
      return answer;
    };
    const app = makeApp({ engine: { ...bound(engine), settle } });
    const handle = await app.task("once", () => 1).enqueue();
    const warnings: string[] = [];
    const worker = app.worker({ logger: { ...quiet, warn: (message) => warnings.push(message) } });
    await worker.start();
    expect(await handle.result()).toBe(1);
    await expect.poll(() => warnings.length).toBe(1);
    await worker.stop();
    expect(warnings[0]).toContain("a try before this one has stored that");
  });

  test("an end that cannot be stored is tried again soon, however long it has been, and a stop does not wait for it", async () => {
    const engine = memory();
    let tries = 0;
    const settle = (): Promise<never> => {
      tries++;
      return Promise.reject(new PetioleError("ERR_ENGINE_DISK_FULL", "full"));
    };
    const app = makeApp({ engine: { ...bound(engine), settle } });
    const worker = app.worker({ logger: quiet });
    await app.task("once", () => 1).enqueue();
    await worker.start();
    await expect.poll(() => tries, { timeout: 10_000 }).toBe(6);
    const since = performance.now();
    await worker.stop({ timeout: 0 });
    expect(performance.now() - since).toBeLessThan(2000);
  });

  test.each([
    { concurrency: 0 },
    { concurrency: 1.5 },
    { lease: 1 },
    { lease: "x" as never },
    { maxCrashes: 0 },
    { queues: ["a b"] },
    { queues: [] },
    { lease: "2d" as const },
    { lease: Infinity },
  ])("a wrong option is refused: %o", (options) => {
    expect(() => makeApp().worker(options)).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
  });
});

describe("definitions", () => {
  test("wrong names and options are refused where they are written", () => {
    const app = makeApp();
    app.task("a", () => {});
    expect(() => app.task("a")).toThrow(expect.objectContaining({ code: "ERR_TASK_DUPLICATE" }));
    for (const name of ["", "a b", 5 as never]) {
      expect(() => app.task(name)).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
    }
    const wrong = [
      { retry: { attempts: 0 } },
      { retry: { factor: 0.5 } },
      { retry: { jitter: 2 } },
      { retry: { delay: "x" as never } },
      { timeout: -1 },
      { queue: "" },
      { retryOn: ["x" as never] },
      { ifMissing: "later" as never },
    ];
    for (const [index, options] of wrong.entries()) {
      expect(() => app.task(`wrong.${index}`, options)).toThrow(
        expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
      );
    }
    expect(() => new Petiole({ engine: "sqlite" as never })).toThrow(/engine must be an engine/);
    for (const option of ["values", "models"]) {
      for (const given of [{}, "qa", null, 5])
        expect(() => new Petiole({ engine: memory(), [option]: given })).toThrow(
          `${option} must be an array`,
        );
    }
    for (const given of [{}, "qa", null, () => {}])
      expect(() => new Petiole({ engine: memory(), models: [given as never] })).toThrow(
        expect.objectContaining({
          code: "ERR_OPTION_INVALID",
          message: expect.stringContaining("models must hold adapters, drizzle(db") as string,
        }),
      );
  });

  test("options of another shape are refused by name, not left out", async () => {
    const app = new Petiole({ engine: memory() });
    for (const retry of [false, 3, null, [3]]) {
      expect(() => app.task("wrong", () => {}, { retry: retry as never })).toThrow(
        "retry of task wrong must be an object",
      );
      expect(() => new Petiole({ engine: memory(), defaults: { retry: retry as never } })).toThrow(
        "retry of defaults must be an object",
      );
    }
    for (const option of ["retryOn", "discardOn", "aliases"])
      for (const given of ["posts.tell", RangeError, {}])
        expect(() => app.task("wrong", () => {}, { [option]: given })).toThrow(
          `${option} of task wrong must be an array`,
        );
    for (const given of [5, "fast", null, []])
      expect(() => app.task("wrong", given as never)).toThrow("The options of task wrong must be an object");
    expect(() => new Petiole(undefined as never)).toThrow("The options of an app must be an object");
    expect(() => app.worker({ queues: "default" as never })).toThrow("queues must be an array");
    const task = app.task("right", (_: { to: string }) => {});
    await expect(task.enqueueMany({ to: "ada" } as never)).rejects.toThrow("payloads must be an array");
    await app.close();
  });
});

/** An engine's methods as own properties, so that some can be replaced. */
function bound(engine: Engine): Engine {
  return new Proxy({} as Engine, {
    ownKeys: () => [
      "name",
      "capabilities",
      "open",
      "send",
      "claim",
      "extend",
      "settle",
      "report",
      "watch",
      "logs",
      "cancel",
      "onCancel",
      "onReady",
      "find",
      "ended",
      "list",
      "counts",
      "retry",
      "discard",
      "close",
    ],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get(_target, name: keyof Engine) {
      const member: unknown = engine[name];
      return typeof member === "function" ? (member.bind(engine) as unknown) : member;
    },
  });
}

/** TypeScript sends and Celery works; Celery sends and TypeScript works: on real brokers, with Celery as it is. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Petiole, type Worker } from "petiole";
import { Value } from "petiole/value";
import { Foreign } from "petiole/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine } from "petiole/engine";
import { stampsOf } from "petiole/engine/celery";
import { addFailing, exceptions, testFailures } from "./both-ways-failures.ts";
import { addOptionTasks, conf, queuesOn, testOptions } from "./both-ways-options.ts";
import { timeout, type BothWays } from "./both-ways-site.ts";
import { brokers, type RunningBroker } from "./brokers.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

class Money extends Value("shop.Money", { amount: Number, currency: String }) {}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`with plain Celery on ${kind.name}${skipped}`, () => {
    const isRedis = kind.name === "Redis";
    let broker: RunningBroker;
    let python: CeleryWorker;
    let client: SiteClient;
    let engine: Engine;
    let worker: Worker;
    let app: Petiole;
    let folder: string;
    let files = 0;
    const ran: string[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "petiole-both-ways-"));
      broker = await kind.start();
      const places = { ...broker.places, environment: { CONF: JSON.stringify(conf) } };
      [python, client] = await Promise.all([
        startCeleryWorker({ ...places, pool: "prefork", queues: ["celery", "py.order"] }),
        startSiteClient(places),
      ]);
      engine = broker.engine({
        exceptions,
        queues: queuesOn(isRedis),
        tasks: {
          "tasks.fail": { positional: ["kind"] },
          "ts.positional": { positional: ["x", "y"] },
          "ts.describe": { positional: ["first"] },
          "ts.record": { positional: ["first", "second"] },
        },
      });
      app = new Petiole({ engine, values: [Money], defaults: { queue: "ts", retry: { attempts: 1 } } });
      app.task("ts.echo", ({ value }: { value: unknown }) => value);
      app.task("ts.positional", ({ x, y }: { x: number; y: number }) => ({ x, y }));
      addFailing(app);
      addOptionTasks(app, ran);
      app.task("ts.record", ({ first, second }: { first: string; second: string }) => {
        ran.push(`${first} ${second}`);
      });
      app.task("ts.stamped", (_: unknown, job) => stampsOf(job));
      app.task("ts.note", ({ note }: { note: string }) => void ran.push(note));
      app.task(
        "ts.later",
        (_: object, job) => {
          ran.push(`attempt ${job.attempt}`);
          if (job.attempt < 3) throw new Error("again");
          return job.attempt;
        },
        { retry: { attempts: 3, delay: 10, jitter: 0 } },
      );
      worker = app.worker({ queues: ["ts"], watchdog: false, logger: quiet });
      await worker.start();
    }, 60_000);

    afterAll(async () => {
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await Promise.all([client?.stop(), python?.stop()]);
      await broker?.close();
      rmSync(folder, { recursive: true, force: true });
    }, 60_000);

    /** A task of the site's. */
    const site = <P extends object, R = unknown>(name: string, queue = "celery") =>
      new Petiole({ engine, defaults: { queue } }).task<P, R>(name);

    const here = (): BothWays => ({
      client,
      python,
      app,
      ran,
      site,
      file: () => join(folder, `${++files}`),
      linesOf: (path) => (existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : []),
    });
    testFailures(isRedis, here);
    testOptions(isRedis, here);

    describe("TypeScript to Python", () => {
      test("a result comes back", async () => {
        const handle = await site<{ x: number; y: number }>("tasks.add").enqueue({ x: 2, y: 3 });
        expect(await handle.result({ timeout })).toBe(5);
      });

      test("Dates and bytes arrive as Python's own, and come back the same", async () => {
        const value = {
          at: new Date(1_767_323_045_678),
          bytes: new Uint8Array([0, 255]),
          list: [1, "ä\u2028", null],
        };
        const described = await site<typeof value>("tasks.describe").enqueue(value);
        expect(await described.result({ timeout })).toMatchObject({
          at: ["datetime", "datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)"],
          bytes: ["bytes", "b'\\x00\\xff'"],
        });
        const echoed = await site<{ value: typeof value }>("tasks.echo").enqueue({ value });
        expect(await echoed.result({ timeout })).toEqual(value);
      });

      test("what Python could not decode is refused at the send, with its path", async () => {
        const echo = site<{ value: unknown }>("tasks.echo");
        await expect(echo.enqueue({ value: new Map() } as never)).rejects.toMatchObject({
          code: "ERR_PAYLOAD_REFUSED",
          message: expect.stringContaining("payload.value"),
        });
        await expect(echo.enqueue({ value: 1n })).rejects.toThrow(/Python/);
        await expect(echo.enqueue({ value: { __type__: 1, __value__: 2 } })).rejects.toThrow(/payload.value/);
      });

      test("results of Python's own kinds arrive exactly", async () => {
        const rich = (await (await site("tasks.rich").enqueue({})).result({ timeout })) as Record<
          string,
          unknown
        >;
        expect(rich).toEqual({
          exact: new Foreign("datetime", "2026-01-02T03:04:05.678901+00:00"),
          naive: new Foreign("datetime", "2026-01-02T03:04:05"),
          price: new Foreign("decimal", "1.10"),
          key: new Foreign("uuid", "00000000000000000000000000000007"),
          big: 2n ** 100n,
          nan: NaN,
          bytes: new Uint8Array([0, 255]),
        });
        const echoed = await site<{ value: unknown }>("tasks.echo").enqueue({
          value: { price: rich["price"] },
        });
        expect(await echoed.result({ timeout })).toEqual({ price: rich["price"] });
      });

      test("a value class's data is inflated by cattrs, and checked by pydantic", async () => {
        const total = await site<{ money: object }>("tasks.total").enqueue({
          money: { amount: 5, currency: "EUR" },
        });
        expect(await total.result({ timeout })).toBe(5);
        const order = { id: 1, at: new Date(0), lines: ["pen"] };
        const checked = await site<{ order: object }>("tasks.order").enqueue({ order });
        expect(await checked.result({ timeout })).toMatchObject({ id: 1, lines: ["pen", "Order"] });
        const wrong = await site<{ order: object }>("tasks.order").enqueue({ order: { id: "no" } });
        await expect(wrong.result({ timeout })).rejects.toMatchObject({
          reason: {
            details: { name: "ValidationError", stack: expect.stringContaining("validation error") },
          },
        });
      });

      test("what Python raised is told, with its class, arguments and traceback", async () => {
        const failed = await site<{ kind: string }>("tasks.fail").enqueue({ kind: "stock" });
        await expect(failed.result({ timeout })).rejects.toMatchObject({
          code: "ERR_TASK_FAILED",
          reason: {
            details: {
              name: "OutOfStock",
              module: "site_app",
              args: ["pen", 3],
              stack: expect.stringContaining("raise OutOfStock"),
            },
          },
        });
        const unknown = await site("tasks.unheard_of").enqueue({});
        await expect(unknown.result({ timeout })).rejects.toMatchObject({
          code: "ERR_TASK_FAILED",
          reason: { details: { name: "NotRegistered" } },
        });
      });

      test("Python's own retries end in the result", async () => {
        expect(await (await site("tasks.retry").enqueue({})).result({ timeout })).toBe(2);
      });

      test("a countdown is waited for, and an expired task says so", async () => {
        const before = Date.now();
        const later = await site<{ x: number }>("tasks.add").enqueue({ x: 1 }, { delay: 1200 });
        expect(await later.result({ timeout })).toBe(1);
        expect(Date.now() - before).toBeGreaterThanOrEqual(1200);
        const over = await site<{ x: number }>("tasks.add").enqueue(
          { x: 1 },
          { delay: 300, expires: new Date(Date.now() + 100) },
        );
        await expect(over.result({ timeout })).rejects.toMatchObject({ code: "ERR_TASK_EXPIRED" });
      });

      test("a task that is cancelled before its time does not run", async () => {
        const handle = await site<{ x: number }>("tasks.add").enqueue({ x: 1 }, { delay: "2s" });
        // Celery's worker has it by then, and waits for its time.
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(await handle.cancel()).toBe(true);
        await expect(handle.result({ timeout })).rejects.toMatchObject({ code: "ERR_TASK_CANCELLED" });
      });
    });

    describe("Python to TypeScript", () => {
      test("arguments of every kind arrive, and come back the same", async () => {
        const value =
          "{'exact': datetime.datetime(2026,1,2,3,4,5,678901,tzinfo=datetime.timezone.utc), 'naive': datetime.datetime(2026,1,2)," +
          " 'day': datetime.date(2026,1,2), 'time': datetime.time(1,2,3), 'price': decimal.Decimal('1.10'), 'key': uuid.UUID(int=7)," +
          " 'bytes': b'\\x00\\xff', 'text': 'ä\\u2028\\x00', 'list': [1, 1.5, None, True]}";
        expect(await client.value(`call("ts.echo", kwargs={"value": ${value}}) == ${value}`)).toBe("True");
        expect(
          await client.value(
            `call("ts.echo", kwargs={"value": datetime.datetime(2026,1,2,3,4,5,tzinfo=datetime.timezone.utc)})`,
          ),
        ).toBe("datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)");
      });

      test("arguments without names take those that were agreed", async () => {
        expect(await client.value('call("ts.positional", 1, 2)')).toBe("{'x': 1, 'y': 2}");
        expect(await client.value('call("ts.positional", 1, kwargs={"y": 2})')).toBe("{'x': 1, 'y': 2}");
      });

      test("an unknown task fails as Celery's own would, and the worker goes on", async () => {
        expect(await client.outcome('call("ts.unheard_of")')).toMatchObject({
          error: "celery.exceptions.NotRegistered",
        });
        expect(await client.value('call("ts.echo", kwargs={"value": 1})')).toBe("1");
      });

      test("a result that Python could not decode fails the task with its path", async () => {
        const outcome = await client.outcome('call("ts.echo", kwargs={"value": 2**100})');
        expect(outcome.error).toBeDefined();
        expect(outcome.args).toContain("result");
      });

      test("it is tried again by the task's own policy", async () => {
        ran.length = 0;
        expect(await client.value('call("ts.later")')).toBe("3");
        expect(ran).toEqual(["attempt 1", "attempt 2", "attempt 3"]);
      });

      test("countdown, expires and revoke are heeded", async () => {
        ran.length = 0;
        expect(
          await client.outcome('call("ts.note", kwargs={"note": "over"}, countdown=0.5, expires=0.1)'),
        ).toMatchObject({
          error: "celery.exceptions.TaskRevokedError",
          args: expect.stringContaining("expired"),
        });
        await client.value('globals().update(r=send("ts.note", kwargs={"note": "revoked"}, countdown=1.5))');
        await client.value("app.control.revoke(r)");
        await client.value('call("ts.note", kwargs={"note": "in time"}, countdown=2)');
        expect(ran).toEqual(["in time"]);
      });

      test("a chain goes through both languages", async () => {
        const steps =
          'chain(signature("tasks.add", (1, 2)), signature("ts.positional", kwargs={"y": 4}, queue="ts"), signature("tasks.echo"))';
        expect(await client.value(`${steps}.apply_async().get(timeout=20)`)).toBe("{'x': 3, 'y': 4}");
      });

      test("the handler sees the stamps, of what follows and of what begins", async () => {
        const run = '(lambda it: (it.stamp(tenant="ada", list=[1, 2]), it.apply_async().get(timeout=20))[1])';
        const stamped = 'signature("ts.stamped", queue="ts")';
        const stamps = "{'list': [1, 2], 'tenant': 'ada'}";
        expect(await client.value(`${run}(${stamped}) == ${stamps}`)).toBe("True");
        expect(await client.value(`${run}(chain(signature("tasks.echo"), ${stamped})) == ${stamps}`)).toBe(
          "True",
        );
      });

      test("a link is called with the result, and a link_error after a failure", async () => {
        ran.length = 0;
        await client.value(
          'call("ts.echo", kwargs={"value": "linked"}, link=signature("ts.record", args=("last",), queue="ts"))',
        );
        await expect.poll(() => ran, { timeout }).toEqual(["linked last"]);
        ran.length = 0;
        await client.outcome(
          'call("ts.throw", kwargs={"which": 0}, link_error=signature("ts.note", kwargs={"note": "failed"}, queue="ts", immutable=True))',
        );
        await expect.poll(() => ran, { timeout }).toEqual(["failed"]);
      });
    });
  });
}

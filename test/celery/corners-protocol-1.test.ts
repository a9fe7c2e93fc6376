/** Celery's message protocol 1, as a real Celery with `task_protocol = 1` sends it. */
import { deflateSync } from "node:zlib";
import { Petiole, type Worker } from "petiole";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { openRaw, type RawBroker } from "./raw.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const timeout = 20_000;
const patience = { timeout, interval: 20 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`protocol 1 on ${kind.name}${skipped}`, () => {
    let broker: RunningBroker;
    let engine: Engine;
    let worker: Worker;
    let client: SiteClient;
    let python: CeleryWorker;
    let raw: RawBroker;
    const ran: { task: string; note: unknown; at: number; attempt: number }[] = [];

    beforeAll(async () => {
      broker = await kind.start();
      engine = broker.engine({ tasks: { "ts.positional": { positional: ["x", "y"] } } });
      const app = new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } });
      app.task("ts.positional", ({ x, y }: { x: unknown; y: unknown }) => ({ x, y }));
      const note = (task: string, fails = false, retry = {}): void =>
        void app.task(
          task,
          ({ note, hangs }: { note: unknown; hangs?: boolean }, job) => {
            ran.push({ task, note, at: Date.now(), attempt: job.attempt });
            if (hangs === true)
              return new Promise((_, reject) => job.signal.addEventListener("abort", reject));
            if (fails && (Object.keys(retry).length === 0 || job.attempt < 2))
              throw new RangeError("out of range");
            return note;
          },
          retry,
        );
      note("ts.note");
      note("ts.fail", true);
      note("ts.again", true, { retry: { attempts: 2, delay: 10, jitter: 0 } });
      worker = app.worker({ queues: ["ts"], watchdog: false, logger: quiet });
      await worker.start();
      const conf = { task_protocol: 1, timezone: "Europe/Vienna" };
      const places = { ...broker.places, environment: { CONF: JSON.stringify(conf) } };
      [python, client] = await Promise.all([startCeleryWorker(places), startSiteClient(places)]);
      raw = await openRaw(broker.places.broker);
    }, 90_000);

    afterAll(async () => {
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await raw?.close();
      await Promise.all([client?.stop(), python?.stop()]);
      await broker?.close();
    }, 60_000);

    const ranOf = (note: unknown) => ran.filter((each) => each.note === note);
    const call = (name: string, kwargs: string, options = ""): Promise<string> =>
      client.value(`call("${name}", kwargs=${kwargs}${options})`);

    test("results come back, of arguments by position and by name, as exact as ever", async () => {
      expect(await client.value('call("ts.positional", 1, 2)')).toBe("{'x': 1, 'y': 2}");
      expect(await call("ts.note", '{"note": ["ä\\u2028", None, 0.1]}')).toBe("['ä\\u2028', None, 0.1]");
      await client.outcome('call("ts.note", kwargs={"note": 2**70})');
      await expect.poll(() => ranOf(2n ** 70n).length, patience).toBe(1);
      expect(await call("ts.note", '{"note": decimal.Decimal("1.10")}')).toBe("Decimal('1.10')");
    });

    test("what failed is raised there", async () => {
      const failed = await client.outcome('call("ts.fail", kwargs={"note": "fails"})');
      expect(failed).toMatchObject({ error: "builtins.ValueError", args: "('out of range',)" });
    });

    test("a retry keeps the task, and counts", async () => {
      expect(await call("ts.again", '{"note": "again"}')).toBe("'again'");
      expect(ranOf("again").map(({ attempt }) => attempt)).toEqual([1, 2]);
      expect(await call("ts.again", '{"note": "second"}', ", retries=1")).toBe("'second'");
      expect(ranOf("second").map(({ attempt }) => attempt)).toEqual([2]);
    });

    // Of an answer by RabbitMQ that comes when whole seconds of waiting are over, py-amqp loses every third.
    test("a countdown, and times with and without an offset, are kept", async () => {
      const at = Date.now();
      expect(await call("ts.note", '{"note": "countdown"}', ", countdown=1.4")).toBe("'countdown'");
      expect(ranOf("countdown")[0]!.at - at).toBeGreaterThanOrEqual(1390);
      // Celery's own worker takes a time without an offset for one in UTC, too, whatever the app's timezone.
      const naive = "datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)";
      const later = `, eta=${naive} + datetime.timedelta(seconds=1.4), expires=${naive} + datetime.timedelta(seconds=10)`;
      for (const [task, queue] of [
        ["ts.note", "ts"],
        ["tasks.echo", "celery"],
      ] as const) {
        const then = Date.now();
        const argument = task === "ts.note" ? "note" : "value";
        expect(await call(task, `{"${argument}": "naive"}`, `, queue="${queue}"${later}`)).toBe("'naive'");
        expect(Date.now() - then).toBeGreaterThanOrEqual(1390);
        expect(Date.now() - then).toBeLessThan(10_000);
      }
    });

    test("what has expired is not run", async () => {
      const expired = await client.outcome(
        'call("ts.note", kwargs={"note": "late"}, countdown=0.6, expires=0.2, timeout=15)',
      );
      expect(expired.error).toBe("celery.exceptions.TaskRevokedError");
      expect(ranOf("late")).toEqual([]);
    });

    test("its time limit ends a run", async () => {
      const limited = await client.outcome(
        'call("ts.note", kwargs={"note": "long", "hangs": True}, time_limit=0.5)',
      );
      expect(limited.error).toMatch(/TimeLimitExceeded$/);
    });

    test("compressed bodies are read", async () => {
      expect(await call("ts.note", '{"note": "z" * 5000}', ', compression="zlib"')).toBe(
        `'${"z".repeat(5000)}'`,
      );
    });

    test("callbacks and errbacks follow, run by Python and by TypeScript", async () => {
      const link = 'app.signature("ts.positional", args=(10,), queue="ts", task_id="linked")';
      await call("ts.note", '{"note": 5}', `, link=[${link}]`);
      // The result of the first comes before its own arguments; whoever knows the id may ask for it.
      if (kind.name === "Redis") expect(await client.value('get("linked")')).toBe("{'x': 5, 'y': 10}");
      const told = 'app.signature("ts.note", kwargs={"note": "told"}, immutable=True, queue="ts")';
      await client.outcome(`call("ts.fail", kwargs={"note": "with errback"}, link_error=[${told}])`);
      await expect.poll(() => ranOf("told").length, patience).toBe(1);
      const python = 'app.signature("tasks.add", args=(1,), queue="celery", task_id="added")';
      await call("ts.note", '{"note": 41}', `, link=[${python}]`);
      if (kind.name === "Redis") expect(await client.value('get("added")')).toBe("42");
    });

    test("group, its place, and custom headers are kept", async () => {
      const options = ', group_id="g1", group_index=3, headers={"tenant": "seven"}, task_id="grouped"';
      expect(await call("ts.note", '{"note": "grouped"}', options)).toBe("'grouped'");
      if (kind.name === "Redis")
        expect((await engine.find("grouped"))?.message.headers).toMatchObject({ tenant: "seven" });
    });

    test("what Python runs of protocol 1 is sent on to us as a task that Python's worker sent", async () => {
      const link = 'app.signature("ts.note", queue="ts", kwargs={"note": "after Python"}, immutable=True)';
      expect(await call("tasks.add", '{"x": 1, "y": 2}', `, link=[${link}]`)).toBe("3");
      await expect.poll(() => ranOf("after Python").length, patience).toBe(1);
    });

    describe("canvas", () => {
      beforeAll(() =>
        client.value(
          `globals().update(
            run=lambda canvas: canvas.apply_async().get(timeout=20, interval=0.02),
            t=lambda *a, **k: signature("ts.positional", a, queue="ts", **k),
            n=lambda note: signature("ts.note", kwargs={"note": note}, queue="ts", immutable=True),
            f=lambda note: signature("ts.fail", kwargs={"note": note}, queue="ts", immutable=True),
            p=lambda *a: signature("tasks.add", a),
            pecho=lambda *a: signature("tasks.echo", a),
          )`.replaceAll(/\s*\n\s*/g, " "),
        ),
      );

      // Of a chain, protocol 1 makes callbacks of callbacks.
      test.each([
        ["a chain that begins with ours", "chain(n(4), p(1), t(10), pecho())", "{'x': 5, 'y': 10}"],
        [
          "a chain that begins with Python's",
          "chain(p(1, 1), t(4), pecho(), t(5))",
          "{'x': {'x': 2, 'y': 4}, 'y': 5}",
        ],
        ["a chain of ours", "chain(n(4), t(5), t(6))", "{'x': {'x': 4, 'y': 5}, 'y': 6}"],
        [
          "a group of both",
          "group([n(1), p(1, 1), n(3), chain(p(2, 2), t(1))])",
          "[1, 2, 3, {'x': 4, 'y': 1}]",
        ],
      ])("%s: %s", async (_, canvas, expected) => {
        expect(await client.value(`run(${canvas})`)).toBe(expected);
      });

      // A Python worker forgets the place of a part of protocol 1: what it returns is last, in no order.
      describe.skipIf(kind.name !== "Redis")("chords (which need results in Redis)", () => {
        test.each([
          [
            "of ours, in their order",
            "run(chord([n(i) for i in range(12)], t(5)))['x'] == [*range(12)]",
            "True",
          ],
          [
            "of both, body ours",
            "sorted(run(chord([n(1), p(1, 1), n(3), p(2, 2)], t(5)))['x'])",
            "[1, 2, 3, 4]",
          ],
          ["of both, body Python's", "sorted(run(chord([p(1, 1), n(1), n(3)], pecho())))", "[1, 2, 3]"],
          ["in a chain, after us", "run(chain(n(1), group(t(2), p(3)), pecho()))", "[{'x': 1, 'y': 2}, 4]"],
          [
            "in a chain, after Python",
            "run(chain(p(1, 1), group(t(2), p(3)), t(9)))",
            "{'x': [{'x': 2, 'y': 2}, 5], 'y': 9}",
          ],
        ])("%s: %s", async (_, expression, expected) => {
          expect(await client.value(expression)).toBe(expected);
        });

        test("whose part fails: the body fails as Celery has it", async () => {
          const chord = "chord([n(1), f('part'), p(1, 1)], pecho())";
          expect(await client.outcome(`get(${chord}.apply_async().id)`)).toMatchObject({
            error: "celery.exceptions.ChordError",
            args: expect.stringContaining("raised ValueError('out of range')"),
          });
        });
      });
    });

    describe("malformed ones are parked, and the worker lives", () => {
      const whole = { task: "ts.note", id: "", args: [], kwargs: { note: "no" }, retries: 0, utc: true };
      const bodies: readonly [
        name: string,
        body: string | Uint8Array,
        id?: string | undefined,
        headers?: object,
      ][] = [
        ["args that are an object", text("bad-args", { args: {} }), "bad-args"],
        ["kwargs that are a list", text("bad-kwargs", { kwargs: [1] }), "bad-kwargs"],
        ["an eta that is none", text("bad-eta", { eta: "tomorrow" }), "bad-eta"],
        ["an eta that is an object", text("bad-eta-2", { eta: {} }), "bad-eta-2"],
        ["expires as a number", text("bad-expires", { expires: 5 }), "bad-expires"],
        ["a time limit that is a text", text("bad-limit", { timelimit: "5" }), "bad-limit"],
        ["retries that are less than none", text("bad-retries", { retries: -1 }), "bad-retries"],
        ["callbacks that are none", text("bad-callbacks", { callbacks: [5] }), "bad-callbacks"],
        ["a task that is a number", text("bad-task", { task: 5 }), "bad-task"],
        ["no task", JSON.stringify({ ...whole, id: "no-task", task: undefined }), "no-task"],
        ["no id", JSON.stringify({ ...whole, id: undefined })],
        ["an id that is a number", JSON.stringify({ ...whole, id: 7 })],
        ["no JSON", '{"task": "ts.note", "id": "cut'],
        ["an object with nothing in it", "{}"],
        [
          "bytes that are not compressed",
          text("bad-zlib", {}),
          undefined,
          { compression: "application/x-gzip" },
        ],
        [
          "compressed, and malformed",
          deflateSync(text("bad-inside", { args: 5 })),
          "bad-inside",
          { compression: "application/x-gzip" },
        ],
      ];

      function text(id: string, changes: object): string {
        return JSON.stringify({ ...whole, id, ...changes });
      }

      test.each(bodies)("%s", async (_, body, id, headers = {}) => {
        const before = (await engine.list({ states: ["parked"], limit: 100 })).records.length;
        await raw.put("ts", { headers, body, contentType: "application/json", contentEncoding: "utf-8" });
        await expect
          .poll(async () => (await engine.list({ states: ["parked"], limit: 100 })).records.length, patience)
          .toBe(before + 1);
        if (id !== undefined)
          expect(await engine.find(id)).toMatchObject({ state: "parked", message: { id } });
        expect(await call("ts.note", '{"note": "alive"}')).toBe("'alive'");
      });
    });
  });
}

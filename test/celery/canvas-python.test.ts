/** Canvas that Python has built, run by Python, by TypeScript, and by both: on a real Redis, with Celery as it is. */
import { Petiole, type Worker } from "petiole";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const kind = brokers[0]!;
const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Signatures of the site's, run by Python or by TypeScript: `p(1, 2)` and `t(1, 2)` add, `psum`, `tsum` add up. */
const words = `globals().update(
  p=lambda *a, **k: signature("tasks.add", a, **k),
  t=lambda *a, **k: signature("ts.add", a, queue="ts", **k),
  psum=lambda **k: signature("tasks.sum", **k),
  tsum=lambda **k: signature("ts.sum", queue="ts", **k),
  pecho=lambda *a, **k: signature("tasks.echo", a, **k),
  techo=lambda *a, **k: signature("ts.echo", a, queue="ts", **k),
  tfail=lambda *a, **k: signature("ts.fail", a, queue="ts", **k),
  pfail=lambda *a, **k: signature("tasks.fail", a, **k),
  run=lambda canvas: canvas.apply_async().get(timeout=15),
  fate=lambda canvas: AsyncResult(canvas.apply_async().id, app=app).get(timeout=15),
)`.replaceAll(/\s*\n\s*/g, " ");

describe.skipIf(kind.missing !== undefined)(`canvas of Python's on Redis${skipped}`, () => {
  let broker: RunningBroker;
  let python: CeleryWorker;
  let client: SiteClient;
  let engine: Engine;
  let worker: Worker;
  const noted: unknown[] = [];

  beforeAll(async () => {
    broker = await kind.start();
    [python, client] = await Promise.all([startCeleryWorker(broker.places), startSiteClient(broker.places)]);
    engine = broker.engine({
      tasks: { "ts.add": { positional: ["x", "y"] }, "ts.note": { positional: ["what"] } },
    });
    const app = new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } });
    app.task("ts.add", ({ x, y = 0 }: { x: number; y?: number }) => x + y);
    app.task("ts.sum", (list: readonly number[]) => list.reduce((sum, each) => sum + each, 0));
    app.task("ts.echo", (value: unknown) => value);
    app.task("ts.fail", () => {
      throw new RangeError("bang");
    });
    app.task("ts.note", ({ what }: { what: unknown }) => void noted.push(what));
    app.task(
      "ts.later",
      (value: unknown, job) => {
        if (job.attempt < 3) throw new Error("again");
        return value;
      },
      { retry: { attempts: 3, delay: 10, jitter: 0 } },
    );
    worker = app.worker({ queues: ["ts"], watchdog: false, logger: quiet, concurrency: 4 });
    await worker.start();
    await client.value(words);
  }, 60_000);

  afterAll(async () => {
    await worker?.stop({ timeout: 0 });
    await engine?.close();
    await Promise.all([client?.stop(), python?.stop()]);
    await broker?.close();
  }, 60_000);

  test.each<[string, string, string]>([
    ["a chord of ours", "chord([t(1, 1), t(2, 2), t(3, 3)], tsum())", "12"],
    ["a chord of Python's parts, body ours", "chord([p(1, 1), p(2, 2)], tsum())", "6"],
    ["a chord of our parts, body Python's", "chord([t(1, 1), t(2, 2)], psum())", "6"],
    ["a chord of both", "chord([t(1, 1), p(2, 2), t(3, 3), p(4, 4)], psum())", "20"],
    [
      "results in the order of the header",
      "chord([t(i, i) for i in range(12)], techo())",
      String(Array.from({ length: 12 }, (_, i) => 2 * i))
        .replaceAll(",", ", ")
        .replace(/^(.*)$/, "[$1]"),
    ],
    ["a chord of one", "chord([t(1, 1)], techo())", "[2]"],
    ["a body that a chain follows", "chord([t(1, 1), p(2, 2)], tsum()) | t(10) | p(100)", "116"],
    ["a chord in a chain, after us", "chain(t(1, 1), group(t(1), p(2), t(3)), tsum(), p(100))", "112"],
    ["a chord in a chain, after Python", "chain(p(1, 1), group(t(1), p(2)), psum(), t(100))", "107"],
    ["a group at the end, after us", "chain(t(1, 1), group(t(1), p(2)))", "[3, 4]"],
    ["chains as parts", "chord([chain(t(1, 1), p(1)), chain(p(2, 2), t(2))], techo())", "[3, 6]"],
    [
      "chains as parts, after us",
      "chain(t(1, 1), group(chain(t(1), p(1)), chain(p(2), t(2))), techo())",
      "[4, 6]",
    ],
    ["nested chords", "chord([chord([t(1, 1), p(2, 2)], tsum()), t(1, 1)], techo())", "[6, 2]"],
    [
      "nested chords, after us",
      "chain(t(1, 1), chord([chord([t(1), p(2)], tsum()), t(1)], techo()))",
      "[7, 3]",
    ],
    [
      "groups in parts, re-nested",
      "chord([chain(t(1, 1), group(t(1), p(2))), t(5, 5)], techo())",
      "[[3, 4], 10]",
    ],
    [
      "groups in parts, re-nested, after us",
      "chain(t(1, 1), chord([chain(t(1), group(t(1), p(2))), t(5)], techo()))",
      "[[4, 5], 7]",
    ],
    [
      "groups in parts, re-nested, after Python",
      "chain(p(1, 1), chord([chain(t(1), group(t(1), t(2))), t(5)], techo()))",
      "[[4, 5], 7]",
    ],
    // Celery itself turns the inner one round when it makes one group of both.
    ["a group in a group", "chain(t(1, 1), group(group(t(1), p(2)), t(3)), techo())", "[4, 3, 5]"],
    [
      "a chord as the body of a chord",
      "chord([t(1, 1), t(2, 2)], chord([techo(), techo()], techo()))",
      "[[2, 4], [2, 4]]",
    ],
    [
      "an immutable part and body",
      "chain(t(1, 1), chord([t(5, 5, immutable=True), t(1)], techo('alone', immutable=True)))",
      "'alone'",
    ],
    ["an empty header", "chain(t(1, 1), chord([], techo()))", "[]"],
    ["map", "chain(t(1, 1), site_app.echo.map([1, 2]))", "[1, 2]"],
    [
      "chunks in a chain",
      "chain(t(1, 1), site_app.add.chunks([(1, 1), (2, 2), (3, 3)], 2), techo())",
      "[[2, 4], [6]]",
    ],
    ["a link that is a chain", "techo(3).set(link=[chain(t(1), t(1))])", "3"],
    [
      "a part that is tried again",
      "chord([signature('ts.later', (1,), queue='ts'), t(1, 1)], techo())",
      "[1, 2]",
    ],
    [
      "rich results",
      "chord([techo(decimal.Decimal('1.10')), techo({'a': [None, True, 'ä']}), pecho(2**70)], pecho())",
      "[Decimal('1.10'), {'a': [None, True, 'ä']}, 1180591620717411303424]",
    ],
  ])("%s: %s", async (_, canvas, expected) => {
    expect(await client.value(`run(${canvas})`)).toBe(expected);
  });

  test.each([
    ["a part of ours fails", "chord([t(1, 1), tfail()], techo())", "ValueError('bang')"],
    ["a part of ours fails, others are Python's", "chord([p(1, 1), tfail()], pecho())", "ValueError('bang')"],
    [
      "a part of Python's fails, the last is ours",
      "chord([pfail(), t(1, 1).set(countdown=1)], techo())",
      "ValueError('bang', 42)",
    ],
    [
      "a chain in a part fails",
      "chord([chain(tfail(), t(1), t(2)), t(1, 1)], techo())",
      "ValueError('bang')",
    ],
    [
      "a part is unknown",
      "chord([signature('ts.unheard_of', queue='ts'), t(1, 1)], techo())",
      "NotRegistered(",
    ],
    [
      "a part expires",
      "chord([t(1, 1).set(countdown=1, expires=0.2), t(1, 1)], techo())",
      "TaskRevokedError('expired')",
    ],
    ["a part cannot be read", "chord([t(1, 2, 3), t(1, 1)], techo())", "Exception('Cannot decode body[0]"],
    [
      "a chord in a part fails",
      "chord([chord([tfail(), t(1, 1)], techo()), t(1, 1)], techo())",
      "ChordError(",
    ],
  ])("%s: the body fails as Celery has it", async (_, canvas, problem) => {
    expect(await client.outcome(`fate(${canvas})`)).toMatchObject({
      error: "celery.exceptions.ChordError",
      args: expect.stringContaining(`raised ${problem}`),
    });
  });

  test("what follows the body fails with it, and its link_error is called", async () => {
    noted.length = 0;
    const chord = `chord([t(1), tfail()], techo(task_id="body-1", link_error=[signature("ts.note", queue="ts")]))`;
    expect(await client.outcome(`fate(chain(t(1, 1), ${chord}, t(1)))`)).toMatchObject({
      error: "celery.exceptions.ChordError",
    });
    await expect.poll(() => noted).toEqual(["body-1"]);
  });

  test("a failure before a chord fails the chord's body", async () => {
    expect(await client.outcome("fate(chain(tfail(), group(t(1), t(2)), techo()))")).toMatchObject({
      error: "builtins.ValueError",
    });
  });

  test("stamps are on what follows", async () => {
    const stamped = "chain(techo(1), chord([signature('tasks.stamps')], pecho()))";
    expect(await client.value(`(lambda c: (c.stamp(tenant="ada"), run(c))[1])(${stamped})`)).toBe(
      "[{'tenant': 'ada'}]",
    );
  });
});

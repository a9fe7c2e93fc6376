/** Canvas that Python has built, run by Python, by TypeScript, and by both: on real brokers, with Celery as it is. */
import { Petiole } from "petiole";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, withResultsInRedis, type BrokerKind, type RunningBroker } from "./brokers.ts";
import { startCeleryWorker, startSiteClient, type SiteClient } from "./site.ts";

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Signatures of the site's, run by Python or by TypeScript: `p(1, 2)` and `t(1, 2)` add, `psum`, `tsum` add up. `ends` is
 * how the tasks of a chain have ended, the first one first.
 */
const words = `globals().update(
  p=lambda *a, **k: signature("tasks.add", a, **k),
  t=lambda *a, **k: signature("ts.add", a, queue="ts", **k),
  psum=lambda **k: signature("tasks.sum", **k),
  tsum=lambda **k: signature("ts.sum", queue="ts", **k),
  pecho=lambda *a, **k: signature("tasks.echo", a, **k),
  techo=lambda *a, **k: signature("ts.echo", a, queue="ts", **k),
  tfail=lambda *a, **k: signature("ts.fail", a, queue="ts", **k),
  pfail=lambda *a, **k: signature("tasks.fail", a, **k),
  run=lambda canvas: canvas.apply_async().get(timeout=25, interval=0.02),
  fate=lambda canvas: AsyncResult(canvas.apply_async().id, app=app).get(timeout=25),
  xmap=__import__("celery").xmap, xchunks=__import__("celery").chunks,
  steps=lambda r: (steps(r.parent) if r.parent else []) + [r],
  ends=lambda canvas: [(r.get(timeout=25, propagate=False), r.state) for r in steps(canvas.apply_async())],
)`.replaceAll(/\s*\n\s*/g, " ");

/** What both languages run. */
interface Site {
  readonly client: SiteClient;
  /** What `ts.note` was given. */
  readonly noted: unknown[];
  readonly stop: () => Promise<void>;
}

async function startSite(broker: RunningBroker): Promise<Site> {
  const [python, client] = await Promise.all([
    startCeleryWorker(broker.places),
    startSiteClient(broker.places),
  ]);
  const noted: unknown[] = [];
  const engine = broker.engine({
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
  const worker = app.worker({ queues: ["ts"], watchdog: false, logger: quiet, concurrency: 4 });
  await worker.start();
  await client.value(words);
  return {
    client,
    noted,
    async stop() {
      await worker.stop({ timeout: 0 });
      await engine.close();
      await Promise.all([client.stop(), python.stop()]);
    },
  };
}

/** Starts a site for the tests beside it, and what `open` opens; stops both. */
function withSite(open: () => Promise<RunningBroker>): () => Site {
  let broker: RunningBroker | undefined;
  let site: Site | undefined;
  beforeAll(async () => {
    broker = await open();
    site = await startSite(broker);
  }, 60_000);
  afterAll(async () => {
    await site?.stop();
    await broker?.close();
  }, 60_000);
  return () => site!;
}

/** What needs nothing but results that come back. */
function testChainsAndGroups(of: () => Site): void {
  test.each<[string, string, string]>([
    ["a group of ours", "group([t(1, 1), t(2, 2)])", "[2, 4]"],
    ["a group of Python's", "group([p(1, 1), p(2, 2)])", "[2, 4]"],
    ["a group of both", "group([t(1, 1), p(2, 2), t(3, 3), p(4, 4)])", "[2, 4, 6, 8]"],
    ["results in their order", "group([t(i, i) for i in range(6)])", "[0, 2, 4, 6, 8, 10]"],
    ["chains in a group", "group([chain(t(1, 1), p(1)), chain(p(2, 2), t(2)), t(5, 5)])", "[3, 6, 10]"],
    ["a group of one", "group([t(1, 1)])", "[2]"],
    ["a chain of ours", "chain(t(1, 1), t(1), t(1))", "4"],
    ["a chain of both", "chain(t(1, 1), p(1), t(1), p(1))", "5"],
    ["a chain of both, the other way round", "chain(p(1, 1), t(1), p(1), t(1))", "5"],
    ["an immutable step", "chain(t(1, 1), t(5, 5, immutable=True), p(1))", "11"],
  ])("%s: %s", async (_, canvas, expected) => {
    expect(await of().client.value(`run(${canvas})`)).toBe(expected);
  });

  test("each step of a chain has a result of its own", async () => {
    expect(await of().client.value("ends(chain(t(1, 1), p(1), t(1), p(1)))")).toBe(
      "[(2, 'SUCCESS'), (3, 'SUCCESS'), (4, 'SUCCESS'), (5, 'SUCCESS')]",
    );
  });

  const bang = "(ValueError('bang'), 'FAILURE')";
  const theirs = "(ValueError('bang', 42), 'FAILURE')";
  test.each<[string, string, string]>([
    [
      "ours, before both",
      "chain(t(1, 1), tfail(), t(1), p(1))",
      `[(2, 'SUCCESS'), ${bang}, ${bang}, ${bang}]`,
    ],
    [
      "ours, after Python's",
      "chain(p(1, 1), tfail(), p(1), t(1))",
      `[(2, 'SUCCESS'), ${bang}, ${bang}, ${bang}]`,
    ],
    [
      "Python's, before both",
      "chain(t(1, 1), pfail(immutable=True), t(1), p(1))",
      `[(2, 'SUCCESS'), ${theirs}, ${theirs}, ${theirs}]`,
    ],
    ["the first one", "chain(tfail(), p(1), t(1))", `[${bang}, ${bang}, ${bang}]`],
    ["the last one", "chain(t(1, 1), p(1), tfail())", `[(2, 'SUCCESS'), (3, 'SUCCESS'), ${bang}]`],
  ])("a step that fails fails all that follow it: %s", async (_, canvas, expected) => {
    expect(await of().client.value(`ends(${canvas})`)).toBe(expected);
  });

  test("chunks at the end of a chain, after us, come to what Python's worker makes of them: the ids of a group", async () => {
    const chunks = "site_app.add.chunks([(1, 1), (2, 2), (3, 3)], 2)";
    const form =
      /^\[\['[-0-9a-f]{36}', None\], \[\[\['[-0-9a-f]{36}', None\], None\], \[\['[-0-9a-f]{36}', None\], None\]\]\]$/;
    expect(await of().client.value(`run(chain(p(1, 1), ${chunks}))`)).toMatch(form);
    expect(await of().client.value(`run(chain(t(1, 1), ${chunks}))`)).toMatch(form);
  });

  test("a step that cannot be read fails all that follow it", async () => {
    const why = "Cannot decode body[0]: expected the 2 that `positional` names, x, y, found 4 arguments.";
    const end = `(Exception('${why}'), 'FAILURE')`;
    expect(await of().client.value("ends(chain(t(1, 1), t(2, 3, 4), p(1), t(1)))")).toBe(
      `[(2, 'SUCCESS'), ${end}, ${end}, ${end}]`,
    );
  });

  test("one that fails in a group is raised, and the others have their results", async () => {
    const group = "group([t(1, 1), tfail(), p(3, 3), chain(tfail(), t(1))])";
    expect(await of().client.outcome(`run(${group})`)).toMatchObject({
      error: "builtins.ValueError",
      args: "('bang',)",
    });
    expect(
      await of().client.value(`[r.get(timeout=25, propagate=False) for r in ${group}.apply_async().results]`),
    ).toBe("[2, ValueError('bang'), 6, ValueError('bang')]");
  });
}

/** What counts the parts of chords in Redis. */
function testChords(of: () => Site): void {
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
    [
      "a chord after a body that Python replaces",
      "chain(group(t(1, 1), t(2, 2)), signature('tasks.replaced'), group(techo(), techo()), techo())",
      "[[2, 4], [2, 4]]",
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
    expect(await of().client.value(`run(${canvas})`)).toBe(expected);
  });

  test.each([
    ["a part of ours fails", "chord([t(1, 1), tfail()], techo())", "ValueError('bang')"],
    ["a part of ours fails, others are Python's", "chord([p(1, 1), tfail()], pecho())", "ValueError('bang')"],
    [
      "a part of Python's fails, the last is ours",
      "chord([pfail(), t(1, 1).set(countdown=0.5)], techo())",
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
      "chord([t(1, 1).set(countdown=0.5, expires=0.1), t(1, 1)], techo())",
      "TaskRevokedError('expired')",
    ],
    ["a part cannot be read", "chord([t(1, 2, 3), t(1, 1)], techo())", "Exception('Cannot decode body[0]"],
    [
      "a chord in a part fails",
      "chord([chord([tfail(), t(1, 1)], techo()), t(1, 1)], techo())",
      "ChordError(",
    ],
  ])("%s: the body fails as Celery has it", async (_, canvas, problem) => {
    expect(await of().client.outcome(`fate(${canvas})`)).toMatchObject({
      error: "celery.exceptions.ChordError",
      args: expect.stringContaining(`raised ${problem}`),
    });
  });

  test("what follows the body fails with it, and its link_error is called", async () => {
    of().noted.length = 0;
    const chord = `chord([t(1), tfail()], techo(task_id="body-1", link_error=[signature("ts.note", queue="ts")]))`;
    expect(await of().client.outcome(`fate(chain(t(1, 1), ${chord}, t(1)))`)).toMatchObject({
      error: "celery.exceptions.ChordError",
    });
    await expect.poll(() => of().noted).toEqual(["body-1"]);
  });

  test("a failure before a chord fails the chord's body", async () => {
    expect(await of().client.outcome("fate(chain(tfail(), group(t(1), t(2)), techo()))")).toMatchObject({
      error: "builtins.ValueError",
    });
  });

  test("stamps are on what follows", async () => {
    const stamped = "chain(techo(1), chord([signature('tasks.stamps')], pecho()))";
    expect(await of().client.value(`(lambda c: (c.stamp(tenant="ada"), run(c))[1])(${stamped})`)).toBe(
      "[{'tenant': 'ada'}]",
    );
  });
}

const [redis, rabbitmq] = brokers as readonly [BrokerKind, BrokerKind];

const noRedis = redis.missing;
describe.skipIf(noRedis !== undefined)(
  `canvas of Python's on Redis${noRedis ? ` (skipped: ${noRedis})` : ""}`,
  () => {
    const site = withSite(redis.start);
    testChainsAndGroups(site);
    testChords(site);
  },
);

const noRabbitmq = rabbitmq.missing ?? redis.missing;
describe.skipIf(noRabbitmq !== undefined)(
  `canvas of Python's on RabbitMQ${noRabbitmq ? ` (skipped: ${noRabbitmq})` : ""}`,
  () => {
    let broker: RunningBroker;
    beforeAll(async () => {
      broker = await rabbitmq.start();
    }, 60_000);
    afterAll(() => broker?.close());

    describe("with results by rpc", () => {
      const of = withSite(async () => ({ ...broker, close: async () => {} }));
      testChainsAndGroups(of);

      // Celery refuses to send a chord itself; what only makes one underway comes to us.
      test.each([
        ["a map", "xmap(techo(), [1, 2]).set(queue='ts')", "it is a celery.map"],
        ["a map after us", "chain(t(1, 1), xmap(techo(), [1, 2]).set(queue='ts'))", "it is a celery.map"],
        [
          "chunks after us",
          "chain(t(1, 1), xchunks(techo(), [(1,)], 1).set(queue='ts'))",
          "it is a celery.chunks",
        ],
        [
          "chunks that something follows, after us",
          "chain(t(1, 1), xchunks(techo(), [(1,)], 1), t(1))",
          "is a celery.group that something follows",
        ],
      ])(
        "%s, which needs results in Redis: it is not run, and who waits is told why",
        async (_, canvas, why) => {
          expect(await of().client.outcome(`run(${canvas})`)).toMatchObject({
            args: expect.stringContaining(why),
          });
        },
      );
    });

    describe("with results in Redis", () => {
      testChords(withSite(() => withResultsInRedis(broker)));
    });
  },
);

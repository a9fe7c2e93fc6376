/**
 * The broker is killed and started again in the middle of all of it: tasks of both languages and both protocols on their
 * way, others that wait for their time, in RabbitMQ's own queues and in workers, retries, chains and groups that go from one
 * language to the other, those who wait for results, and those who ask and watch; on Redis chords and chunks, too.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { Petiole, type Worker } from "petiole";
import {
  celeryControl,
  celeryEvents,
  celeryOptions,
  chord,
  chunks,
  group,
  type CeleryControl,
  type CeleryEvents,
} from "petiole/engine/celery";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const timeout = 60_000;
const patience = { timeout, interval: 50 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** So many of each kind. */
const count = 60;
/** And so many groups and chords. */
const few = 8;
const me = "restarted@ours";
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  const isRabbitmq = kind.name === "RabbitMQ";
  /** Of each language one; on Redis, where there are no quorum queues, lists like the others. */
  const queues = Object.fromEntries(
    ["tq", "pq"].map((name) => [
      name,
      { exchange: { name, type: "topic" as const }, ...(isRabbitmq && { type: "quorum" as const }) },
    ]),
  );
  const direct = (name: string): object => ({ exchange: name, exchange_type: "direct", routing_key: name });
  const topic = (name: string): object => ({
    exchange: name,
    exchange_type: "topic",
    routing_key: name,
    queue_arguments: { "x-queue-type": "quorum" },
  });
  const conf = {
    task_queues: {
      celery: direct("celery"),
      ts: direct("ts"),
      tq: isRabbitmq ? topic("tq") : direct("tq"),
      pq: isRabbitmq ? topic("pq") : direct("pq"),
    },
  };
  describe.skipIf(kind.missing !== undefined)(`${kind.name} is started again${skipped}`, () => {
    let folder: string;
    let broker: RunningBroker;
    let engine: Engine;
    let worker: Worker;
    let client: SiteClient;
    let older: SiteClient;
    let control: CeleryControl;
    let events: CeleryEvents;
    let python: CeleryWorker;

    const path = (name: string): string => join(folder, name);
    const lines = (name: string): string[] =>
      existsSync(path(name)) ? readFileSync(path(name), "utf8").split("\n").slice(0, -1) : [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "petiole-celery-restart-"));
      broker = await kind.start();
      engine = broker.engine({
        queues,
        hostname: me,
        tasks: { "ts.mark": { positional: ["path", "key"] } },
        visibilityTimeout: 3000,
        timeout: 3000,
      });
      const app = new Petiole({
        engine,
        defaults: { queue: "ts", retry: { attempts: 5, delay: 1300, jitter: 0 } },
      });
      const record = app.task("ts.record", ({ path, key }: { path: string; key: string }) => {
        appendFileSync(path, `${key}\n`);
        return key;
      });
      app.task(
        "ts.twice",
        ({ path, key }: { path: string; key: string }, job) => {
          appendFileSync(path, `${key} ${job.attempt}\n`);
          if (job.attempt < 2) throw new Error("again");
        },
        { queue: "tq", retry: { attempts: 2, delay: 4000, jitter: 0 } },
      );
      app.task("ts.mark", ({ path, key }: { path: string; key: string }) => {
        appendFileSync(path, `${key}\n`);
        return key;
      });
      app.task("ts.gather", (keys: unknown) => keys);
      worker = app.worker({ queues: ["ts", "tq"], lease: 1500, watchdog: false, logger: quiet });
      await worker.start();
      // What Celery knows of has to be there before it begins.
      await record.enqueue({ path: path("first"), key: "first" }, { delay: 0 });
      const first = new Petiole({ engine }).task<{ path: string; key: string }>("ts.record", { queue: "tq" });
      await first.enqueue({ path: path("first"), key: "second" });
      const environment = {
        TRANSPORT: JSON.stringify({ visibility_timeout: 3, confirm_publish: true }),
        CONF: JSON.stringify(conf),
      };
      // After a task with an `eta` the pool `solo` acknowledges up to two seconds later, and quorum queues hand out no other.
      const pool = isRabbitmq ? "prefork" : "solo";
      const served = ["celery", "pq"];
      const protocol1 = { ...environment, CONF: JSON.stringify({ ...conf, task_protocol: 1 }) };
      [python, client, older] = await Promise.all([
        startCeleryWorker({ ...broker.places, environment, pool, queues: served }),
        startSiteClient({ ...broker.places, environment }),
        startSiteClient({ ...broker.places, environment: protocol1 }),
      ]);
      control = celeryControl({ broker: broker.source() });
      events = celeryEvents({ broker: broker.source(), enable: false });
      await events.ready();
    }, 90_000);

    afterAll(async () => {
      await Promise.all([control?.close(), events?.close()]);
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await Promise.all([client?.stop(), older?.stop(), python?.kill()]);
      await broker?.close();
      rmSync(folder, { recursive: true, force: true });
    }, 60_000);

    test("nothing is lost", { timeout: 4 * timeout }, async () => {
      let refused = 0;
      /** Sends until it is accepted. */
      const surely = async <Sent>(send: () => Promise<Sent>): Promise<Sent> => {
        for (;;) {
          try {
            return await send();
          } catch {
            refused += 1;
            await sleep(100);
          }
        }
      };
      /** Of each result that is waited for, what is wrong with it. */
      const outcomes: Promise<string>[] = [];
      let ended = 0;
      /** Begins to wait for a result, which may come long after the restart. */
      const wait = (
        what: string,
        handle: { result(options: { timeout: number }): Promise<unknown> },
        expected: unknown,
      ): void => {
        const told = (problem: string): string => {
          ended += 1;
          return problem;
        };
        outcomes.push(
          handle.result({ timeout: 2 * timeout }).then(
            (got) => told(isDeepStrictEqual(got, expected) ? "" : `${what}: ${JSON.stringify(got)}`),
            (error: unknown) => told(`${what}: ${String(error)}`),
          ),
        );
      };
      const task = (name: string, queue: string) =>
        new Petiole({ engine }).task<{ path: string; key: string }, string>(name, { queue });
      const [toPython, toUs] = [task("tasks.record", "celery"), task("ts.record", "tq")];
      const toPythonLater = task("tasks.record", "pq");
      const twice = task("ts.twice", "tq");
      const step = (task: string, queue: string, key: string) => ({
        task,
        queue,
        immutable: true,
        kwargs: { path: path("chains"), key },
      });
      const own = async (): Promise<void> => {
        for (const n of numbers(count)) {
          const later = { delay: 5400 };
          const chain = [
            step("tasks.record", "celery", `ours ${n} 2`),
            step("ts.record", "tq", `ours ${n} 3`),
          ];
          await surely(() => toPython.enqueue({ path: path("python"), key: `now ${n}` }));
          // One that waited in a worker of Celery's would keep it from all others: it takes no more of quorum queues.
          const key = `later ${n}`;
          wait(
            "Python's result",
            await surely(() => toPythonLater.enqueue({ path: path("python"), key }, later)),
            key,
          );
          wait("our result", await surely(() => toUs.enqueue({ path: path("ours"), key }, later)), key);
          await surely(() => twice.enqueue({ path: path("twice"), key: `${n}` }));
          await surely(() =>
            task("ts.record", "ts").enqueue(
              { path: path("chains"), key: `ours ${n} 1` },
              celeryOptions({ chain }),
            ),
          );
          await sleep(60);
        }
      };
      const flow = (name: string, options: string, from = client): Promise<unknown> =>
        from.outcome(`flow("ts.record", ${JSON.stringify(path(name))}, ${count}, 0.06, ${options})`);
      const signature = (task: string, queue: string, key: string): string =>
        `app.signature("${task}", kwargs={"path": ${JSON.stringify(path("chains"))}, "key": ${key}}, immutable=True, queue="${queue}")`;
      const theirs =
        `[chain(${signature("tasks.record", "celery", 'f"theirs {n} 1"')}, ` +
        `${signature("ts.record", "tq", 'f"theirs {n} 2"')}, ${signature("tasks.record", "celery", 'f"theirs {n} 3"')})` +
        ".apply_async(ignore_result=True) and None for n in range(10)]";
      const queue = isRabbitmq ? "tq" : "ts";
      await client.value(theirs);
      const sender = new Petiole({ engine });
      const [record, theirRecord] = ["ts.record", "tasks.record"].map((name) =>
        sender.task<{ path: string; key: string }, string>(name),
      ) as [typeof toUs, typeof toUs];
      /** Of both languages. Some of it begins when the broker is back. */
      const partsOf = (name: string) => {
        const [now, later] = [
          { path: path(name), key: "now" },
          { path: path(name), key: "later" },
        ];
        const delay = { delay: 5400 };
        return [
          record.signature(now, { queue: "ts" }),
          theirRecord.signature(now, { queue: "celery" }),
          record.signature(later, { queue: "tq", ...delay }),
          theirRecord.signature(later, { queue: "pq", ...delay }),
        ] as const;
      };
      const parts = ["now", "now", "later", "later"];
      const groups = async (): Promise<void> => {
        for (const _ of numbers(few))
          wait("a group", await group(...partsOf("parts")).enqueue(sender), parts);
      };
      await groups();
      if (!isRabbitmq) {
        const gather = { task: "ts.gather", queue: "tq" };
        const echo = { task: "tasks.echo", queue: "celery" };
        for (const n of numbers(few)) {
          const body = n % 2 === 0 ? gather : echo;
          wait("a chord", await chord(partsOf("parts"), body).enqueue(sender), parts);
        }
        const theirParts = [
          ["ts.record", "ts"],
          ["tasks.record", "celery"],
          ["ts.record", "tq", "later"],
          ["tasks.record", "pq", "later"],
        ].map(([name, queue, key = "now"]) => {
          const kwargs = JSON.stringify({ path: path("parts"), key });
          return `app.signature("${name}", kwargs=${kwargs}, queue="${queue}"${key === "later" ? ", countdown=5.4" : ""})`;
        });
        for (const [name, queue] of [
          ["ts.gather", "tq"],
          ["tasks.echo", "celery"],
        ] as const) {
          const canvas = `chord([${theirParts.join(", ")}], app.signature("${name}", queue="${queue}"))`;
          const { plain } = await client.outcome(
            `",".join([${canvas}.apply_async().id for n in range(${few / 2})])`,
          );
          for (const id of (plain as string).split(","))
            wait("a chord of Python's", task(name, queue).handle(id), parts);
        }
      }
      const flows = Promise.all([
        own(),
        flow("by-python", `queue="${queue}", countdown=5.4`),
        flow("by-python-now", 'queue="ts"'),
        flow("by-python-older", 'queue="ts"', older),
        flow("by-python-older-later", `queue="${queue}", countdown=5.4`, older),
      ]);
      await expect.poll(() => lines("python").length, patience).toBeGreaterThan(3);
      if (!isRabbitmq) {
        // Celery's worker loses what it pops in the moment in which Redis goes away: it shall be in a task just then.
        await surely(() =>
          task("tasks.hold", "celery").enqueue({ path: path("holding"), gate: path("gate") } as never),
        );
        await expect.poll(() => lines("holding"), patience).toContain("held");
        const items = numbers(400).map((n) => [path("chunks"), `${n}`]);
        const lists = numbers(20).map((at) => items.slice(20 * at, 20 * at + 20).map(([, key]) => key));
        wait("chunks", await chunks({ task: "ts.mark", queue: "ts" }, items, 20).enqueue(sender), lists);
      }
      expect(ended).toBeLessThan(outcomes.length);
      const before = { now: lines("python").length, chains: lines("chains").length };
      expect(before.now).toBeLessThan(2 * count);
      expect(before.chains).toBeLessThan(3 * (count + 10));
      await broker.restart(500);
      const [back, backAt] = [performance.now(), Date.now()];
      writeFileSync(path("gate"), "");
      await flows;
      const missing = (name: string, keys: readonly string[]) => (): string[] => {
        const there = new Set(lines(name));
        return keys.filter((key) => !there.has(key)).map((key) => `${name}: ${key}`);
      };
      const took: string[] = [];
      const nothing = async (name: string, keys: readonly string[]): Promise<void> => {
        await expect.poll(missing(name, keys), { ...patience, timeout: 2 * timeout }).toEqual([]);
        took.push(`${name} ${((performance.now() - back) / 1000).toFixed(1)}`);
      };
      const each = (count: number, ...texts: readonly ((n: number) => string)[]): string[] =>
        numbers(count).flatMap((n) => texts.map((text) => text(n)));
      await nothing(
        "python",
        each(
          count,
          (n) => `now ${n}`,
          (n) => `later ${n}`,
        ),
      );
      await nothing(
        "ours",
        each(count, (n) => `later ${n}`),
      );
      await nothing(
        "twice",
        each(
          count,
          (n) => `${n} 1`,
          (n) => `${n} 2`,
        ),
      );
      for (const name of ["by-python", "by-python-now", "by-python-older", "by-python-older-later"])
        await nothing(
          name,
          each(count, (n) => `python ${n}`),
        );
      const steps = [1, 2, 3];
      await nothing("chains", [
        ...numbers(count).flatMap((n) => steps.map((at) => `ours ${n} ${at}`)),
        ...numbers(10).flatMap((n) => steps.map((at) => `theirs ${n} ${at}`)),
      ]);
      expect((await Promise.all(outcomes)).filter((problem) => problem !== "")).toEqual([]);
      // Those who ask and those who watch have found the broker again, and both languages' workers hear and tell.
      const both = [me, expect.stringMatching(/^site.*@test$/) as string];
      const answering = async (): Promise<string[]> =>
        [...(await control.ping({ limit: 2, timeout: 3000 })).replies.keys()].toSorted();
      await expect.poll(answering, patience).toEqual(both);
      const heard = (): string[] =>
        [...events.state.workers()].filter(({ heardAt }) => heardAt > backAt).map(({ name }) => name);
      await expect.poll(heard, patience).toEqual(expect.arrayContaining(await answering()));
      took.push(`results ${((performance.now() - back) / 1000).toFixed(1)}`);
      process.stdout.write(
        `${kind.name}: seconds after it was back until all had run: ${took.join(", ")}; ${refused} sends were repeated\n`,
      );
    });
  });
}

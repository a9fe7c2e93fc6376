/**
 * The broker is killed and started again in the middle of all of it: tasks of both languages on their way, others that
 * wait for their time, in RabbitMQ's own queues and in workers, retries, and chains that go from one language to the other.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Petiole, type Worker } from "petiole";
import { celeryOptions } from "petiole/engine/celery";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const timeout = 60_000;
const patience = { timeout, interval: 50 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** So many of each kind. */
const count = 60;
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
    let python: CeleryWorker;
    let startPython: () => Promise<CeleryWorker>;

    const path = (name: string): string => join(folder, name);
    const lines = (name: string): string[] =>
      existsSync(path(name)) ? readFileSync(path(name), "utf8").split("\n").slice(0, -1) : [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "petiole-celery-restart-"));
      broker = await kind.start();
      engine = broker.engine({ queues, visibilityTimeout: 3000, timeout: 3000 });
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
      startPython = () => startCeleryWorker({ ...broker.places, environment, queues: ["celery", "pq"] });
      [python, client] = await Promise.all([
        startPython(),
        startSiteClient({ ...broker.places, environment }),
      ]);
    }, 90_000);

    afterAll(async () => {
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await Promise.all([client?.stop(), python?.kill()]);
      await broker?.close();
      rmSync(folder, { recursive: true, force: true });
    }, 60_000);

    test("nothing is lost", { timeout: 4 * timeout }, async () => {
      let refused = 0;
      /** Sends until it is accepted. */
      const surely = async (send: () => Promise<unknown>): Promise<void> => {
        for (;;) {
          try {
            await send();
            return;
          } catch {
            refused += 1;
            await sleep(100);
          }
        }
      };
      const task = (name: string, queue: string) =>
        new Petiole({ engine }).task<{ path: string; key: string }>(name, { queue });
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
          await surely(() => toPythonLater.enqueue({ path: path("python"), key: `later ${n}` }, later));
          await surely(() => toUs.enqueue({ path: path("ours"), key: `later ${n}` }, later));
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
      const flow = (name: string, options: string): Promise<unknown> =>
        client.outcome(`flow("ts.record", ${JSON.stringify(path(name))}, ${count}, 0.06, ${options})`);
      const signature = (task: string, queue: string, key: string): string =>
        `app.signature("${task}", kwargs={"path": ${JSON.stringify(path("chains"))}, "key": ${key}}, immutable=True, queue="${queue}")`;
      const theirs =
        `[chain(${signature("tasks.record", "celery", 'f"theirs {n} 1"')}, ` +
        `${signature("ts.record", "tq", 'f"theirs {n} 2"')}, ${signature("tasks.record", "celery", 'f"theirs {n} 3"')})` +
        ".apply_async(ignore_result=True) and None for n in range(10)]";
      const queue = isRabbitmq ? "tq" : "ts";
      await client.value(theirs);
      const flows = Promise.all([
        own(),
        flow("by-python", `queue="${queue}", countdown=5.4`),
        flow("by-python-now", 'queue="ts"'),
      ]);
      await expect.poll(() => lines("python").length, patience).toBeGreaterThan(3);
      if (!isRabbitmq) {
        // Celery's worker loses what it pops in the moment in which Redis goes away: it shall be in a task just then.
        await surely(() =>
          task("tasks.hold", "celery").enqueue({ path: path("holding"), gate: path("gate") } as never),
        );
        await expect.poll(() => lines("holding"), patience).toContain("held");
      }
      const before = { now: lines("python").length, chains: lines("chains").length };
      expect(before.now).toBeLessThan(2 * count);
      expect(before.chains).toBeLessThan(3 * (count + 10));
      await broker.restart(500);
      const back = performance.now();
      writeFileSync(path("gate"), "");
      await flows;
      if (isRabbitmq) {
        // Now and then Celery's worker takes nothing more once RabbitMQ is back: whether it does is not asked here.
        await python.kill();
        python = await startPython();
      }
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
      for (const name of ["by-python", "by-python-now"])
        await nothing(
          name,
          each(count, (n) => `python ${n}`),
        );
      const steps = [1, 2, 3];
      await nothing("chains", [
        ...numbers(count).flatMap((n) => steps.map((at) => `ours ${n} ${at}`)),
        ...numbers(10).flatMap((n) => steps.map((at) => `theirs ${n} ${at}`)),
      ]);
      process.stdout.write(
        `${kind.name}: seconds after it was back until all had run: ${took.join(", ")}; ${refused} sends were repeated\n`,
      );
    });
  });
}

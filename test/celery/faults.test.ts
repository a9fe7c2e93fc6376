/** Workers and brokers die in the middle of tasks that the other language has sent, and nothing is lost. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Petiole, Value } from "petiole";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import {
  startCeleryWorker,
  startSiteClient,
  type CeleryWorker,
  type CeleryWorkerOptions,
  type SiteClient,
} from "./site.ts";
import { startTypescriptWorker, type TypescriptWorker } from "./typescript-worker.ts";

/** Milliseconds, of both sides: after so long a task of a worker that is gone is another's. */
const visibilityTimeout = 3000;
const lease = 1500;
/** How long anything may take on a machine that is busy. */
const timeout = 60_000;
const patience = { timeout, interval: 50 };
const environment = {
  // RabbitMQ tells Celery of what it accepts only where that asks.
  TRANSPORT: JSON.stringify({ visibility_timeout: visibilityTimeout / 1000, confirm_publish: true }),
};

class Money extends Value("shop.Money", { amount: Number }) {}

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`on ${kind.name}, with plain Celery${skipped}`, () => {
    let folder: string;
    let broker: RunningBroker;
    let client: SiteClient;
    let engine: Engine;
    let site: Petiole;
    const celeries: CeleryWorker[] = [];
    const typescripts: TypescriptWorker[] = [];

    const celeryWorker = async (options: Partial<CeleryWorkerOptions> = {}): Promise<CeleryWorker> => {
      const worker = await startCeleryWorker({ ...broker.places, environment, ...options });
      celeries.push(worker);
      return worker;
    };
    const typescriptWorker = async (queues: readonly string[] = ["ts"]): Promise<TypescriptWorker> => {
      const worker = await startTypescriptWorker({
        broker: broker.places.broker,
        queues,
        visibilityTimeout,
        lease,
      });
      typescripts.push(worker);
      return worker;
    };
    /** Lines of a file in the folder. */
    const lines = (name: string): string[] => {
      const path = join(folder, name);
      return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
    };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "petiole-celery-faults-"));
      broker = await kind.start();
      engine = broker.engine({ visibilityTimeout, timeout: 2000 });
      site = new Petiole({ engine, defaults: { queue: "celery" } });
      client = await startSiteClient({ ...broker.places, environment });
    }, 90_000);

    afterAll(async () => {
      await Promise.all([...typescripts, ...celeries].map((worker) => worker.kill()));
      await engine?.close();
      await client?.stop();
      await broker?.close();
      rmSync(folder, { recursive: true, force: true });
    }, 60_000);

    test(
      "a TypeScript worker is killed in a task that Python sent: another runs it",
      { timeout: 2 * timeout },
      async () => {
        const first = await typescriptWorker();
        const path = join(folder, "typescript-killed");
        const outcome = client.outcome(
          `call("ts.hangOnce", kwargs={"path": ${JSON.stringify(path)}}, timeout=60)`,
        );
        await expect.poll(() => lines("typescript-killed"), patience).toEqual([`${first.pid}`]);
        await first.kill();
        const second = await typescriptWorker();
        expect(await outcome).toMatchObject({ plain: second.pid });
        expect(lines("typescript-killed")).toEqual([`${first.pid}`, `${second.pid}`]);
      },
    );

    test(
      "the process of a Celery worker's task dies: the task runs again",
      { timeout: 2 * timeout },
      async () => {
        await celeryWorker({ pool: "prefork" });
        const died = await site.task<{ path: string }>("tasks.die").enqueue({ path: join(folder, "died") });
        expect(await died.result({ timeout })).toBe("lived");
        expect(readFileSync(join(folder, "died"), "utf8")).toBe("died");
      },
    );

    test(
      "a Celery worker is killed in a task that TypeScript sent: another runs it",
      { timeout: 2 * timeout },
      async () => {
        const first = celeries.at(-1)!;
        const path = join(folder, "celery-killed");
        const hung = await site.task<{ path: string }>("tasks.hang_once").enqueue({ path });
        await expect.poll(() => lines("celery-killed"), patience).toHaveLength(1);
        await first.kill();
        await celeryWorker();
        const pid = await hung.result({ timeout });
        const runs = lines("celery-killed");
        expect(runs.length).toBeGreaterThan(1);
        expect(runs).toContain(`${pid as number}`);
        expect(`${pid as number}`).not.toBe(runs[0]);
      },
    );

    test(
      "the broker is killed while tasks flow in both directions: none is lost",
      { timeout: 4 * timeout },
      async () => {
        const count = 300;
        const [toPython, toTypescript] = [join(folder, "to-python"), join(folder, "to-typescript")];
        const gate = join(folder, "gate");
        const record = site.task<{ path: string; key: string }>("tasks.record");
        let refused = 0;
        const sendAll = async (): Promise<void> => {
          for (let key = 0; key < count; key += 1) {
            for (;;) {
              try {
                await record.enqueue({ path: toPython, key: `typescript ${key}` });
                break;
              } catch {
                refused += 1;
                await sleep(100);
              }
            }
            await sleep(20);
          }
        };
        const flows = Promise.all([
          sendAll(),
          client.outcome(`flow("ts.record", ${JSON.stringify(toTypescript)}, ${count})`),
        ]);
        await expect
          .poll(() => Math.min(lines("to-python").length, lines("to-typescript").length), patience)
          .toBeGreaterThan(10);
        // Celery's worker loses what it pops in the moment in which Redis goes away: it shall be in a task just then.
        await site.task<object>("tasks.hold").enqueue({ path: join(folder, "holding"), gate });
        await expect.poll(() => lines("holding"), patience).toContain("held");
        expect(Math.min(lines("to-python").length, lines("to-typescript").length)).toBeLessThan(count);
        await broker.restart(300);
        writeFileSync(gate, "");
        const [, outcome] = await flows;
        expect(outcome.error).toBeUndefined();
        const keys = Array.from({ length: count }, (_, key) => key);
        await expect
          .poll(() => keys.filter((key) => !lines("to-python").includes(`typescript ${key}`)), {
            ...patience,
            timeout: 2 * timeout,
          })
          .toEqual([]);
        await expect
          .poll(() => keys.filter((key) => !lines("to-typescript").includes(`python ${key}`)), patience)
          .toEqual([]);
        const repeats = [lines("to-python").length - count, lines("to-typescript").length - count];
        process.stdout.write(
          `${kind.name}, killed while ${2 * count} tasks flowed: ${repeats.join(" and ")} ran again; ` +
            `${refused} and ${String(outcome.plain)} sends were repeated\n`,
        );
      },
    );

    test(
      "a Celery worker and a TypeScript worker share the tasks of one queue",
      { timeout: 2 * timeout },
      async () => {
        await Promise.all([celeryWorker({ queues: ["both"] }), typescriptWorker(["both"])]);
        const which = site.task<object, string>("both.which", { queue: "both" });
        const ran = new Set<string>();
        const deadline = Date.now() + timeout;
        while (ran.size < 2 && Date.now() < deadline) {
          const handles = await Promise.all(Array.from({ length: 20 }, () => which.enqueue({})));
          for (const result of await Promise.all(handles.map((handle) => handle.result({ timeout }))))
            ran.add(result);
        }
        expect([...ran].toSorted()).toEqual(["python", "typescript"]);
        const all = await client.outcome(
          '(lambda sent: sorted(set(get(id, timeout=60) for id in sent)))([send("both.which", queue="both") for _ in range(40)])',
        );
        expect(all.error).toBeUndefined();
        expect(all.value).toMatch(/^\['(python|typescript)'/);
      },
    );

    test(
      "a Celery worker that has the package petiole is killed: another runs its tasks, with all that they hold",
      { timeout: 2 * timeout },
      async () => {
        const exact = broker.engine({ visibilityTimeout, timeout: 2000, dialect: "exact" });
        try {
          const packaged = { queues: ["packaged"], environment, petiole: true } as const;
          const first = await celeryWorker({ ...packaged, pool: "prefork" });
          const sender = new Petiole({ engine: exact, values: [Money], defaults: { queue: "packaged" } });
          // What plain Celery could not decode: the body is decoded anew by whoever runs it.
          const held = new Map<unknown, unknown>([[1, new Set(["a"])]]);
          const path = join(folder, "packaged");
          const hung = await sender.task<object>("tasks.hang_once").enqueue({ path, held });
          await expect.poll(() => lines("packaged"), patience).toHaveLength(1);
          // They wait behind it, and one's class is known to nobody there.
          const echo = sender.task<object>("tasks.echo");
          const unknown = await echo.enqueue({ value: new Money({ amount: 1 }) });
          const waiting = await echo.enqueue({ value: held });
          await first.kill();
          // Celery looks for what others have lost in Redis when it starts, and then every 100 s; ours looks all the time.
          await Promise.all([celeryWorker(packaged), typescriptWorker(["none"])]);
          expect(await waiting.result({ timeout })).toEqual(held);
          await expect(unknown.result({ timeout })).rejects.toThrow(/shop\.Money/);
          const pid = await hung.result({ timeout });
          expect(lines("packaged")).toContain(`${pid as number}`);
          expect(`${pid as number}`).not.toBe(lines("packaged")[0]);
        } finally {
          await exact.close();
        }
      },
    );
  });
}

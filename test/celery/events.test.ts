/** Events of our workers, as Celery's tools and Flower show them, and Python's events as we do. */
import { Petiole, type Worker } from "petiole";
import type { Engine } from "petiole/engine";
import {
  celeryEvents,
  celeryOptions,
  isTaskEvent,
  type CeleryEvent,
  type CeleryEvents,
} from "petiole/engine/celery";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { eventually } from "../services/eventually.ts";
import { brokers, type RunningBroker } from "./brokers.ts";
import { runCelery, startDump, startFlower, type CeleryProcess, type Flower } from "./control-site.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const me = "mailer@ours";
vi.setConfig({ testTimeout: 120_000 });

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`events on ${kind.name}${skipped}`, () => {
    let broker: RunningBroker;
    let python: CeleryWorker;
    let client: SiteClient;
    let engine: Engine;
    let worker: Worker;
    let flower: Flower;
    let dump: CeleryProcess;
    let events: CeleryEvents;
    const heard: CeleryEvent[] = [];

    beforeAll(async () => {
      broker = await kind.start();
      engine = broker.engine({
        hostname: me,
        sentEvents: true,
        tasks: { "ts.add": { positional: ["x", "y"] } },
      });
      const app = new Petiole({
        engine,
        defaults: { queue: "ts", retry: { attempts: 2, delay: 10, jitter: 0 } },
      });
      app.task("ts.add", ({ x, y }: { x: number; y: number }) => x + y);
      app.task("ts.fail", () => {
        throw new TypeError("it's broken");
      });
      worker = app.worker({ queues: ["ts"], watchdog: false, logger: quiet });
      dump = startDump(broker.places);
      [flower, python, client] = await Promise.all([
        startFlower(broker.places),
        startCeleryWorker(broker.places),
        startSiteClient(broker.places),
        worker.start(),
      ]);
      events = celeryEvents({ broker: broker.source() });
      void (async () => {
        for await (const event of events) heard.push(event);
      })();
      await events.ready();
      // What tells is told to by then.
      await eventually(() => expect(dump.said()).toContain(`${me} [`));
    }, 60_000);

    afterAll(async () => {
      await Promise.all([events?.close(), flower?.stop(), dump?.stop()]);
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await Promise.all([client?.stop(), python?.stop()]);
      await broker?.close();
    }, 60_000);

    /** Waits for a line of `celery events` about our worker. */
    const dumped = async (line: string): Promise<void> => {
      await expect.poll(() => dump.said()).toMatch(new RegExp(`${me} \\[[^\\]]*\\] ${line}`));
    };
    const types = (id: string): string[] =>
      heard.filter((event) => isTaskEvent(event) && event.id === id).map(({ type }) => type);

    test("a task of ours is shown by celery events, by Flower and by us", async () => {
      // Flower, and we, have asked for them.
      await expect
        .poll(
          async () => {
            await client.value('call("ts.add", 1, 1)');
            return heard.some(({ type, worker }) => type === "task-succeeded" && worker === me);
          },
          { timeout: 15_000 },
        )
        .toBe(true);
      const { plain } = await client.outcome(
        'globals().update(r=app.send_task("ts.add", (2, 3))) or (r.get(timeout=10), r.id)[1]',
      );
      const id = plain as string;
      await expect.poll(() => types(id)).toEqual(["task-received", "task-started", "task-succeeded"]);
      expect(events.state.task(id)).toMatchObject({
        name: "ts.add",
        state: "SUCCESS",
        worker: me,
        result: "5",
        args: "(2, 3)",
        runtime: expect.any(Number),
      });
      await expect
        .poll(() => dump.said())
        .toMatch(new RegExp(`${me} \\[.*task succeeded: ts.add\\(${id}\\) args=\\(2, 3\\)`));
      await expect
        .poll(async () => (await flower.get(`/api/tasks?limit=100`))?.[id], { timeout: 10_000 })
        .toMatchObject({ name: "ts.add", state: "SUCCESS", worker: me, args: "(2, 3)", result: "5" });
      expect(await flower.get(`/api/task/info/${id}`)).toMatchObject({ state: "SUCCESS", uuid: id });
    });

    test("a failure has its class and trace, and each attempt is told", async () => {
      const { plain } = await client.outcome('send("ts.fail")');
      const id = plain as string;
      await expect
        // The next attempt may be taken before it is told that there will be one.
        .poll(() => types(id).toSorted(), { timeout: 20_000 })
        .toEqual([
          "task-failed",
          "task-received",
          "task-received",
          "task-retried",
          "task-started",
          "task-started",
        ]);
      await expect
        .poll(async () => (await flower.get(`/api/tasks`))?.[id], { timeout: 10_000 })
        .toMatchObject({
          state: "FAILURE",
          exception: `TypeError("it's broken")`,
          traceback: expect.stringContaining("TypeError: it's broken"),
          retries: 1,
        });
      for (const type of ["retried", "failed"])
        await dumped(
          String.raw`task ${type}: ts\.fail\(${id}\).* exception=TypeError\("it's broken"\).* traceback=TypeError`,
        );
    });

    test("a revoked task is told of", async () => {
      await client.value(
        'app.control.revoke("called-off", destination=["mailer@ours"], reply=True, timeout=2)',
      );
      await client.value('send("ts.add", 1, 2, task_id="called-off")');
      await expect.poll(() => types("called-off")).toEqual(["task-revoked"]);
      await expect
        .poll(async () => (await flower.get(`/api/tasks`))?.["called-off"], { timeout: 10_000 })
        .toMatchObject({ state: "REVOKED" });
      await dumped("task revoked: .*expired=False, .*signum=None, .*terminated=False");
    });

    test("a message that cannot be read is told of as rejected", async () => {
      await client.value('send("ts.add", 1, 2, task_id="odd", headers={"retries": "many"})');
      await expect.poll(() => types("odd")).toEqual(["task-rejected"]);
      await dumped("task rejected: .*requeue=False");
      await expect
        .poll(async () => (await flower.get(`/api/tasks`))?.["odd"])
        .toMatchObject({ state: "REJECTED", worker: me });
    });

    test("Flower has our worker, with its tasks and queues, and the page of it", async () => {
      await expect
        .poll(async () => (await flower.get("/api/workers?status=1"))?.[me], { timeout: 10_000 })
        .toBe(true);
      const workers = await flower.get(`/api/workers?refresh=1&workername=${me}`);
      expect(workers?.[me]).toMatchObject({
        registered: ["ts.add", "ts.fail"],
        active_queues: [{ name: "ts" }],
        stats: { pid: process.pid, pool: { "max-concurrency": 10 } },
        active: [],
      });
    });

    test("what we send is told, too", async () => {
      const sender = new Petiole({ engine, defaults: { queue: "celery" } });
      const add = sender.task<{ x: number; y: number }, number>("tasks.add");
      const handle = await add.enqueue({ x: 1, y: 2 });
      expect(await handle.result({ timeout: 10_000 })).toBe(3);
      await expect
        .poll(() => types(handle.id), { timeout: 10_000 })
        .toEqual(expect.arrayContaining(["task-sent", "task-received", "task-started", "task-succeeded"]));
      expect(events.state.task(handle.id)).toMatchObject({
        name: "tasks.add",
        state: "SUCCESS",
        result: "3",
      });
      const named = await add.enqueue(
        { x: 1, y: 3 },
        celeryOptions({ exchange: "celery", routingKey: "celery" }),
      );
      expect(await named.result({ timeout: 10_000 })).toBe(4);
      const sentBy = (task: string): unknown =>
        heard.find((event) => isTaskEvent(event) && event.type === "task-sent" && event.id === task)?.fields;
      expect(sentBy(handle.id)).toMatchObject({ queue: "celery", exchange: "", routing_key: "celery" });
      await expect
        .poll(() => sentBy(named.id))
        .toMatchObject({ queue: "celery", exchange: "celery", routing_key: "celery" });
    });

    test("our dashboard knows both workers, and who has left", async () => {
      const known = (): unknown[] =>
        events.state
          .workers()
          .map(({ name, isAlive, software }) => [name === me ? me : "theirs", isAlive, software]);
      await expect.poll(known, { timeout: 10_000 }).toEqual(
        expect.arrayContaining([
          [me, true, expect.stringContaining("petiole")],
          ["theirs", true, "py-celery 5.6.3"],
        ]),
      );
      await worker.stop();
      await expect.poll(known, { timeout: 20_000 }).toContainEqual([me, false, expect.anything()]);
      await expect.poll(() => dump.said(), { timeout: 20_000 }).toContain(`${me} [`);
      expect(dump.said()).toMatch(new RegExp(`${me} \\[[^\\]]*\\] shutdown`));
      // Nobody is there to answer.
      const { out } = await runCelery(broker.places, ["inspect", "--timeout", "1", "ping"]);
      expect(out).not.toContain(me);
      const again = new Petiole({ engine, defaults: { queue: "ts" } });
      again.task("ts.add", ({ x, y }: { x: number; y: number }) => x + y);
      worker = again.worker({ queues: ["ts"], watchdog: false, logger: quiet });
      await worker.start();
      await expect.poll(known, { timeout: 20_000 }).toContainEqual([me, true, expect.anything()]);
    });

    test("events of nobody's are left alone, and counted", async () => {
      const before = events.ignored;
      for (const odd of [
        "[1]",
        "{}",
        '{"type": 7}',
        '{"type": "task-started", "hostname": "x", "timestamp": 1}',
        '[{"type": "x"}]',
      ])
        await client.value(`send_event(json.loads('${odd}'))`);
      await expect.poll(() => events.ignored - before, { timeout: 20_000 }).toBe(5);
      await client.value(
        'send_event({"type": "shop-opened", "hostname": "till", "timestamp": 1.5, "door": 3})',
      );
      await expect
        .poll(() => heard.find(({ type }) => type === "shop-opened"))
        .toMatchObject({ worker: "till", at: 1500, fields: { door: 3 } });
    });
  });
}

/** One queue, two kinds of programs: ours, and those that use pg-boss itself. */
import { PgBoss } from "pg-boss";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import { missing, start } from "../../../test/engines/pg-boss.ts";
import type { Engine } from "../../engine.ts";
import { Petiole } from "../../index.ts";
import {
  assertRecord,
  claim,
  claimOne,
  claimWhenReady,
  eventually,
  find,
  ids,
  outgoing,
  pause,
  reason,
  soon,
} from "../../testing/engine-contract/case.ts";
import { pgBoss } from "../pg-boss.ts";

const queue = "reports";
const adopts = (name: string): boolean => name === queue;
const id = "0198c0de-0000-7000-8000-000000000001";

describe.skipIf(missing !== undefined)("pg-boss: jobs of others", () => {
  let store: EngineStore;
  let url: string;
  let boss: PgBoss;
  let engine: Engine;

  beforeAll(async () => {
    store = await start();
  }, 60_000);
  afterAll(() => store?.close(), 60_000);

  beforeEach(async () => {
    ({ url } = (await store.fresh()) as { url: string });
    boss = await bossOn(url);
    await boss.createQueue(queue);
    engine = pgBoss(boss);
  });

  afterEach(async () => {
    await engine.close();
    await boss.stop({ graceful: false });
  });

  const jobOf = async (jobId = id) => (await boss.findJobs<unknown>(queue, { id: jobId }))[0];
  const ours = (payload: string) => outgoing(id, { queue, task: "report", payload });

  describe("read", () => {
    test("a job that was sent without us is left alone, unless the worker has a task of its queue's name", async () => {
      const job = await boss.send(queue, { page: 7 });
      expect(await claim(engine, { queues: [queue] })).toEqual([]);
      expect(await claim(engine, { queues: [queue], adopts: () => false })).toEqual([]);
      expect((await jobOf(job!))?.state).toBe("created");
      const delivery = await claimOne(engine, { queues: [queue], adopts });
      expect(delivery.message).toEqual({
        id: job,
        task: queue,
        queue,
        payload: '{"page":7}',
        headers: { wire: 0 },
      });
      expect(await claim(engine, { queues: [queue], adopts })).toEqual([]);
    });

    test("it ends as pg-boss's jobs do", async () => {
      const jobs = await boss.insert(queue, [{ data: { n: 1 } }, { data: { n: 2 } }, { data: { n: 3 } }], {
        returnId: true,
      });
      const deliveries = await claim(engine, { queues: [queue], adopts, limit: 3 });
      expect(new Set(ids(deliveries))).toEqual(new Set(jobs));
      const [one, two, three] = deliveries.map(({ lease }) => lease);
      await engine.settle([
        { kind: "complete", lease: one!, result: '{"words":3}' },
        { kind: "fail", lease: two!, reason },
        { kind: "retryAt", lease: three!, at: Date.now() + 60_000, reason },
      ]);
      expect(await jobOf(one!.id)).toMatchObject({ state: "completed", output: { words: 3 } });
      expect(await jobOf(two!.id)).toMatchObject({ state: "failed", output: { code: "ERR_TEST" } });
      const again = await jobOf(three!.id);
      expect(again).toMatchObject({ state: "retry" });
      expect(again!.startAfter.getTime()).toBeGreaterThan(Date.now() + 50_000);
      assertRecord(await engine.find(two!.id), { state: "failed", attempts: 1, reason });
    });

    test("comes in its priority's and time's place, among ours", async () => {
      const before = await boss.send(queue, { n: 1 });
      await pause(5);
      await engine.send([ours("1")]);
      await pause(5);
      const after = await boss.send(queue, { n: 3 });
      const urgent = await boss.send(queue, { n: 0 }, { priority: 5 });
      const later = await boss.send(queue, { n: 4 }, { startAfter: 60 });
      const claimed = ids(await claim(engine, { queues: [queue], adopts, limit: 9 }));
      expect(claimed).toEqual([urgent, before, id, after]);
      expect(claimed).not.toContain(later);
    });

    test("wakes a worker, at once where pg-boss notifies", async () => {
      await boss.stop({ graceful: false });
      boss = await bossOn(url, { useListenNotify: true });
      await boss.updateQueue(queue, { notify: true });
      engine = pgBoss(boss, { pollInterval: 60_000 });
      await claim(engine, { queues: [queue], adopts });
      await pause(300); // until it listens
      const claimed = claimWhenReady(engine, { queues: [queue], adopts });
      await pause(50);
      const job = await boss.send(queue, { n: 1 });
      expect((await claimed).message.id).toBe(job);
    });

    test("leaves alone what is in a queue with a policy, and what waits for other jobs", async () => {
      await boss.createQueue("single", { policy: "singleton" });
      await boss.send("single", { n: 1 });
      expect(await claim(engine, { queues: ["single"], adopts: () => true })).toEqual([]);
      await boss.flow([
        { ref: "first", name: queue, data: { n: 1 } },
        { ref: "second", name: queue, data: { n: 2 }, dependsOn: ["first"] },
      ]);
      const [first, ...others] = await claim(engine, { queues: [queue], adopts, limit: 9 });
      expect(others).toEqual([]);
      expect(first?.message.payload).toBe('{"n":1}');
      await engine.settle([{ kind: "complete", lease: first!.lease, result: "null" }]);
      await boss.resolveFlow();
      const second = await claimOne(engine, { queues: [queue], adopts });
      expect(second.message.payload).toBe('{"n":2}');
    });

    test("through an app: the task gets the data, and its result is the job's output", async () => {
      const app = new Petiole({ engine });
      app.task<{ page: number }, { words: number }>(queue).run(({ page }) => ({ words: page * 10 }));
      const worker = app.worker({ queues: [queue], watchdog: false });
      await worker.start();
      const job = await boss.send(queue, { page: 4 });
      await eventually(async () => (await jobOf(job!))?.state === "completed", "the job's end");
      expect((await jobOf(job!))?.output).toEqual({ words: 40 });
      await worker.stop();
    });
  });

  describe("write", () => {
    test("pg-boss's own worker gets the payload as its data, and the record follows its end", async () => {
      await engine.send([ours('{"page":7,"by":"Ada"}')]);
      const got: unknown[] = [];
      const end = engine.ended(id);
      await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async ([job]) => {
        got.push(job!.data, (await find(engine, id)).state);
        return { words: 3 };
      });
      const record = await soon(end, "its end");
      expect(got).toEqual([{ page: 7, by: "Ada" }, "running"]);
      assertRecord(record, { state: "succeeded", result: '{"words":3}' });
      expect(await claim(engine, { queues: [queue] })).toEqual([]);
    });

    test("what fails in a worker of pg-boss's own is retried as its queue says, then failed for us too", async () => {
      await boss.updateQueue(queue, { retryLimit: 1, retryDelay: 0 });
      await engine.send([ours("{}")]);
      let runs = 0;
      await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async () => {
        runs += 1;
        throw new Error("no ink");
      });
      const record = await soon(engine.ended(id), "its end");
      expect(runs).toBe(2);
      assertRecord(record, { state: "failed" });
      expect(record?.reason).toMatchObject({
        code: "ERR_TASK_FAILED",
        message: expect.stringContaining("no ink"),
      });
      await boss.offWork(queue);
      expect(await engine.retry([id])).toBe(1);
      const delivery = await claimOne(engine, { queues: [queue] });
      expect(delivery.message.payload).toBe("{}");
    });

    test("cannot be taken by both", async () => {
      await engine.send([ours("{}")]);
      const [fetched] = await boss.fetch(queue);
      expect(await claim(engine, { queues: [queue], limit: 9 })).toEqual([]);
      await boss.fail(queue, fetched!.id, { message: "not mine" });
      await eventually(async () => (await find(engine, id)).state !== "running", "the return");
      const { lease } = await claimOne(engine, { queues: [queue] });
      expect(await boss.fetch(queue)).toEqual([]);
      // The one that had it before is fenced by pg-boss itself, as every claim of ours counts for it.
      await boss.complete(queue, { id: fetched!.id, retryCount: 0 });
      assertRecord(await engine.find(id), { state: "running" });
      expect(await engine.settle([{ kind: "complete", lease, result: "1" }])).toEqual([true]);
    });

    test("a task in a lane is for our workers alone, who hold to its limits", async () => {
      await engine.send([{ ...ours("{}"), lane: "printers" }]);
      expect(await boss.fetch(queue)).toEqual([]);
      expect((await jobOf())?.blocked).toBe(true);
      await claimOne(engine, { queues: [queue] });
    });

    test("pg-boss's notify wakes its workers", async () => {
      await boss.updateQueue(queue, { notify: true });
      const other = await bossOn(url, { useListenNotify: true });
      try {
        const got = new Promise((resolve) => {
          void other.work(
            queue,
            { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 60 } as object,
            async ([job]) => resolve(job!.id),
          );
        });
        await pause(700);
        await engine.send([ours("{}")]);
        expect(await soon(got as Promise<string>, "the job")).toBe(id);
      } finally {
        await other.stop({ graceful: false });
      }
    });
  });

  describe("through pg-boss's own methods, as its dashboard does it", () => {
    test("a job is readable, in every state", async () => {
      await engine.send([{ ...ours('{"b":1,"a":{"c":[true,null]}}'), priority: 3 }]);
      expect(await jobOf()).toMatchObject({
        id,
        name: queue,
        data: { b: 1, a: { c: [true, null] } },
        priority: 3,
        state: "created",
      });
      const { lease } = await claimOne(engine, { queues: [queue] });
      expect(await jobOf()).toMatchObject({ state: "active" });
      expect((await jobOf())?.startedOn).toBeInstanceOf(Date);
      await engine.settle([{ kind: "complete", lease, result: '{"words":3}' }]);
      expect(await jobOf()).toMatchObject({ state: "completed", output: { words: 3 } });
      expect((await jobOf())?.completedOn).toBeInstanceOf(Date);
      expect(await boss.getQueueStats(queue, { force: true } as object)).toBeTruthy();
      expect(await boss.findJobs(queue, { data: { b: 1 } })).toHaveLength(1);
    });

    test("names that pg-boss would not take are written so that it does", async () => {
      await engine.send([outgoing("a", { queue: "my queue", payload: '"x"' })]);
      const [job] = await boss.findJobs("my..0020queue");
      expect(job?.data).toBe("x");
      expect((await find(engine, "a")).message.queue).toBe("my queue");
    });

    test("cancel, resume, retry and delete have their effect", async () => {
      await engine.send([ours("{}")]);
      await boss.cancel(queue, id);
      assertRecord(await engine.find(id), { state: "cancelled" });
      await boss.resume(queue, id);
      assertRecord(await engine.find(id), { state: "waiting" });
      const first = await claimOne(engine, { queues: [queue] });
      await boss.cancel(queue, id);
      expect(await engine.extend([first.lease], 30_000)).toEqual([first.lease]);
      expect(await engine.settle([{ kind: "complete", lease: first.lease, result: "1" }])).toEqual([false]);
      assertRecord(await engine.find(id), { state: "cancelled" });
      await engine.retry([id]);
      const second = await claimOne(engine, { queues: [queue] });
      await engine.settle([{ kind: "fail", lease: second.lease, reason }]);
      await boss.retry(queue, id);
      assertRecord(await engine.find(id), { state: "waiting" });
      await boss.deleteJob(queue, id);
      expect(await engine.find(id)).toBeUndefined();
      expect(await soon(engine.ended(id), "the answer")).toBeUndefined();
      expect(await engine.counts()).toEqual([]);
      await engine.send([outgoing("known", { queue }), ours("{}")]);
      expect(ids(await claim(engine, { queues: [queue], limit: 3 }))).toEqual(["known", id]);
    });

    test("a queue that is deleted takes its tasks with it, and the next send makes it anew", async () => {
      await engine.send([ours("{}")]);
      await boss.deleteQueue(queue);
      expect(await engine.find(id)).toBeUndefined();
      expect(await engine.counts()).toEqual([]);
      await engine.send([ours("{}")]);
      expect((await claimOne(engine, { queues: [queue] })).message.id).toBe(id);
    });

    test("a dead letter queue gets nothing from our workers", async () => {
      await boss.createQueue("dead");
      await boss.updateQueue(queue, { deadLetter: "dead" });
      await engine.send([ours("{}")]);
      const job = await boss.send(queue, {});
      for (const { lease } of await claim(engine, { queues: [queue], adopts, limit: 2 }))
        await engine.settle([{ kind: "fail", lease, reason }]);
      assertRecord(await engine.find(id), { state: "failed" });
      expect((await jobOf(job!))?.state).toBe("failed");
      expect(await boss.findJobs("dead")).toEqual([]);
    });
  });

  describe("pg-boss's maintenance", () => {
    test("takes no task of ours for expired, late or old", async () => {
      // One second for everything.
      await boss.updateQueue(queue, {
        expireInSeconds: 1,
        heartbeatSeconds: 10,
        retentionSeconds: 1,
        deleteAfterSeconds: 1,
      });
      await engine.send([
        ours("{}"),
        outgoing("waits", { queue }),
        outgoing("scheduled", { queue }, 3_600_000),
        outgoing("failed", { queue }),
        outgoing("parked", { queue }),
        outgoing("done", { queue }),
      ]);
      await engine.pause("other");
      const claimed = await claim(engine, { queues: [queue], limit: 5 });
      const leases = new Map(claimed.map(({ message, lease }) => [message.id, lease]));
      await engine.settle([
        { kind: "release", lease: leases.get("waits")! },
        { kind: "fail", lease: leases.get("failed")!, reason },
        { kind: "park", lease: leases.get("parked")!, reason },
        { kind: "complete", lease: leases.get("done")!, result: "1" },
      ]);
      await pause(2200);
      const maintaining = await bossOn(url, { monitorIntervalSeconds: 1, maintenanceIntervalSeconds: 1 });
      try {
        await maintaining.supervise(queue);
        await maintaining.supervise();
      } finally {
        await maintaining.stop({ graceful: false });
      }
      const states = (await engine.list({})).records.map(({ message, state }) => [message.id, state]);
      expect(states).toEqual([
        [id, "running"],
        ["waits", "waiting"],
        ["scheduled", "scheduled"],
        ["failed", "failed"],
        ["parked", "parked"],
        ["done", "succeeded"],
      ]);
      expect(await engine.settle([{ kind: "complete", lease: leases.get(id)!, result: "1" }])).toEqual([
        true,
      ]);
    });

    test("removes what has ended when its time has come, and what lies beside it goes too", async () => {
      await engine.send([ours("{}")]);
      const { lease } = await claimOne(engine, { queues: [queue] });
      await engine.settle([{ kind: "complete", lease, result: "1", keep: 1000 }]);
      expect(await jobOf()).toMatchObject({ deleteAfterSeconds: 1 });
      await engine.close(); // so that only pg-boss sweeps
      await pause(2100);
      const maintaining = await bossOn(url, { maintenanceIntervalSeconds: 1 });
      await maintaining.supervise(queue);
      await maintaining.stop({ graceful: false });
      expect(await jobOf()).toBeUndefined();
      engine = pgBoss(boss);
      expect(await engine.find(id)).toBeUndefined();
      const { rows } = await boss.getDb().executeSql("SELECT pgboss_petiole.sweep(100, 0)");
      expect(rows).toHaveLength(1);
      const left = await boss.getDb().executeSql("SELECT count(*)::int AS count FROM pgboss_petiole.task");
      expect(left.rows).toEqual([{ count: 0 }]);
    });
  });
});

async function bossOn(connectionString: string, options: object = {}): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString,
    supervise: false,
    schedule: false,
    migrate: false,
    ...options,
  });
  boss.on("error", () => {});
  await boss.start();
  return boss;
}

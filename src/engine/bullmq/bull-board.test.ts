/** Our tasks as people see them: in bull-board, and by BullMQ's own Queue. */
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { Queue } from "bullmq";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missing, open, start, type BullmqConfig } from "../../../test/engines/bullmq.ts";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import type { Engine, Settlement } from "../../engine.ts";

/** What a server adapter of bull-board's is given. */
interface Route {
  readonly method: string | readonly string[];
  readonly route: string | readonly string[];
  readonly handler: (request: object) => Promise<{ body: unknown }>;
}

describe.skipIf(missing !== undefined)("our tasks in bull-board", () => {
  let store: EngineStore;
  let engine: Engine;
  let queue: Queue;
  beforeAll(async () => {
    store = await start();
    engine = open(store.config);
    const { port, prefix } = store.config as unknown as BullmqConfig;
    queue = new Queue("mail", { connection: { port }, prefix });
  });
  afterAll(async () => {
    await queue.close();
    await engine.close();
    await store.close();
  });

  test("are listed in their states, with data, progress, results, reasons and logs", async () => {
    const send = (id: string, runAt = 0): Promise<unknown> =>
      engine.send([
        {
          message: { id, task: "welcome", queue: "mail", payload: `{"to":"${id}"}`, headers: { wire: 1 } },
          runAt,
        },
      ]);
    const request = { queues: ["mail"], limit: 1, lease: 30_000, worker: "w" };
    const reason = { code: "ERR_X", message: "no such address", details: { stack: "Error: no\n  at f" } };
    const ends: readonly ((lease: Settlement["lease"]) => Settlement)[] = [
      (lease) => ({ kind: "complete", lease, result: '{"sent":true}' }),
      (lease) => ({ kind: "fail", lease, reason }),
      (lease) => ({ kind: "skip", lease, reason }),
    ];
    for (const [index, end] of ends.entries()) {
      await send(`ended-${index}`);
      const [delivery] = await engine.claim(request);
      await engine.report(delivery!.lease, {
        progress: { fraction: 0.5, note: "half" },
        lines: [{ at: 0, text: "began" }],
      });
      await engine.settle([end(delivery!.lease)]);
    }
    await send("runs-1");
    await engine.claim(request);
    await send("waits-1");
    await send("later-1", Date.now() + 3_600_000);

    let routes: readonly Route[] = [];
    const adapter = {
      setQueues: (queues: unknown) => {
        adapter.queues = queues;
        return adapter;
      },
      setViewsPath: () => adapter,
      setStaticPath: () => adapter,
      setEntryRoute: () => adapter,
      setErrorHandler: () => adapter,
      setApiRoutes: (given: readonly Route[]) => {
        routes = given;
        return adapter;
      },
      setUIConfig: () => adapter,
      queues: undefined as unknown,
    };
    createBullBoard({
      queues: [new BullMQAdapter(queue)],
      serverAdapter: adapter as never,
      options: { uiBasePath: "node_modules/@bull-board/ui" } as never,
    });
    const list = routes.find(({ route }) => [route].flat().includes("/api/queues"))!;
    const jobsIn = async (status: string): Promise<Record<string, unknown>[]> => {
      const { body } = await list.handler({
        queues: adapter.queues,
        query: { activeQueue: "mail", status, page: "1", jobsPerPage: "10" },
        params: {},
        headers: {},
      });
      const { queues } = body as { queues: { counts: object; jobs: Record<string, unknown>[] }[] };
      expect(queues[0]!.counts).toMatchObject({
        completed: 1,
        failed: 2,
        active: 1,
        prioritized: 1,
        delayed: 1,
        waiting: 0,
      });
      return queues[0]!.jobs;
    };
    expect(await jobsIn("completed")).toMatchObject([
      {
        id: "ended-0",
        name: "welcome",
        data: { to: "ended-0" },
        returnValue: { sent: true },
        progress: { fraction: 0.5, note: "half" },
      },
    ]);
    const failed = await jobsIn("failed");
    expect(failed.find(({ id }) => id === "ended-1")).toMatchObject({
      failedReason: "no such address",
      stacktrace: ["Error: no\n  at f"],
      attempts: 1,
    });
    expect(failed.find(({ id }) => id === "ended-2")).toMatchObject({
      failedReason: "skipped: no such address",
    });
    expect(await jobsIn("active")).toMatchObject([{ id: "runs-1", data: { to: "runs-1" } }]);
    expect(await jobsIn("prioritized")).toMatchObject([{ id: "waits-1" }]);
    expect(await jobsIn("delayed")).toMatchObject([{ id: "later-1" }]);
    expect((await queue.getJobLogs("ended-0")).logs).toEqual(["1970-01-01T00:00:00.000Z began"]);
    expect(await queue.getJobState("runs-1")).toBe("active");
  });
});

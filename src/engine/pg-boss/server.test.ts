/** The server: one that is not as it should be, goes away, or loses its clients. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { Client, Pool } from "pg";
import { PgBoss } from "pg-boss";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import { missing, open, start } from "../../../test/engines/pg-boss.ts";
import type { Engine } from "../../engine.ts";
import { Petiole } from "../../index.ts";
import {
  assertRecord,
  claim,
  claimOne,
  claimWhenReady,
  eventually,
  ids,
  outgoing,
  pause,
  send,
  soon,
} from "../../testing/engine-contract/case.ts";
import { pgBoss } from "../pg-boss.ts";

describe.skipIf(missing !== undefined)("pg-boss: the server", () => {
  let store: EngineStore;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    store = await start({ durable: true });
  }, 60_000);
  afterAll(() => store?.close(), 60_000);
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  const fresh = async (): Promise<string> => ((await store.fresh()) as { url: string }).url;
  const use = (engine: Engine): Engine => {
    closing.push(() => engine.close());
    return engine;
  };
  const poolOn = (connectionString: string, options: object = {}): Pool => {
    const pool = new Pool({ connectionString, ...options });
    pool.on("error", () => {});
    closing.push(() => pool.end());
    return pool;
  };
  const run = async (url: string, text: string): Promise<unknown[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };

  describe("a pool in place of an instance", () => {
    test("does all that an instance does, and hears of others at once", async () => {
      const url = await fresh();
      const sender = use(pgBoss(poolOn(url)));
      const worker = use(pgBoss(poolOn(url), { pollInterval: 60_000 }));
      await worker.open();
      const claimed = claimWhenReady(worker);
      await pause(50);
      await send(sender, "1");
      const { lease, message } = await claimed;
      expect(message.id).toBe("1");
      const end = sender.ended("1");
      await pause(50);
      await worker.settle([{ kind: "complete", lease, result: "7" }]);
      assertRecord(await soon(end, "its end"), { state: "succeeded", result: "7" });
    });

    test("looks by itself where it cannot listen", async () => {
      const url = await fresh();
      // One connection, which works: none is left to listen.
      const pool = poolOn(url, { max: 1, connectionTimeoutMillis: 100 });
      const busy = {
        query: pool.query.bind(pool),
        connect: () => Promise.reject(new Error("no")),
        totalCount: 0,
      };
      const worker = use(pgBoss(busy as unknown as Pool));
      const claimed = claimWhenReady(worker);
      await pause(50);
      await send(use(pgBoss(poolOn(url))), "1");
      expect((await claimed).message.id).toBe("1");
    });

    test("of one connection works", async () => {
      const engine = use(pgBoss(poolOn(await fresh(), { max: 1 }), { timeout: 2000 }));
      await send(engine, "1");
      expect((await claimWhenReady(engine)).message.id).toBe("1");
    });

    test("hears of jobs of others on the same connection", async () => {
      const url = await fresh();
      const pool = poolOn(url, { max: 2 });
      const engine = use(pgBoss(pool, { timeout: 2000, pollInterval: 60_000 }));
      const request = { queues: ["theirs"], limit: 1, lease: 30_000, worker: "w", adopts: () => true };
      expect(await engine.claim(request)).toEqual([]);
      await pause(50);
      expect(pool.totalCount - pool.idleCount).toBe(1);
      const heard = new Promise<void>((resolve) => {
        const stop = engine.onReady(["theirs"], resolve);
        closing.push(async () => stop());
      });
      const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
      closing.push(() => boss.stop({ graceful: false }));
      await boss.start();
      await boss.createQueue("theirs", { notify: true });
      await boss.send("theirs", { n: 1 });
      await soon(heard, "a notice of pg-boss's");
      expect(await engine.claim(request)).toHaveLength(1);
    });

    test("gives the connection back on which it listened", async () => {
      const pool = poolOn(await fresh());
      const engine = pgBoss(pool);
      await engine.open();
      expect(pool.totalCount - pool.idleCount).toBe(1);
      await engine.close();
      expect(pool.totalCount - pool.idleCount).toBe(0);
    });
  });

  describe("refuses", () => {
    test("a database without pg-boss", async () => {
      const admin = new URL(await fresh());
      admin.pathname = "/postgres";
      await expect(use(pgBoss(poolOn(admin.href))).open()).rejects.toMatchObject({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringContaining('no pg-boss in the schema "pgboss"'),
      });
    });

    test.each([42, 44])("a schema of pg-boss's of version %i", async (version) => {
      const url = await fresh();
      await run(url, `UPDATE pgboss.version SET version = ${version}`);
      await expect(use(pgBoss(poolOn(url))).send([outgoing("1")])).rejects.toMatchObject({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringContaining(`version ${version}`),
      });
    });

    test("a schema of ours of another version", async () => {
      const url = await fresh();
      await run(url, "UPDATE pgboss_petiole.meta SET version = version + 1");
      await expect(use(pgBoss(poolOn(url))).open()).rejects.toMatchObject({ code: "ERR_ENGINE_UNSUPPORTED" });
    });

    test("transactions that would not see what others commit", async () => {
      const url = await fresh();
      const pool = poolOn(url, { options: "-c default_transaction_isolation=serializable" });
      await expect(use(pgBoss(pool)).open()).rejects.toMatchObject({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringContaining("serializable"),
      });
    });

    test("an instance that was not started, and opens once it is", async () => {
      const boss = new PgBoss({ connectionString: await fresh(), supervise: false, schedule: false });
      closing.push(() => boss.stop({ graceful: false }));
      const engine = use(pgBoss(boss));
      await expect(engine.open()).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
      await boss.start();
      await engine.open();
    });

    test("a server that does not answer, in bounded time", async () => {
      const server = createServer(() => {}).listen(0, "127.0.0.1");
      await once(server, "listening");
      closing.push(async () => server.close());
      const { port } = server.address() as { port: number };
      const client = pgBoss(new Pool({ host: "127.0.0.1", port, user: "nobody" }), { timeout: 200 });
      const before = performance.now();
      await expect(client.find("1")).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
      expect(performance.now() - before).toBeLessThan(2000);
    });

    test("a server that is not there", async () => {
      const engine = pgBoss(new Pool({ host: "127.0.0.1", port: 1 }));
      await expect(engine.send([outgoing("1")])).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
      await engine.close();
    });
  });

  test("is back after its connections died without a word, as with a fail-over", async () => {
    const direct = await fresh();
    const url = new URL(direct);
    const target = { host: url.hostname, port: Number(url.port) };
    const open = new Set<Socket>();
    const proxy = createServer((near) => {
      const far = connect(target);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        open.add(from);
        from.on("data", (data) => open.has(from) && to.write(data)).on("error", () => {});
        from.on("close", () => open.has(from) && to.destroy());
      }
      closing.push(async () => (near.destroy(), far.destroy()));
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    closing.push(async () => proxy.close());
    url.hostname = "127.0.0.1";
    url.port = String((proxy.address() as { port: number }).port);
    const pool = poolOn(url.href, { max: 3 });
    const engine = use(pgBoss(pool, { timeout: 1000, maxSilence: 1500, pollInterval: 60_000 }));
    await engine.send([outgoing("1"), outgoing("2")]);
    const { lease } = await claimOne(engine);
    await Promise.all([engine.find("1"), engine.find("2")]);
    expect(pool.totalCount).toBe(3);
    let woken = 0;
    const stop = engine.onReady(["other"], () => (woken += 1));
    closing.push(async () => stop());
    // From now on nothing comes through them, neither way. New ones work.
    open.clear();
    const before = woken;
    await expect(Promise.all([engine.find("1"), engine.find("2")])).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
    });
    await eventually(async () => engine.find("1").then(Boolean, () => false), "finding a task", 15_000);
    expect(await engine.settle([{ kind: "complete", lease, result: "1" }])).toEqual([true]);
    // The connection on which it listened is another as well, since a lease could not be renewed.
    await eventually(() => woken > before, "looking for what was missed", 15_000);
    const again = woken;
    await use(pgBoss(poolOn(direct))).send([outgoing("3", { queue: "other" })]);
    await eventually(() => woken > again, "hearing of others again", 15_000);
    await eventually(() => pool.totalCount <= 3, "no connection left over");
  }, 40_000);

  test("leaves connections that take no writes, as those to a server that was made a standby", async () => {
    const direct = await fresh();
    const database = `"${new URL(direct).pathname.slice(1)}"`;
    const beside = new URL("/postgres", direct).href;
    const pool = poolOn(direct, { max: 4 });
    const engine = use(pgBoss(pool, { timeout: 1000, maxSilence: 1000, pollInterval: 50 }));
    await engine.send([outgoing("1")]);
    const listeners = (): Promise<unknown[]> =>
      run(
        direct,
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'",
      );
    await run(beside, `ALTER DATABASE ${database} SET default_transaction_read_only = on`);
    await run(
      direct,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    await eventually(async () => (await listeners()).length === 1, "listening again", 15_000);
    await expect(engine.send([outgoing("2")])).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
      message: expect.stringContaining("read-only"),
    });
    // Connections that are there stay as they are; new ones take writes.
    await run(beside, `ALTER DATABASE ${database} RESET ALL`);
    const takes = (): Promise<boolean> =>
      claim(engine, { lease: 30_000 }).then(
        ({ length }) => length === 1,
        () => false,
      );
    await eventually(takes, "claiming again", 15_000);
    // Its lease is renewed on the connection that listens.
    await pause(2500);
    expect(await claim(use(pgBoss(poolOn(direct))))).toEqual([]);
  }, 30_000);

  test("creates its schema once, however many begin at once, for whichever schema pg-boss has", async () => {
    const url = await fresh();
    const boss = new PgBoss({
      connectionString: url,
      schema: '"My Jobs"',
      supervise: false,
      schedule: false,
    });
    await boss.start();
    await boss.stop({ graceful: false });
    const engines = [0, 1, 2, 3].map(() => use(pgBoss(poolOn(url), { schema: '"My Jobs"' })));
    await Promise.all(engines.map((engine, index) => engine.send([outgoing(`${index}`)])));
    expect(ids(await claim(engines[0]!, { limit: 9 })).toSorted()).toEqual(["0", "1", "2", "3"]);
    // Next to another, which knows nothing of it.
    expect((await use(pgBoss(poolOn(url))).list({})).records).toEqual([]);
  });

  test("refuses a priority that pg-boss has no room for, and nothing beside it", async () => {
    const engine = use(pgBoss(poolOn(await fresh())));
    for (const priority of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN]) {
      const [refused, sent] = await Promise.allSettled([
        engine.send([{ ...outgoing("1"), priority }]),
        engine.send([outgoing(`beside ${priority}`)]),
      ]);
      expect(refused).toMatchObject({ status: "rejected", reason: { code: "ERR_OPTION_INVALID" } });
      expect(sent).toMatchObject({ status: "fulfilled" });
    }
    await engine.send([{ ...outgoing("1"), priority: 2 ** 31 - 1 }]);
    expect(ids(await claim(engine))).toEqual(["1"]);
  });

  test("parks what cannot be read any more, with what it holds, and goes on", async () => {
    const url = await fresh();
    const engine = use(open({ url }));
    await send(engine, "1", "2", "3");
    await run(url, "UPDATE pgboss_petiole.task SET headers = '[' WHERE id = '1'");
    await run(url, `UPDATE pgboss_petiole.task SET form = '"string"' WHERE id = '2'`);
    expect(ids(await claim(engine, { limit: 1 }))).toEqual(["3"]);
    for (const id of ["1", "2"]) {
      const record = await engine.find(id);
      expect(record).toMatchObject({ state: "parked", reason: { code: "ERR_ENGINE_ROW_UNREADABLE" } });
    }
  });

  test.skipIf(process.env["PETIOLE_TEST_POSTGRES"] !== undefined)(
    "is back at work after the server was killed and started again",
    async () => {
      const url = await fresh();
      const engine = use(open({ url }));
      const worker = use(open({ url }));
      await send(engine, "1", "2");
      const { lease } = await claimOne(worker);
      const end = engine.ended("1");
      await pause(100); // until it waits
      let woken = 0;
      closing.push(async () => stop());
      const stop = worker.onReady(["default"], () => (woken += 1));
      const restarted = store.restart!(500);
      const refusal = async (): Promise<unknown> =>
        engine.find("2").then(
          () => undefined,
          (error: unknown) => error,
        );
      await eventually(
        async () => ((await refusal()) as { code?: string })?.code === "ERR_ENGINE_UNREACHABLE",
        "a refusal",
      );
      await restarted;
      await eventually(async () => (await refusal()) === undefined, "the engine being back");
      expect(await worker.settle([{ kind: "complete", lease, result: "7" }])).toEqual([true]);
      assertRecord(await soon(end, "its end"), { state: "succeeded", result: "7" });
      const before = woken;
      await engine.send([outgoing("3")]);
      await eventually(() => woken > before, "being woken again");
      expect(ids(await claim(worker, { limit: 9 }))).toEqual(["2", "3"]);
    },
    60_000,
  );

  test("a worker that is killed is noticed within its silence, and its task runs elsewhere within 20 s", async () => {
    const url = await fresh();
    const app = new Petiole({ engine: use(open({ url })) });
    const task = app.task<null, string>("hang");
    const handle = await task.enqueue(null);
    const child = spawn(
      process.execPath,
      [
        new URL("../../../test/fixtures/engine/pg-boss-worker.ts", import.meta.url).pathname,
        JSON.stringify({ url }),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    ) as ChildProcess;
    closing.push(async () => child.kill("SIGKILL"));
    await once(child.stdout!, "data");
    child.kill("SIGKILL");
    const killed = performance.now();
    task.run(() => "elsewhere");
    const worker = app.worker({ watchdog: false });
    await worker.start();
    expect(await handle.result()).toBe("elsewhere");
    expect(performance.now() - killed).toBeLessThan(20_000);
    assertRecord(await app.engine.find(handle.id), { crashes: 1, attempts: 1 });
    await worker.stop();
  }, 40_000);

  test("a lease lasts as long as was asked for while the process lives, and no longer", async () => {
    const url = await fresh();
    const engine = use(pgBoss(poolOn(url), { maxSilence: 1000 }));
    const other = use(pgBoss(poolOn(url)));
    await send(engine, "1");
    await claimOne(engine, { lease: 2500 });
    await pause(1600);
    expect(await claim(other)).toEqual([]);
    const { crashes } = await claimWhenReady(other);
    expect(crashes).toBe(1);
  });

  test("what an engine that is closed leaves behind keeps the lease that was asked for", async () => {
    const url = await fresh();
    const engine = pgBoss(poolOn(url), { maxSilence: 1000 });
    await send(engine, "1");
    await claimOne(engine, { lease: 30_000 });
    await engine.close();
    const [row] = (await run(
      url,
      "SELECT extract(epoch FROM until - clock_timestamp())::float8 AS left FROM pgboss_petiole.lease",
    )) as [{ left: number }];
    expect(row.left).toBeGreaterThan(20);
  });
});

/** What depends on the server: that it is away, frozen, full, or a cluster; and that workers die. */
import { Cluster, Redis } from "ioredis";
import { spawn } from "node:child_process";
import { afterEach, describe, expect, test } from "vitest";
import { missing, open, start } from "../../../test/engines/bullmq.ts";
import { CuttingProxy } from "../../../test/faults/proxy.ts";
import { startOwnRedis } from "../../../test/services/redis.ts";
import type { Engine, Outgoing } from "../../engine.ts";
import { bullmq } from "../bullmq.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const outgoing = (id: string, queue = "q"): Outgoing => ({
  message: { id, task: "t", queue, payload: "{}", headers: { wire: 1 } },
  runAt: 0,
});
const request = { queues: ["q"], limit: 10, lease: 30_000, worker: "w" };
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

async function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.skipIf(missing !== undefined)("the BullMQ engine and its server", () => {
  test("a Redis that is not there is said within the timeout, and used when it is there", async () => {
    const engine = bullmq({ connection: new Redis(1, "127.0.0.1", { lazyConnect: true }), timeout: 300 });
    closing.push(() => engine.close());
    const before = performance.now();
    const error = await caught(engine.send([outgoing("a b")]));
    expect(error).toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
      message: expect.stringMatching(/Redis cannot be reached \(.*ECONNREFUSED.*Nothing was changed/s),
    });
    expect(performance.now() - before).toBeLessThan(3000);
  });

  test("calls to a Redis that is frozen are refused in time, and it goes on once that is thawed", async () => {
    const store = await start();
    closing.push(() => store.close());
    const engine = open({ ...(store.config as object), timeout: 500 } as never);
    closing.push(() => engine.close());
    await engine.send([outgoing("first")]);
    process.kill(store.pid!(), "SIGSTOP");
    const thaw = (): boolean => process.kill(store.pid!(), "SIGCONT");
    closing.push(thaw);
    const before = performance.now();
    const codes = await Promise.all(
      [engine.send([outgoing("second")]), engine.find("first"), engine.claim(request)].map(caught),
    );
    for (const error of codes) expect(error).toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
    expect(performance.now() - before).toBeLessThan(3000);
    thaw();
    await expect.poll(() => caught(engine.send([outgoing("third")])), { timeout: 5000 }).toBeUndefined();
    expect((await engine.find("first"))?.state).toBeDefined();
  });

  test("a connection on which nobody speaks is given up", async () => {
    const store = await start();
    closing.push(() => store.close());
    const proxy = await CuttingProxy.start(store.port!);
    closing.push(() => proxy.close());
    proxy.takesMutely = true;
    const connection = new Redis(proxy.port, "127.0.0.1", { lazyConnect: true });
    const engine = bullmq({ connection, timeout: 20_000 });
    closing.push(() => engine.close());
    let woken = 0;
    closing.push(engine.onReady(["q"], () => void woken++));
    const sending = engine.send([outgoing("first")]);
    await pause(500);
    proxy.takesMutely = false;
    await sending;
    await expect.poll(() => woken, { timeout: 3000 }).toBeGreaterThan(0);
  });

  test("what was acknowledged survives a Redis that is killed; listeners go on", async () => {
    const store = await start({ durable: true });
    closing.push(() => store.close());
    const engine = open(store.config);
    closing.push(() => engine.close());
    await engine.send([outgoing("before")]);
    let woken = 0;
    const stop = engine.onReady(["q"], () => void woken++);
    await expect.poll(() => woken, { timeout: 3000 }).toBeGreaterThan(0);
    await store.restart!(300);
    expect((await engine.claim(request)).map(({ message }) => message.id)).toEqual(["before"]);
    const until = woken;
    await engine.send([outgoing("after")]);
    await expect.poll(() => woken, { timeout: 3000 }).toBeGreaterThan(until);
    stop();
  });

  test("a claim whose answer was lost is handed back, and counts for nothing", async () => {
    const store = await start();
    closing.push(() => store.close());
    const { port, pid } = { port: store.port!, pid: store.pid!() };
    const engine = open({ ...(store.config as object), timeout: 400 } as never);
    closing.push(() => engine.close());
    await engine.send([outgoing("first"), outgoing("second")]);
    expect(await engine.claim({ ...request, queues: ["other"] })).toEqual([]);
    await engine.claim({ ...request, limit: 0 });
    // It takes what was sent to it when it goes on, and nobody is there to be told.
    process.kill(pid, "SIGSTOP");
    closing.push(() => process.kill(pid, "SIGCONT"));
    expect(await caught(engine.claim(request))).toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
    process.kill(pid, "SIGCONT");
    const redis = new Redis(port);
    closing.push(() => redis.disconnect());
    const { prefix } = store.config as { prefix: string };
    await expect.poll(() => redis.llen(`${prefix}:q:active`), { timeout: 3000 }).toBe(2);
    const found: string[] = [];
    await expect
      .poll(
        async () => {
          for (const { message, crashes } of await engine.claim(request))
            found.push(`${message.id} ${crashes}`);
          return found;
        },
        { timeout: 5000 },
      )
      .toEqual(["first 0", "second 0"]);
  });

  test("a Redis that is full refuses clearly, keeps what it has, and can be emptied", async () => {
    const { port, stop } = await startOwnRedis({ parameters: ["--maxmemory", "4mb"] });
    closing.push(stop);
    const engine = bullmq({ connection: new Redis(port, "127.0.0.1", { lazyConnect: true }) });
    closing.push(() => engine.close());
    const large = JSON.stringify("x".repeat(100_000));
    let sent = 0;
    let error: unknown;
    while (error === undefined && sent < 200) {
      const { message } = outgoing(`task ${sent}`);
      error = await caught(engine.send([{ message: { ...message, payload: large }, runAt: 0 }]));
      if (error === undefined) sent++;
    }
    expect(error).toMatchObject({
      code: "ERR_ENGINE_DISK_FULL",
      message: expect.stringContaining("maxmemory"),
    });
    expect(sent).toBeGreaterThan(3);
    expect(await engine.counts()).toEqual([{ queue: "q", state: "waiting", count: sent }]);
  });

  test("a Redis that is full keeps leases alive, and what runs can end, be cancelled, and be waited for", async () => {
    const { port, stop } = await startOwnRedis();
    closing.push(stop);
    const admin = new Redis(port, "127.0.0.1");
    closing.push(() => admin.disconnect());
    const engine = open({ port, prefix: "bull" });
    closing.push(() => engine.close());
    await engine.send(["one", "two", "three"].map((id) => outgoing(id)));
    const claimed = await engine.claim({ ...request, lease: 1000 });
    const [one, two, three] = claimed.map(({ lease }) => lease);
    await admin.config("SET", "maxmemory", "1");

    expect(await caught(engine.send([outgoing("four")]))).toMatchObject({ code: "ERR_ENGINE_DISK_FULL" });
    expect(await engine.extend([one!, two!, three!], 60_000)).toEqual([]);
    const ended = engine.ended("two");
    expect(await engine.cancel(["three"], { code: "CALLED_OFF", message: "not now" })).toBe(1);
    const settled = await engine.settle([
      { kind: "complete", lease: one!, result: "1" },
      { kind: "complete", lease: two!, result: "2" },
      { kind: "release", lease: three! },
    ]);
    expect(settled).toEqual([true, true, true]);
    expect(await ended).toMatchObject({ state: "succeeded", result: "2" });
    expect(await engine.find("three")).toMatchObject({ state: "cancelled", crashes: 0 });
    await engine.pause("q");
    expect(await engine.paused()).toEqual(["q"]);
  });

  test("warns of a Redis that throws keys away when it is full", async () => {
    const { port, stop } = await startOwnRedis({
      parameters: ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"],
    });
    closing.push(stop);
    const warnings: string[] = [];
    const warn = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", warn);
    closing.push(() => process.off("warning", warn));
    const engine = bullmq({ connection: new Redis(port, "127.0.0.1", { lazyConnect: true }) });
    closing.push(() => engine.close());
    await engine.open();
    await pause(10);
    expect(warnings.join()).toContain('Set maxmemory-policy to "noeviction"');
  });

  test("a user of Redis without channels, as Redis 7 makes them, is warned, and looks where it cannot hear", async () => {
    const { port, stop } = await startOwnRedis();
    closing.push(stop);
    const root = new Redis(port);
    closing.push(() => root.disconnect());
    await root.call("ACL", "SETUSER", "shop", "on", ">secret", "~bull:*", "resetchannels", "+@all");
    const warnings: string[] = [];
    const warn = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", warn);
    closing.push(() => process.off("warning", warn));
    const connection = new Redis({ port, username: "shop", password: "secret", lazyConnect: true });
    const engine = bullmq({ connection, pollInterval: 50 });
    closing.push(() => engine.close());
    const woken = new Promise<void>((resolve) => {
      closing.push(engine.onReady(["q"], resolve));
    });
    expect(await engine.send([outgoing("a")])).toEqual(["a"]);
    await woken;
    const [claimed] = await engine.claim(request);
    const end = engine.ended("a");
    expect(await engine.settle([{ kind: "complete", lease: claimed!.lease, result: "1" }])).toEqual([true]);
    expect((await end)?.state).toBe("succeeded");
    await pause(10);
    expect(warnings.join()).toContain("ACL SETUSER … &bull:*");
  });

  test("a queue of a BullMQ that is not known is refused, and others are not", async () => {
    const store = await start();
    closing.push(() => store.close());
    const { port, prefix } = store.config as { port: number; prefix: string };
    const redis = new Redis(port);
    closing.push(() => redis.disconnect());
    await redis.hset(`${prefix}:new:meta`, "version", "bullmq:7.0.0");
    await redis.hset(`${prefix}:q:meta`, "version", "bullmq:5.1.0");
    const engine = open(store.config);
    closing.push(() => engine.close());
    for (const call of [engine.send([outgoing("1", "new")]), engine.claim({ ...request, queues: ["new"] })])
      expect(await caught(call)).toMatchObject({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringContaining("bullmq:7.0.0"),
      });
    expect(await engine.send([outgoing("1")])).toEqual(["1"]);
  });

  test("works in a Redis Cluster, with all keys on one node", async () => {
    const { port, stop } = await startOwnRedis({
      parameters: ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"],
    });
    closing.push(stop);
    const node = new Redis(port);
    await node.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await expect.poll(() => node.call("CLUSTER", "INFO"), { timeout: 10_000 }).toContain("cluster_state:ok");
    node.disconnect();
    const connection = new Cluster([{ port, host: "127.0.0.1" }], { lazyConnect: true });
    closing.push(() => connection.disconnect());
    const engine = bullmq({ connection, prefix: "{bull}" });
    closing.push(() => engine.close());
    const ready = new Promise<void>((resolve) => {
      closing.push(engine.onReady(["q", "other"], resolve));
    });
    expect(await engine.send([outgoing("a"), outgoing("b", "other")])).toEqual(["a", "b"]);
    await ready;
    const claimed = await engine.claim({ ...request, queues: ["q", "other"] });
    expect(claimed.map(({ message }) => message.id)).toEqual(["a", "b"]);
    const end = engine.ended("a");
    await engine.settle(claimed.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
    expect((await end)?.state).toBe("succeeded");
    expect(await engine.counts()).toHaveLength(2);
  });

  test("a process that is killed with default leases loses its tasks within 20 s; one that lives keeps them", async () => {
    const store = await start();
    closing.push(() => store.close());
    const engine = open(store.config);
    closing.push(() => engine.close());
    await engine.send([outgoing("killed")]);
    const child = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import { Redis } from "ioredis"; import { bullmq } from "petiole/engine/bullmq";
         const { port, ...options } = JSON.parse(process.argv[1]);
         const engine = bullmq({ connection: new Redis(port), ...options });
         console.log(JSON.stringify(await engine.claim(JSON.parse(process.argv[2]))));
         setInterval(() => {}, 1000);`,
        JSON.stringify(store.config),
        JSON.stringify(request),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    closing.push(() => child.kill("SIGKILL"));
    const line = await new Promise<string>((resolve) => {
      child.stdout.setEncoding("utf8").once("data", resolve);
    });
    expect(JSON.parse(line)).toHaveLength(1);
    await engine.send([outgoing("kept")]);
    const [kept] = await engine.claim({ ...request, worker: "lives" });
    expect(kept?.message.id).toBe("kept");
    // It is renewed, for as long as the lease was asked for.
    await pause(17_000);
    expect(await engine.claim(request)).toEqual([]);
    child.kill("SIGKILL");
    const killed = performance.now();
    let found: readonly { message: { id: string }; crashes: number }[] = [];
    await new Promise<void>((resolve) => {
      const look = async (): Promise<void> => {
        if (found.length > 0) return;
        found = await engine.claim(request);
        if (found.length > 0) resolve();
      };
      closing.push(engine.onReady(["q"], () => void look()));
    });
    expect(performance.now() - killed).toBeLessThan(20_000);
    expect(found.map(({ message, crashes }) => [message.id, crashes])).toEqual([["killed", 1]]);
    expect(await engine.settle([{ kind: "complete", lease: kept!.lease, result: "1" }])).toEqual([true]);
  }, 60_000);

  test("an engine that is open does not keep its process alive; a wait for an end does", async () => {
    const store = await start();
    closing.push(() => store.close());
    const engine: Engine = open(store.config);
    closing.push(() => engine.close());
    await engine.send([outgoing("awaited")]);
    const run = (code: string): Promise<string> =>
      new Promise((resolve) => {
        let said = "";
        const child = spawn(
          process.execPath,
          [
            "--input-type=module",
            "-e",
            `import { Redis } from "ioredis"; import { bullmq } from "petiole/engine/bullmq";
             const { port, ...options } = JSON.parse(process.argv[1]);
             const engine = bullmq({ connection: new Redis(port, "127.0.0.1", { lazyConnect: true }), ...options });
             engine.onReady(["other"], () => {});
             ${code}`,
            JSON.stringify(store.config),
          ],
          { stdio: ["ignore", "pipe", "inherit"] },
        );
        closing.push(() => child.kill("SIGKILL"));
        child.stdout.setEncoding("utf8").on("data", (part: string) => (said += part));
        child.once("close", () => resolve(said));
      });
    expect(
      await run("await engine.open(); await new Promise((r) => setTimeout(r, 50)); console.log('open');"),
    ).toBe("open\n");
    const waiting = run("console.log((await engine.ended('awaited')).state);");
    await pause(600);
    await engine.cancel(["awaited"], { code: "ERR_TEST", message: "enough" });
    expect(await waiting).toBe("cancelled\n");
  });
});

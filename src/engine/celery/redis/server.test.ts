/** What depends on the server and the process: a Redis that is full, clients that are set otherwise, a process that ends. */
import { Redis } from "ioredis";
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "redis";
import { afterEach, describe, expect, test } from "vitest";
import { CuttingProxy } from "../../../../test/faults/proxy.ts";
import { redisLibraries } from "../../../../test/services/redis-clients.ts";
import { noOwnRedis, startOwnRedis } from "../../../../test/services/redis.ts";
import type { CeleryMessage } from "../protocol/message.ts";
import { RedisBroker } from "./broker.ts";
import type { RedisClientLike } from "../../shared/redis/like.ts";

const settings = {
  keyPrefix: "",
  visibilityTimeout: 3_600_000,
  resultExpires: 60_000,
  timeout: 5000,
  pollInterval: 100,
};

function message(id: string, body = "[[],{},{}]"): CeleryMessage {
  return {
    queue: "celery",
    headers: { task: "tasks.add", id },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from(body),
  };
}

describe.skipIf(noOwnRedis !== undefined)("broker and server", () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  async function start(...parameters: readonly string[]) {
    const server = await startOwnRedis({ parameters });
    closing.push(() => server.stop());
    return server;
  }
  function open(client: RedisClientLike, given = settings): RedisBroker {
    const broker = new RedisBroker(client, given);
    closing.push(() => broker.close());
    return broker;
  }

  test.each(redisLibraries)(
    "$name: a Redis that is full refuses clearly, and can be emptied",
    async ({ make }) => {
      const server = await start("--maxmemory", "4mb", "--maxmemory-policy", "noeviction");
      const { client, close } = make(server.url);
      closing.push(close);
      const broker = open(client);
      const large = "x".repeat(100_000);
      let sent = 0;
      let error: unknown;
      while (error === undefined && sent < 200) {
        error = await broker.publish([message(`${sent}`, large), message(`${sent}b`, large)]).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error === undefined) sent++;
      }
      expect(error).toMatchObject({
        code: "ERR_ENGINE_DISK_FULL",
        message: expect.stringContaining("maxmemory"),
      });
      expect(sent).toBeGreaterThan(3);
      // What it is asked for all at once it does or refuses all at once.
      expect(await broker.lengths()).toEqual([{ queue: "celery", count: 2 * sent }]);
      // It can be worked off: what is taken is held.
      const taken = await broker.take(["celery"], 5, 30_000);
      expect(taken).toHaveLength(5);
      expect(
        await broker.extend(
          taken.map(({ tag }) => tag),
          30_000,
        ),
      ).toEqual([]);
    },
  );

  test("what is held is left to who may be on the way back, when Redis was away for longer than a lease", async () => {
    const server = await start("--appendonly", "yes", "--appendfsync", "always");
    const make = (): RedisBroker => {
      const client = new Redis(server.url, { lazyConnect: true });
      closing.push(() => client.disconnect());
      return open(client);
    };
    const [slow, quick] = [make(), make()];
    await slow.publish([message("kept"), message("lost")]);
    const [kept, lost] = await slow.take(["celery"], 2, 300);
    quick.onArrival(["celery"], () => {});
    expect(await quick.take(["celery"], 2, 30_000)).toEqual([]);
    await server.restart(600);
    // Time and again it finds that a lease has run out, which it would put back.
    for (const end = performance.now() + 1500; performance.now() < end; await pause(50))
      expect(await quick.take(["celery"], 2, 30_000)).toEqual([]);
    expect(await slow.extend([kept!.tag], 30_000)).toEqual([]);
    // Who has not come back has lost it.
    await expect
      .poll(() => quick.take(["celery"], 2, 30_000), { timeout: 10_000 })
      .toMatchObject([{ message: lost!.message, redelivered: true }]);
  });

  test("a connection on which nobody speaks is given up", async () => {
    const server = await start();
    const proxy = await CuttingProxy.start(server.port);
    closing.push(() => proxy.close());
    proxy.takesMutely = true;
    const publishings = redisLibraries.map(({ make }) => {
      const { client, close } = make(`redis://127.0.0.1:${proxy.port}`);
      closing.push(close);
      return open(client, { ...settings, timeout: 20_000 }).publish([message("1")]);
    });
    await pause(500);
    proxy.takesMutely = false;
    await Promise.all(publishings);
    const redis = new Redis(server.url);
    closing.push(() => redis.disconnect());
    expect(await redis.llen("celery")).toBe(redisLibraries.length);
  });

  test("answers are read the same, whatever the client is set to", async () => {
    const server = await start();
    const ioredis = (options: object): Redis => {
      const client = new Redis(server.url, { lazyConnect: true, ...options });
      closing.push(() => client.disconnect());
      return client;
    };
    const clients: RedisClientLike[] = [
      ioredis({ protocol: 3, replyMapping: "resp3" }),
      ioredis({ stringNumbers: true, enableAutoPipelining: true, commandTimeout: 1 }),
      createClient({ url: server.url, RESP: 2 }),
      createClient({
        url: server.url,
        commandOptions: { typeMapping: { 58: String, 36: Buffer }, asap: true },
      }),
      createClient({ url: server.url, pingInterval: 10, commandsQueueMaxLength: 1 }),
      createClient({ url: server.url, clientSideCache: { ttl: 0, maxEntries: 10, evictPolicy: "LRU" } }),
    ];
    for (const client of clients) {
      const broker = open(client);
      await Promise.all([broker.publish([message("1")]), broker.lengths(), broker.lengths()]);
      const [taken] = await broker.take(["celery"], 10, 30_000);
      expect(taken).toMatchObject({ message: message("1"), redelivered: false });
      expect(await broker.extend([taken!.tag, "x"], 30_000)).toEqual(["x"]);
      expect(await broker.finish([{ tag: taken!.tag, publish: [] }], async () => {})).toEqual([true]);
      expect(await broker.lengths()).toEqual([{ queue: "celery", count: 0 }]);
      await broker.close();
    }
  });

  test("warns of a Redis that throws keys away when it is full", async () => {
    const server = await start("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru");
    const warnings: string[] = [];
    const warn = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", warn);
    closing.push(() => process.off("warning", warn));
    const client = new Redis(server.url, { lazyConnect: true });
    closing.push(() => client.disconnect());
    await open(client).open();
    await expect.poll(() => warnings.join()).toContain('Set maxmemory-policy to "noeviction"');
  });

  test.each([
    [
      "ioredis",
      `import { Redis } from "ioredis"; const client = new Redis(process.argv[1], { lazyConnect: true });`,
    ],
    [
      "node-redis",
      `import { createClient } from "redis"; const client = createClient({ url: process.argv[1] });`,
    ],
  ])(
    "%s: a broker that is open does not keep its process alive, and calls are done before it ends",
    async (_, code) => {
      const server = await start();
      const child = spawn(
        process.execPath,
        [
          "--input-type=module",
          "-e",
          `${code}
         const { RedisBroker } = await import(${JSON.stringify(new URL("broker.ts", import.meta.url).href)});
         const broker = new RedisBroker(client, JSON.parse(process.argv[2]));
         broker.onArrival(["other"], () => {});
         broker.onBroadcast(() => {});
         await broker.open();
         await new Promise((resolve) => setTimeout(resolve, 100));
         broker.publish([JSON.parse(process.argv[3])].map((message) => ({ ...message, body: Buffer.from("x") }))).then(() => console.log("sent"));`,
          server.url,
          JSON.stringify(settings),
          JSON.stringify(message("1")),
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      closing.push(() => child.kill("SIGKILL"));
      let said = "";
      child.stdout.setEncoding("utf8").on("data", (part: string) => (said += part));
      const code2 = await new Promise((resolve) => {
        child.once("close", resolve);
      });
      expect([said, code2]).toEqual(["sent\n", 0]);
    },
  );
});

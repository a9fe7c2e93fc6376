/** The channel layer on a real Redis, with each client: what it promises when things go wrong. No Python is needed. */
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import {
  channelLayer,
  type ChannelErrorContext,
  type ChannelLayer,
  type ChannelLayerOptions,
} from "petiole/channels";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { redisLibraries } from "../services/redis-clients.ts";
import { noOwnRedis, startOwnRedis, type OwnRedis } from "../services/redis.ts";

const skipped = noOwnRedis === undefined ? "" : ` (skipped: ${noOwnRedis})`;
const soon = (): AbortSignal => AbortSignal.timeout(20_000);
const patience = { timeout: 20_000, interval: 20 };

interface Told extends ChannelErrorContext {
  readonly error: unknown;
}

describe.skipIf(noOwnRedis !== undefined).each(redisLibraries)(
  `a channel layer with $name${skipped}`,
  ({ make }) => {
    let redis: OwnRedis;
    let raw: Redis;
    const closing: (() => unknown)[] = [];
    const told: Told[] = [];

    beforeAll(async () => {
      redis = await startOwnRedis({ durable: true });
      raw = new Redis(redis.port, "127.0.0.1");
      raw.on("error", () => undefined);
    });
    afterEach(async () => {
      for (const close of closing.splice(0).toReversed()) await close();
      await raw.flushall();
      told.length = 0;
    });
    afterAll(async () => {
      raw?.disconnect();
      await redis?.stop();
    });

    function open(options: ChannelLayerOptions = {}, database = 0): ChannelLayer {
      const { client, close } = make(redis.url, database);
      closing.push(close);
      const onError = (error: unknown, context: ChannelErrorContext): void =>
        void told.push({ error, ...context });
      const layer = channelLayer(client, { timeout: 5000, onError, ...options });
      closing.push(() => layer.close());
      return layer;
    }

    test("the keys and the entries are those of channels_redis", async () => {
      const layer = open({ expiry: 30 });
      const before = Date.now();
      const sent = await layer.send("jobs", { type: "do.thing" });
      const [entry, score] = await raw.zrangeBuffer("asgijobs", "0", "-1", "WITHSCORES");
      expect(entry!.subarray(12).toString("latin1")).toBe("\u0081\u00a4type\u00a8do.thing");
      expect(Number(String(score))).toBeGreaterThanOrEqual(before / 1000);
      expect(Number(String(score))).toBeLessThan(before / 1000 + 5);
      expect(await raw.ttl("asgijobs")).toBe(30);
      expect(sent).toMatchObject({ waiting: 0, expired: 0 });
      expect(Math.abs(sent.expiresAt.getTime() - before - 30_000)).toBeLessThan(5000);
      await layer.groupAdd("news", "jobs");
      expect(await raw.zrange("asgi:group:news", "0", "-1")).toEqual(["jobs"]);
      expect(await raw.ttl("asgi:group:news")).toBe(86_400);
      await layer.groupDiscard("news", "jobs");
      expect(await raw.exists("asgi:group:news")).toBe(0);
    });

    test("messages come in the order in which they were sent, each once", async () => {
      const layer = open({ capacity: 1000 });
      for (let n = 0; n < 300; n++) await layer.send("jobs", { type: "x", n });
      const got: unknown[] = [];
      for (let n = 0; n < 300; n++) got.push((await layer.receive("jobs", { signal: soon() }))["n"]);
      expect(got).toEqual(Array.from({ length: 300 }, (_, n) => n));
      expect(await raw.exists("asgijobs", "asgijobs$inflight")).toBe(0);
    });

    test("two receivers share a channel: each message is one's", async () => {
      const [sender, one, other] = [open({ capacity: 1000 }), open(), open()];
      const got: unknown[] = [];
      for (const layer of [one, other])
        layer.consume("jobs", { x: ({ n }) => got.push(n) }, { concurrency: 5 });
      for (let n = 0; n < 200; n++) await sender.send("jobs", { type: "x", n });
      await expect.poll(() => got.length, patience).toBe(200);
      expect(new Set(got).size).toBe(200);
    });

    test("a full channel refuses; capacities go by patterns", async () => {
      const layer = open({ capacity: 3, channelCapacity: { "large.*": 5 } });
      const fill = async (channel: string): Promise<number> => {
        for (let n = 0; ; n++) {
          const error = await layer.send(channel, { type: "x" }).then(
            ({ waiting }) => void expect(waiting).toBe(n),
            (error: unknown) => error,
          );
          if (error === undefined) continue;
          expect(error).toMatchObject({ code: "ERR_CHANNEL_FULL", channel, capacity: n });
          return n;
        }
      };
      expect([await fill("small"), await fill("large.one")]).toEqual([3, 5]);
      for (const channel of ["small", "large.one", "empty"]) await layer.groupAdd("all", channel);
      const sent = await layer.groupSend("all", { type: "x" });
      expect({ ...sent, full: sent.full.toSorted() }).toMatchObject({
        channels: 3,
        full: ["large.one", "small"],
      });
      expect(await raw.zcard("asgiempty")).toBe(1);
    });

    test("what has expired is gone, and the next sender is told", async () => {
      const layer = open({ expiry: 2 });
      await layer.send("jobs", { type: "x", n: 1 });
      await layer.send("jobs", { type: "x", n: 2 });
      // Kept by somebody with another setting.
      await raw.persist("asgijobs");
      await sleep(3100);
      expect(await layer.send("jobs", { type: "x", n: 3 })).toMatchObject({ waiting: 0, expired: 2 });
      expect(await layer.receive("jobs", { signal: soon() })).toMatchObject({ n: 3 });
      await layer.groupAdd("news", "jobs");
      await layer.send("jobs", { type: "x", n: 4 });
      await expect.poll(() => raw.exists("asgijobs"), patience).toBe(0);
    });

    test("who was in a group too long is in it no more", async () => {
      const layer = open({ groupExpiry: 10 });
      await raw.zadd("asgi:group:news", Date.now() / 1000 - 20, "old");
      await layer.groupAdd("news", "jobs");
      expect(await layer.groupSend("news", { type: "x" })).toMatchObject({ channels: 1 });
      expect(await raw.zrange("asgi:group:news", "0", "-1")).toEqual(["jobs"]);
      expect(await layer.groupSend("nobody", { type: "x" })).toMatchObject({ channels: 0, full: [] });
    });

    test("a name that is none in a group is left out, and told", async () => {
      const layer = open();
      await raw.zadd("asgi:group:news", Date.now() / 1000, "jobs", Date.now() / 1000, ":group:news");
      expect(await layer.groupSend("news", { type: "x" })).toMatchObject({ channels: 1 });
      expect(told).toEqual([{ error: expect.objectContaining({ code: "ERR_ENGINE_FAILED" }) }]);
    });

    test("what anybody puts into a channel is told with its bytes, and the next message follows", async () => {
      const layer = open({ symmetricEncryptionKeys: ["ours"], limits: { bytes: 1000 } });
      const [stranger, plain] = [open({ symmetricEncryptionKeys: ["theirs"] }), open()];
      const got: unknown[] = [];
      await raw.zadd("asgijobs", 1, "");
      await raw.zadd("asgijobs", 2, Buffer.alloc(500, "\u00ff", "latin1"));
      await raw.zadd("asgijobs", 3, Buffer.alloc(100_000, "A"));
      await plain.send("jobs", { type: "x", n: "plain" });
      await stranger.send("jobs", { type: "x", n: "stranger" });
      await layer.send("jobs", { type: "x", n: "ours" });
      layer.consume("jobs", { x: ({ n }) => got.push(n) });
      await expect.poll(() => got, patience).toEqual(["ours"]);
      expect(told.map(({ error }) => (error as { code: string }).code).toSorted()).toEqual([
        "ERR_TEXT_UNDECODABLE",
        "ERR_TEXT_UNDECODABLE",
      ]);
      for (const { channel, bytes } of told) {
        expect(channel).toBe("jobs");
        expect(bytes!.length).toBeGreaterThan(12);
      }
    });

    test("malformed entries are told one by one", async () => {
      const layer = open({ limits: { bytes: 1000 } });
      const random = "0123456789ab";
      const entries: (string | Buffer)[] = [
        "",
        "short",
        Buffer.alloc(5000, "A"),
        Buffer.from(`${random}\u00df\u00ff\u00ff\u00ff\u00ff`, "latin1"),
        Buffer.from(`${random}\u00c7\u0001\u0005\u0000`, "latin1"),
        `${random}{"type": "x"}`,
      ];
      for (const [at, entry] of entries.entries()) await raw.zadd("asgijobs", at + 1, entry);
      const received = layer.receive("jobs", { signal: soon() });
      await expect.poll(() => told.length, patience).toBe(entries.length);
      expect(told.map(({ bytes }) => bytes!.length)).toEqual(entries.map(({ length }) => length));
      await layer.send("jobs", { type: "x", n: 1 });
      expect(await received).toEqual({ type: "x", n: 1 });
    });

    test("a key that holds something else is told, and is waited for", async () => {
      const layer = open();
      await raw.set("asgijobs", "no sorted set");
      await expect(layer.send("jobs", { type: "x" })).rejects.toMatchObject({ code: "ERR_ENGINE_FAILED" });
      const received = layer.receive("jobs", { signal: soon() });
      await expect.poll(() => told.length, patience).toBe(1);
      expect(told[0]!.error).toMatchObject({
        code: "ERR_ENGINE_FAILED",
        message: expect.stringContaining("WRONGTYPE"),
      });
      await raw.del("asgijobs");
      await layer.send("jobs", { type: "x", n: 1 });
      expect(await received).toMatchObject({ n: 1 });
    });

    test("a consumer tells of what its handlers throw and of what has none, and goes on", async () => {
      const layer = open();
      const got: unknown[] = [];
      const consumer = layer.consume<{ "do.it": { n: number } }>("jobs", {
        "do.it": async ({ n }, { channel }) => {
          got.push([channel, n]);
          if (n === 1) throw new RangeError("one");
        },
      });
      const other = open();
      await other.send("jobs", { type: "do.it", n: 1 });
      await other.send("jobs", { type: "constructor", n: 2 });
      await raw.zadd("asgijobs", Date.now() / 1000, Buffer.from("0123456789ab\u0080", "latin1"));
      await other.send("jobs", { type: "do_it", n: 4 });
      await expect
        .poll(() => got, patience)
        .toEqual([
          ["jobs", 1],
          ["jobs", 4],
        ]);
      await expect.poll(() => told, patience).toHaveLength(3);
      // In no order: the times of two processes decide which message is the older one.
      expect(new Set(told)).toEqual(
        new Set([
          { error: new RangeError("one"), channel: "jobs", message: { type: "do.it", n: 1 } },
          {
            error: expect.objectContaining({ code: "ERR_CHANNEL_UNHANDLED" }),
            channel: "jobs",
            message: { type: "constructor", n: 2 },
          },
          { error: expect.objectContaining({ code: "ERR_TEXT_UNDECODABLE" }), channel: "jobs", message: {} },
        ]),
      );
      await consumer.close();
    });

    test("a listener that fails stops nothing", async () => {
      const warned: string[] = [];
      const warn = ({ message }: Error): void => void warned.push(message);
      process.on("warning", warn);
      closing.push(() => process.off("warning", warn));
      const got: unknown[] = [];
      const onError = async (): Promise<never> => {
        throw new RangeError("of the listener");
      };
      open({ onError }).consume("jobs", {
        x: ({ n }) => {
          got.push(n);
          throw new RangeError("of the handler");
        },
      });
      const sender = open();
      for (const n of [1, 2]) await sender.send("jobs", { type: "x", n });
      await expect.poll(() => got, patience).toEqual([1, 2]);
      await expect.poll(() => warned.join(), patience).toContain("of the listener");
    });

    test("so many handlers run at once as are allowed, and closing waits for them", async () => {
      const layer = open();
      let [running, most, ended] = [0, 0, 0];
      const consumer = layer.consume(
        "jobs",
        {
          x: async () => {
            most = Math.max(most, ++running);
            await sleep(100);
            running--;
            ended++;
          },
        },
        { concurrency: 3 },
      );
      const sender = open();
      for (let n = 0; n < 12; n++) await sender.send("jobs", { type: "x" });
      await expect.poll(() => ended, patience).toBeGreaterThan(2);
      await consumer.close();
      expect(running).toBe(0);
      expect(most).toBe(3);
      // What was not taken waits for others, and nothing is between.
      expect(ended + (await raw.zcard("asgijobs"))).toBe(12);
      await consumer.close();
    });

    test("once a consumer is closed, what came in that moment is in Redis again", async () => {
      const layer = open();
      const sender = open();
      let taken = 0;
      for (let round = 1; round <= 40; round++) {
        const consumer = layer.consume("jobs", { x: () => void taken++ });
        const sending = sender.send("jobs", { type: "x" });
        if (round % 2 === 0) await sending;
        else await sleep(round / 20);
        await consumer.close();
        const left = await raw.zcard("asgijobs");
        await sending;
        if (round % 2 === 0) expect(taken + left).toBe(round);
      }
    });

    test("closing with a timeout tells those who run by their signal", async () => {
      const layer = open();
      let aborted = false;
      const consumer = layer.consume("jobs", {
        x: (_message, { signal }) =>
          new Promise<void>((resolve) => {
            signal.addEventListener("abort", () => {
              aborted = true;
              resolve();
            });
          }),
      });
      await open().send("jobs", { type: "x" });
      await expect.poll(() => raw.zcard("asgijobs"), patience).toBe(0);
      await sleep(50);
      await consumer.close({ timeout: 50 });
      expect(aborted).toBe(true);
    });

    test("whoever gives up takes no message with them", async () => {
      const layer = open();
      for (let round = 0; round < 20; round++) {
        const signal = AbortSignal.timeout(5 + round);
        const received = layer.receive("jobs", { signal }).catch((error: unknown) => error);
        await sleep(round);
        await layer.send("jobs", { type: "x", round });
        const message = await received;
        const got = message instanceof Error ? await open().receive("jobs", { signal: soon() }) : message;
        expect(got).toEqual({ type: "x", round });
      }
      await expect(layer.receive("jobs", { signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
    });

    test("closing gives back what comes meanwhile, and tells those who wait", async () => {
      const sender = open({ capacity: 10_000 });
      const got = new Set<unknown>();
      let sent = 0;
      for (let round = 0; round < 10; round++) {
        const layer = open();
        const consumer = layer.consume("jobs", { x: ({ n }) => got.add(n) }, { concurrency: 4 });
        const sending = (async () => {
          for (let n = 0; n < 20; n++) await sender.send("jobs", { type: "x", n: sent++ });
        })();
        await sleep(round);
        if (round % 2 === 0) await consumer.close();
        await layer.close();
        await sending;
        await expect(layer.send("jobs", { type: "x" })).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
      }
      open().consume("jobs", { x: ({ n }) => got.add(n) });
      await expect.poll(() => got.size, patience).toBe(sent);
      const layer = open();
      const waiting = expect(layer.receive("nobody")).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
      await sleep(20);
      await layer.close();
      await waiting;
      expect(() => layer.consume("jobs", {})).toThrow(expect.objectContaining({ code: "ERR_ENGINE_CLOSED" }));
    });

    test("what a worker of Python's had taken when it died is taken up again", async () => {
      const layer = open();
      await layer.send("jobs", { type: "x", n: 1 });
      const [entry, score] = await raw.zrangeBuffer("asgijobs", "0", "0", "WITHSCORES");
      await raw.del("asgijobs");
      await raw.zadd("asgijobs$inflight", String(score), entry!);
      expect(await layer.receive("jobs", { signal: soon() })).toEqual({ type: "x", n: 1 });
      expect(await raw.exists("asgijobs$inflight")).toBe(0);
    });

    test("process-local channels: each gets its own, whoever receives first", async () => {
      const [layer, other] = [open(), open()];
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      expect(one).toMatch(/^specific\.[\da-f]{32}![\da-f]{32}$/);
      await other.send(two, { type: "x", to: "two" });
      await other.send(one, { type: "x", to: "one" });
      await other.send(two, { type: "x", to: "two again" });
      expect(await layer.receive(one, { signal: soon() })).toEqual({ type: "x", to: "one" });
      expect(await layer.receive(two, { signal: soon() })).toEqual({ type: "x", to: "two" });
      expect(await layer.receive(two, { signal: soon() })).toEqual({ type: "x", to: "two again" });
      await expect(other.receive(one)).rejects.toMatchObject({ code: "ERR_OPTION_INVALID" });
      await layer.groupAdd("both", one);
      await layer.groupAdd("both", two);
      expect(await other.groupSend("both", { type: "x", list: [1] })).toMatchObject({ channels: 2 });
      expect(await raw.zcard(`asgi${one.slice(0, one.indexOf("!") + 1)}`)).toBe(1);
      const [first, second] = [await layer.receive(one), await layer.receive(two)];
      expect(first).toEqual({ type: "x", list: [1] });
      expect(second).toEqual(first);
      expect(second["list"]).not.toBe(first["list"]);
    });

    test("a process-local channel that nobody reads keeps no more than may wait", async () => {
      const layer = open({ capacity: 3 });
      const [read, unread] = [layer.newChannel(), layer.newChannel()];
      const sender = open();
      const received = layer.receive(read, { signal: soon() });
      for (let n = 0; n < 5; n++) await sender.send(unread, { type: "x", n });
      await expect.poll(() => told.length, patience).toBe(2);
      expect(told[0]).toMatchObject({ error: { code: "ERR_CHANNEL_FULL" }, channel: unread });
      await sender.send(read, { type: "x" });
      await received;
      const got = [];
      for (let n = 0; n < 3; n++) got.push((await layer.receive(unread))["n"]);
      expect(got).toEqual([2, 3, 4]);
    });

    test("a message to channels of another process is refused where it comes", async () => {
      const layer = open();
      const channel = layer.newChannel();
      const received = layer.receive(channel, { signal: soon() });
      const key = `asgi${channel.slice(0, channel.indexOf("!") + 1)}`;
      await raw.zadd(key, Date.now() / 1000, Buffer.concat([Buffer.alloc(12), Buffer.from([0x80])]));
      await expect.poll(() => told.length, patience).toBe(1);
      expect(told[0]!.error).toMatchObject({
        code: "ERR_TEXT_UNDECODABLE",
        path: "message.__asgi_channel__",
      });
      await layer.send(channel, { type: "x" });
      expect(await received).toEqual({ type: "x" });
    });

    test("a group of very many channels of one process is told, however long their names are together", async () => {
      const [layer, other] = [open(), open()];
      const mine = Array.from({ length: 25_000 }, () => layer.newChannel());
      const now = Date.now() / 1000;
      await raw.zadd("asgi:group:crowd", ...mine.flatMap((channel) => [now, channel]));
      const some = [mine[0]!, mine[12_000]!, mine[24_999]!];
      const waiting = some.map((channel) => layer.receive(channel, { signal: soon() }));
      expect(await other.groupSend("crowd", { type: "x" })).toMatchObject({ channels: 25_000, full: [] });
      expect(await Promise.all(waiting)).toEqual(some.map(() => ({ type: "x" })));
    });

    test("a consumer is not closed with a timeout that cannot be", async () => {
      const layer = open();
      const got: unknown[] = [];
      const consumer = layer.consume("jobs", { x: ({ n }) => got.push(n) });
      for (const timeout of [2 ** 31, -1, Number.NaN, "5"])
        await expect(consumer.close({ timeout: timeout as number })).rejects.toMatchObject({
          code: "ERR_OPTION_INVALID",
        });
      await layer.send("jobs", { type: "x", n: 1 });
      await expect.poll(() => got, patience).toEqual([1]);
      await consumer.close({ timeout: 2 ** 31 - 1 });
    });

    test("several servers: each is received from, groups and process-local channels are found", async () => {
      const clients = [0, 1, 2].map((database) => {
        const { client, close } = make(redis.url, database);
        closing.push(close);
        return client;
      });
      const layers = [channelLayer(clients), channelLayer(clients)] as const;
      closing.push(() => Promise.all(layers.map((layer) => layer.close())));
      const [sender, receiver] = layers;
      const got: unknown[] = [];
      receiver.consume("jobs", { x: ({ n }) => got.push(n) }, { concurrency: 2 });
      for (let n = 0; n < 30; n++) await sender.send("jobs", { type: "x", n });
      await expect.poll(() => got.length, patience).toBe(30);
      const channels = Array.from({ length: 10 }, () => receiver.newChannel());
      for (const [at, channel] of channels.entries()) {
        await sender.send(channel, { type: "x", at });
        expect(await receiver.receive(channel, { signal: soon() })).toMatchObject({ at });
        await receiver.groupAdd(`group.${at}`, channel);
        expect(await sender.groupSend(`group.${at}`, { type: "x", at })).toMatchObject({ channels: 1 });
        expect(await receiver.receive(channel, { signal: soon() })).toMatchObject({ at });
      }
    });

    test(
      "Redis is killed and started again: receivers go on, what was acknowledged arrives, calls are told",
      { timeout: 90_000 },
      async () => {
        const layer = open({ timeout: 700, capacity: 10_000 });
        const got = new Set<unknown>();
        open({ timeout: 700 }).consume("jobs", { x: ({ n }) => got.add(n) });
        const waiting = layer.receive("reply", { signal: AbortSignal.timeout(60_000) });
        const acknowledged = new Set<number>();
        const stop = new AbortController();
        const refusals: unknown[] = [];
        const sending = (async () => {
          for (let n = 0; !stop.signal.aborted; n++) {
            await layer.send("jobs", { type: "x", n }).then(
              () => acknowledged.add(n),
              (error: unknown) => refusals.push(error),
            );
            await sleep(3);
          }
        })();
        await expect.poll(() => got.size, patience).toBeGreaterThan(10);
        await redis.restart(2000);
        const before = acknowledged.size;
        await expect.poll(() => acknowledged.size, patience).toBeGreaterThan(before + 50);
        stop.abort();
        await sending;
        expect(refusals.length).toBeGreaterThan(0);
        for (const error of refusals) expect(error).toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
        expect(told.map(({ error }) => (error as { code: string }).code)).toContain("ERR_ENGINE_UNREACHABLE");
        await layer.send("reply", { type: "x" });
        expect(await waiting).toEqual({ type: "x" });
        // At most once: one that Redis had handed out as it died may be gone.
        const missing = (): number => [...acknowledged].filter((n) => !got.has(n)).length;
        await expect.poll(missing, patience).toBeLessThanOrEqual(1);
      },
    );
  },
);

describe("channelLayer()", () => {
  const client = new Redis({ lazyConnect: true });
  afterAll(() => client.disconnect());
  const invalid = (message: string): unknown =>
    expect.objectContaining({ code: "ERR_OPTION_INVALID", message: expect.stringContaining(message) });

  test.each([
    ["a URL", "redis://localhost"],
    ["nothing", undefined],
    ["an empty list", []],
    ["a list with something else", ["redis://localhost"]],
    ["a client with a prefix", new Redis({ lazyConnect: true, keyPrefix: "x:" })],
  ])("refuses %s in place of a client", (_, given) => {
    expect(() => channelLayer(given as never)).toThrow(invalid("channelLayer(): "));
  });

  test("refuses a cluster", () => {
    const cluster = new Cluster([{ port: 1 }], { lazyConnect: true });
    expect(() => channelLayer(cluster)).toThrow(expect.objectContaining({ code: "ERR_ENGINE_UNSUPPORTED" }));
    cluster.disconnect();
  });

  test.each([
    [{ expiry: 0 }, "expiry"],
    [{ expiry: 1.5 }, "expiry"],
    [{ expiry: "60" }, "expiry"],
    [{ groupExpiry: Number.NaN }, "groupExpiry"],
    [{ capacity: -1 }, "capacity"],
    [{ prefix: 5 }, "prefix"],
    [{ serializer: "pickle" }, "serializer"],
    [{ symmetricEncryptionKeys: "key" }, "symmetricEncryptionKeys"],
    [{ symmetricEncryptionKeys: [] }, "symmetricEncryptionKeys"],
    [{ symmetricEncryptionKeys: [""] }, "symmetricEncryptionKeys"],
    [{ symmetricEncryptionKeys: [5] }, "symmetricEncryptionKeys"],
    [{ randomPrefixLength: -1 }, "randomPrefixLength"],
    [{ limits: { bytes: 0 } }, "limits.bytes"],
    [{ limits: 5 }, "limits"],
    [{ onError: 5 }, "onError"],
    [{ timeout: Infinity }, "timeout"],
    [{ group_expiry: 5 }, "group_expiry"],
    [5, "options"],
  ])("refuses %j", (options, told) => {
    expect(() => channelLayer(client, options as never)).toThrow(invalid(told));
  });

  test("calls refuse what is wrong before they reach Redis", async () => {
    const layer = channelLayer(client, { timeout: 50 });
    const message = { type: "x" };
    await expect(layer.send("a b", message)).rejects.toEqual(invalid("channel's name"));
    await expect(layer.receive("a:b")).rejects.toEqual(invalid("channel's name"));
    await expect(layer.groupAdd("a!b", "jobs")).rejects.toEqual(invalid("group's name"));
    await expect(layer.groupAdd("news", "")).rejects.toEqual(invalid("channel's name"));
    await expect(layer.groupDiscard("", "jobs")).rejects.toEqual(invalid("group's name"));
    await expect(layer.groupSend("é", message)).rejects.toEqual(invalid("group's name"));
    for (const prefix of ["a!b", "x".repeat(60), "ü"])
      expect(() => layer.newChannel(prefix), prefix).toThrow(invalid("newChannel(): "));
    expect(layer.newChannel("x".repeat(33)).length).toBe(99);
    for (const handlers of [
      null,
      [],
      "x",
      { x: 5 },
      { "": () => 1 },
      { _x: () => 1 },
      { "a.b": () => 1, a_b: () => 1 },
    ])
      expect(() => layer.consume("jobs", handlers as never)).toThrow(invalid("consume(): "));
    for (const concurrency of [0, 1.5, Number.NaN, "5"])
      expect(() => layer.consume("jobs", {}, { concurrency } as never)).toThrow(invalid("concurrency"));
    expect(() => layer.consume([], {})).toThrow(invalid("no channels"));
    await layer.close();
  });

  test("a server that is not there is told in time", async () => {
    const away = new Redis(1, "127.0.0.1", { lazyConnect: true });
    const layer = channelLayer(away, { timeout: 200, onError: () => undefined });
    await expect(layer.send("jobs", { type: "x" })).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
      message: expect.stringContaining("Nothing was changed"),
    });
    await expect(layer.receive("jobs", { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/);
    await layer.close();
    away.disconnect();
  });
});

/**
 * With Django's Channels and channels_redis on the other end: TypeScript feeds `runworker` and gets its answer, Python feeds a
 * consumer in TypeScript, and groups have members of both.
 */
import { Redis } from "ioredis";
import {
  channelLayer,
  type ChannelHandlers,
  type ChannelLayer,
  type ChannelLayerOptions,
} from "petiole/channels";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { SiteClient } from "../celery/site.ts";
import { noPython } from "../services/python.ts";
import { redisLibraries, type MadeClient } from "../services/redis-clients.ts";
import { noOwnRedis, startOwnRedis, type OwnRedis } from "../services/redis.ts";
import { startChannelsClient, startRunworker, type LayerConfig, type Runworker } from "./site.ts";

const missing = noPython ?? noOwnRedis;
const skipped = missing === undefined ? "" : ` (skipped: ${missing})`;
const [ioredis, nodeRedis] = redisLibraries;
const soon = (): AbortSignal => AbortSignal.timeout(20_000);

/** Both sides' settings of one layer. */
interface Setting {
  readonly name: string;
  readonly library: (typeof redisLibraries)[number];
  readonly databases: readonly number[];
  readonly python: LayerConfig;
  readonly typescript: ChannelLayerOptions;
}

const settings: readonly Setting[] = [
  { name: "ioredis", library: ioredis!, databases: [0], python: {}, typescript: {} },
  {
    name: "node-redis, encrypted, TypeScript with the newer key",
    library: nodeRedis!,
    databases: [0],
    python: { prefix: "secret:", symmetric_encryption_keys: ["old"] },
    typescript: { prefix: "secret:", symmetricEncryptionKeys: ["old", "new"] },
  },
  {
    name: "node-redis, as JSON, encrypted with two keys",
    library: nodeRedis!,
    databases: [1],
    python: {
      serializer_format: "json",
      random_prefix_length: 20,
      symmetric_encryption_keys: ["new", "old"],
    },
    typescript: { serializer: "json", randomPrefixLength: 20, symmetricEncryptionKeys: ["old", "new"] },
  },
  { name: "ioredis, on three servers", library: ioredis!, databases: [3, 4, 5], python: {}, typescript: {} },
];

describe.skipIf(missing !== undefined).each(settings)(
  `with runworker: $name${skipped}`,
  ({ library, databases, python, typescript }) => {
    let redis: OwnRedis;
    let worker: Runworker;
    let client: SiteClient;
    let layer: ChannelLayer;
    const made: MadeClient[] = [];
    const closing: (() => Promise<void>)[] = [];
    const problems: unknown[] = [];
    const isJson = typescript.serializer === "json";

    beforeAll(async () => {
      redis = await startOwnRedis();
      const hosts = databases.map((database) => `${redis.url}/${database}`);
      const config = { ...python, hosts };
      [worker, client] = await Promise.all([startRunworker(config), startChannelsClient(config)]);
      made.push(...databases.map((database) => library.make(redis.url, database)));
      layer = channelLayer(
        made.map(({ client }) => client),
        { ...typescript, onError: (error) => problems.push(error) },
      );
    }, 90_000);

    afterEach(async () => {
      for (const close of closing.splice(0)) await close();
      expect(problems.splice(0)).toEqual([]);
      expect(worker.isAlive()).toBe(true);
    });

    afterAll(async () => {
      await layer?.close();
      for (const { close } of made) close();
      await Promise.all([worker?.stop(), client?.stop()]);
      await redis?.stop();
    }, 60_000);

    const consume = (channel: string, handlers: ChannelHandlers): void => {
      const consumer = layer.consume(channel, handlers);
      closing.push(() => consumer.close());
    };

    /** What runworker makes of a value. */
    async function echo(value: unknown): Promise<Record<string, unknown>> {
      const reply = layer.newChannel();
      await layer.send("jobs", { type: "do.echo", reply, value });
      return layer.receive(reply, { signal: soon() });
    }

    test("TypeScript feeds runworker, and gets its answer", async () => {
      expect(await echo({ text: "Grüße 🌱", list: [1, 2.5, null, true], empty: {} })).toEqual({
        type: "was.echoed",
        value: { text: "Grüße 🌱", list: [1, 2.5, null, true], empty: {} },
        repr: "{'text': 'Grüße 🌱', 'list': [1, 2.5, None, True], 'empty': {}}",
        keys: ["reply", "type", "value"],
      });
    });

    test.each([
      [0, "0"],
      [-1, "-1"],
      [2 ** 31, "2147483648"],
      [-(2 ** 31) - 1, "-2147483649"],
      [2 ** 32, "4294967296"],
      [Number.MAX_SAFE_INTEGER, "9007199254740991"],
      [Number.MIN_SAFE_INTEGER, "-9007199254740991"],
      [2n ** 53n, "9007199254740992"],
      [2n ** 64n - 1n, "18446744073709551615"],
      [-(2n ** 63n), "-9223372036854775808"],
      [0.1, "0.1"],
      // JavaScript has no other.
      [1.0, "1"],
      [1e21, "1e+21"],
      [-1e300, "-1e+300"],
      ["", "''"],
      ["\u0000\uFEFF", String.raw`'\x00\ufeff'`],
    ])("%s is %s in Python, and comes back", async (value, repr) => {
      expect(await echo(value)).toMatchObject({ value, repr });
    });

    test.skipIf(isJson)("bytes, NaN and infinities are what they are", async () => {
      expect(await echo(new Uint8Array([0, 255]))).toMatchObject({
        value: new Uint8Array([0, 255]),
        repr: String.raw`b'\x00\xff'`,
      });
      const { value } = await echo(Buffer.from("é"));
      expect(value).toStrictEqual(new Uint8Array([0xc3, 0xa9]));
      expect(await echo([Number.NaN, Infinity, -Infinity])).toMatchObject({
        value: [Number.NaN, Infinity, -Infinity],
        repr: "[nan, inf, -inf]",
      });
    });

    test.skipIf(!isJson)("what JSON does not have is refused", async () => {
      for (const value of [new Uint8Array(1), Number.NaN, Infinity])
        await expect(echo(value)).rejects.toMatchObject({ refusals: [{ path: "message.value" }] });
    });

    test("a whole number beyond 2^53, which would be a float in Python, is refused", async () => {
      for (const value of [2 ** 53, -(2 ** 53), 2 ** 60, 2 ** 64])
        await expect(echo(value)).rejects.toMatchObject({ refusals: [{ path: "message.value" }] });
    });

    test("a hundred messages are answered, in their order", async () => {
      const reply = layer.newChannel();
      for (let number = 0; number < 50; number++)
        await layer.send("jobs", { type: "do.echo", reply, value: number });
      const answers: unknown[] = [];
      while (answers.length < 50) answers.push((await layer.receive(reply, { signal: soon() }))["value"]);
      // Several servers are taken from in turn, and each keeps its own order.
      if (databases.length > 1) answers.sort((one, other) => Number(one) - Number(other));
      expect(answers).toEqual(Array.from({ length: 50 }, (_, number) => number));
    });

    test("what would end runworker is refused here", async () => {
      const send = (message: object): Promise<unknown> => layer.send("jobs", message as never);
      for (const message of [
        { value: 1 },
        { type: "" },
        { type: 5 },
        { type: null },
        { type: "_private" },
        { type: ".x" },
      ])
        await expect(send(message)).rejects.toMatchObject({ code: "ERR_PAYLOAD_REFUSED" });
      expect(await echo("still there")).toMatchObject({ value: "still there" });
    });

    test("Python feeds a consumer in TypeScript, and gets its answer", async () => {
      consume("ts", {
        "make.sum": async (message, { channel }) => {
          const { reply, numbers } = message as unknown as { reply: string; numbers: number[] };
          const sum = numbers.reduce((one, other) => one + other, 0);
          await layer.send(reply, { type: "sum.made", sum, channel });
        },
      });
      expect(await client.value('ask("ts", type="make.sum", numbers=[1, 2, 3])')).toBe(
        "{'type': 'sum.made', 'sum': 6, 'channel': 'ts'}",
      );
      expect(await client.value('ask("ts", type="make_sum", numbers=[])["sum"]')).toBe("0");
    });

    test("values of Python's arrive as they are", async () => {
      const arrived: unknown[] = [];
      consume("ts", { "take.it": ({ value }) => arrived.push(value) });
      await client.value(
        'send_to("ts", type="take.it", value=[2**53, 2**63, -2**63, 2**40, -2**33, 1.5, "é", None])',
      );
      // Which is an int and which a float, a bigint tells from 2^53 on.
      await client.value('send_to("ts", type="take.it", value=[1.0, 2.0**53, 2.0**60, 2**60, 1e300])');
      await expect
        .poll(() => arrived, { timeout: 20_000 })
        .toEqual([
          [2n ** 53n, 2n ** 63n, -(2n ** 63n), 2 ** 40, -(2 ** 33), 1.5, "é", null],
          [1, 2 ** 53, 2 ** 60, 2n ** 60n, 1e300],
        ]);
    });

    test("Python sends to a channel of a TypeScript process, and to two of them in one group", async () => {
      const [one, other] = [layer.newChannel(), layer.newChannel("mine")];
      await layer.groupAdd("both", one);
      await layer.groupAdd("both", other);
      await layer.groupAdd("both", layer.newChannel());
      const heard = Promise.all([one, other].map((channel) => layer.receive(channel, { signal: soon() })));
      await client.value('tell("both", type="news.said", news="it rains")');
      expect(await heard).toEqual([
        { type: "news.said", news: "it rains" },
        { type: "news.said", news: "it rains" },
      ]);
      await layer.groupDiscard("both", one);
      await client.value('tell("both", type="news.said", news="it is over")');
      expect(await layer.receive(other, { signal: soon() })).toMatchObject({ news: "it is over" });
      await expect(layer.receive(one, { signal: AbortSignal.timeout(300) })).rejects.toThrow(/timeout/);
    });

    test("TypeScript sends to a group that Python's processes are in", async () => {
      const reply = layer.newChannel();
      await layer.send("jobs", { type: "group.join", group: "python", reply });
      expect(await layer.receive(reply, { signal: soon() })).toMatchObject({ type: "has.joined" });
      const channel = (await client.outcome('joined("python")')).plain as string;
      const sent = await layer.groupSend("python", { type: "news.said", news: [1], reply });
      expect(sent).toMatchObject({ channels: 2, full: [] });
      expect(await layer.receive(reply, { signal: soon() })).toEqual({ type: "news.heard", news: [1] });
      expect(await client.value(`receive("${channel}")["news"]`)).toBe("[1]");
      await layer.send("jobs", { type: "group.leave", group: "python", reply });
      expect(await layer.receive(reply, { signal: soon() })).toEqual({ type: "has.left" });
      expect(await layer.groupSend("python", { type: "news.said", news: [2], reply })).toMatchObject({
        channels: 1,
      });
    });

    // Which server it is on, the group's hash decides; runworker looks at one at a time, until something comes there.
    test.skipIf(databases.length > 1)(
      "a shared channel of runworker is in a group, beside one that TypeScript consumes",
      async () => {
        const heard: unknown[] = [];
        consume("ts", { "do.echo": (message) => heard.push(message) });
        const reply = layer.newChannel();
        for (const channel of ["jobs", "ts"]) await layer.groupAdd("shared", channel);
        const sent = await layer.groupSend("shared", { type: "do.echo", reply, value: ["ours"] });
        expect(sent).toMatchObject({ channels: 2, full: [] });
        // What the group has put into the message is taken out on both sides.
        expect(await layer.receive(reply, { signal: soon() })).toEqual({
          type: "was.echoed",
          value: ["ours"],
          repr: "['ours']",
          keys: ["reply", "type", "value"],
        });
        await client.value(`tell("shared", type="do.echo", reply="${reply}", value="theirs")`);
        expect(await layer.receive(reply, { signal: soon() })).toMatchObject({ value: "theirs" });
        await expect
          .poll(() => heard, { timeout: 20_000 })
          .toEqual([
            { type: "do.echo", reply, value: ["ours"] },
            { type: "do.echo", reply, value: "theirs" },
          ]);
        // Put there by Python, taken out by us.
        await client.value('run(layer.group_add("theirs", "jobs"))');
        expect(await layer.groupSend("theirs", { type: "do.echo", reply, value: 2 })).toMatchObject({
          channels: 1,
        });
        expect(await layer.receive(reply, { signal: soon() })).toMatchObject({ value: 2 });
        await layer.groupDiscard("theirs", "jobs");
        await client.value(`tell("theirs", type="do.fail")`);
        expect(await layer.groupSend("theirs", { type: "do.fail" })).toMatchObject({ channels: 0 });
      },
    );

    test("TypeScript sends to a channel of a Python process by its name", async () => {
      const channel = (await client.outcome("run(layer.new_channel())")).plain as string;
      await layer.send(channel, { type: "hello", n: 1 });
      expect(await client.value(`receive("${channel}")`)).toBe("{'type': 'hello', 'n': 1}");
    });

    test("a handler in Python that fails costs no message of ours that is sent after it was started anew", async () => {
      await layer.send("jobs", { type: "do.fail" });
      await expect.poll(() => worker.said(), { timeout: 20_000 }).toContain("as it was asked to");
      // Channels looks every 100 ms for consumers that have ended: what it takes until then is lost there.
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
      expect(await echo("after")).toMatchObject({ value: "after" });
    });

    // The last: of several servers runworker takes in turn, and this sends elsewhere between.
    test("a channel that is full is full on both sides", async () => {
      const count = 100 * databases.length;
      for (let number = 0; number < count; number++)
        expect(await layer.send("full", { type: "x" })).toMatchObject({ expired: 0 });
      await expect(layer.send("full", { type: "x" })).rejects.toMatchObject({
        code: "ERR_CHANNEL_FULL",
        name: "ChannelFullError",
        channel: "full",
        capacity: 100,
      });
      expect(await client.outcome('send_to("full", type="x")')).toMatchObject({
        error: "channels.exceptions.ChannelFull",
      });
      await layer.groupAdd("some", "full");
      await layer.groupAdd("some", "roomy");
      expect(await layer.groupSend("some", { type: "x" })).toMatchObject({ channels: 2, full: ["full"] });
    });
  },
);

describe.skipIf(missing !== undefined)(`the same expiry and capacities on both sides${skipped}`, () => {
  let redis: OwnRedis;
  let client: SiteClient;
  let made: MadeClient;
  let raw: Redis;
  let layer: ChannelLayer;
  const capacities = { "large.*": 5, "s[!x]": 2 };

  beforeAll(async () => {
    redis = await startOwnRedis();
    client = await startChannelsClient({
      hosts: [`${redis.url}/0`],
      expiry: 90,
      group_expiry: 1000,
      capacity: 3,
      channel_capacity: capacities,
    });
    made = ioredis!.make(redis.url, 0);
    layer = channelLayer(made.client, {
      expiry: 90,
      groupExpiry: 1000,
      capacity: 3,
      channelCapacity: capacities,
    });
    raw = new Redis(redis.port, "127.0.0.1");
  }, 90_000);

  afterAll(async () => {
    await layer?.close();
    made?.close();
    raw?.disconnect();
    await client?.stop();
    await redis?.stop();
  }, 60_000);

  test.each([
    ["large.one", 5],
    ["sa", 2],
    ["sx", 3],
    ["plain", 3],
  ])("channel %s has room for %i messages, whoever sends them", async (channel, capacity) => {
    const full = { code: "ERR_CHANNEL_FULL", capacity };
    for (let number = 0; number < capacity; number++)
      if (number % 2 === 0) await client.value(`send_to("${channel}", type="x", n=${number})`);
      else expect(await layer.send(channel, { type: "x", n: number })).toMatchObject({ waiting: number });
    await expect(layer.send(channel, { type: "x" })).rejects.toMatchObject(full);
    expect(await client.outcome(`send_to("${channel}", type="x")`)).toMatchObject({
      error: "channels.exceptions.ChannelFull",
    });
    await layer.groupAdd(channel, channel);
    expect(await layer.groupSend(channel, { type: "x" })).toMatchObject({ full: [channel] });
    await client.value(`tell("${channel}", type="x")`);
    expect(await raw.zcard(`asgi${channel}`)).toBe(capacity);
    // One is taken, and there is room for one, of either side's. Which is the first of a millisecond, nobody says.
    expect(await layer.receive(channel, { signal: soon() })).toMatchObject({ type: "x" });
    await client.value(`send_to("${channel}", type="x", n="last")`);
    await expect(layer.send(channel, { type: "x" })).rejects.toMatchObject(full);
    expect(await raw.ttl(`asgi${channel}`)).toBeGreaterThan(60);
  });

  /** As if all in a channel or a group had been put there so many seconds ago. */
  const age = async (key: string, seconds: number): Promise<void> => {
    const entries = await raw.zrangeBuffer(key, "0", "-1");
    for (const entry of entries) await raw.zincrby(key, -seconds, entry);
  };

  test("what one side has sent and nobody received, the other finds to have expired", async () => {
    for (const n of [1, 2]) {
      await client.value(`send_to("to.us", type="x", n=${n})`);
      await layer.send("to.them", { type: "x", n });
    }
    // More than the 60 seconds that it is unless told.
    for (const channel of ["to.us", "to.them"]) await age(`asgi${channel}`, 75);
    expect(await layer.send("to.us", { type: "x", n: 3 })).toMatchObject({ waiting: 2, expired: 0 });
    await client.value('send_to("to.them", type="x", n=3)');
    expect(await raw.zcard("asgito.them")).toBe(3);
    for (const channel of ["to.us", "to.them"]) await age(`asgi${channel}`, 20);
    expect(await layer.send("to.us", { type: "x", n: 4 })).toMatchObject({ waiting: 1, expired: 2 });
    expect(await layer.receive("to.us", { signal: soon() })).toEqual({ type: "x", n: 3 });
    await client.value('send_to("to.them", type="x", n=4)');
    expect(await client.value('receive("to.them")')).toBe("{'type': 'x', 'n': 3}");
    expect(await raw.zcard("asgito.them")).toBe(1);
  });

  test("who was put into a group too long ago, by either side, is in it no more for the other", async () => {
    await client.value('run(layer.group_add("old", "one"))');
    await layer.groupAdd("old", "two");
    expect(await raw.ttl("asgi:group:old")).toBeLessThanOrEqual(1000);
    await age("asgi:group:old", 900);
    expect(await layer.groupSend("old", { type: "x" })).toMatchObject({ channels: 2 });
    await client.value('tell("old", type="x")');
    expect(await Promise.all(["asgione", "asgitwo"].map((key) => raw.zcard(key)))).toEqual([2, 2]);
    await age("asgi:group:old", 200);
    await client.value('run(layer.group_add("old", "three"))');
    expect(await layer.groupSend("old", { type: "x" })).toMatchObject({ channels: 1 });
    await layer.groupAdd("older", "four");
    await age("asgi:group:older", 1100);
    await client.value('tell("older", type="x")');
    expect(await raw.exists("asgifour")).toBe(0);
  });
});

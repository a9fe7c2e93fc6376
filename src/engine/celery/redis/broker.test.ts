/** The broker, on a real Redis, with clients of each library. */
import { Redis } from "ioredis";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { redisLibraries } from "../../../../test/services/redis-clients.ts";
import { describeOwnRedis } from "../../../../test/services/describe-redis.ts";
import type { Unreadable } from "../broker.ts";
import type { CeleryMessage } from "../protocol/message.ts";
import { RedisBroker } from "./broker.ts";
import type { RedisSettings } from "./settings.ts";

const settings: RedisSettings = {
  keyPrefix: "",
  visibilityTimeout: 3_600_000,
  resultExpires: 60_000,
  timeout: 5000,
  pollInterval: 100,
};

function message(id: string, more: Partial<CeleryMessage> = {}): CeleryMessage {
  return {
    queue: "celery",
    headers: { task: "tasks.add", id, retries: 0, timelimit: [null, null], stamps: {}, kwargsrepr: "{}" },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from(`[["${id}"],{},{"callbacks":null}]`),
    ...more,
  };
}

describeOwnRedis("broker on Redis", { durable: true }, ({ server, redis, closing }) => {
  describe.each(redisLibraries)("with $name", ({ make }) => {
    function open(more: Partial<RedisSettings> = {}, database?: number): RedisBroker {
      const { client, close } = make(server.url, database);
      const broker = new RedisBroker(client, { ...settings, ...more });
      closing.push(close, () => broker.close());
      return broker;
    }
    const idsOf = (taken: readonly { readonly message: CeleryMessage }[]): string[] =>
      taken.map(({ message: { headers } }) => headers.id);

    test("gives what was published, as it was, in its order", async () => {
      const broker = open();
      const body = Uint8Array.from({ length: 300 }, (_, at) => at % 256);
      const first = message("1", { body, replyTo: "answers", contentType: "application/x", priority: 0 });
      await broker.publish([first, message("2", { priority: 0 })]);
      await broker.publish([message("3", { priority: 0 })]);
      const taken = await broker.take(["celery"], 10, 30_000);
      expect(idsOf(taken)).toEqual(["1", "2", "3"]);
      expect({ ...taken[0]!.message, body: [...taken[0]!.message.body] }).toEqual({
        ...first,
        body: [...body],
      });
      expect(taken[0]).toMatchObject({ redelivered: false });
      expect(new Set(taken.map(({ tag }) => tag)).size).toBe(3);
      expect(await broker.take(["celery"], 10, 30_000)).toEqual([]);
    });

    test("is asked of more at once than one call of JavaScript's can take", async () => {
      const tags = Array.from({ length: 150_000 }, (_, at) => `tag ${at}`);
      expect(await open().extend(tags, 30_000)).toHaveLength(tags.length);
    });

    test("carries headers of whatever text", async () => {
      const broker = open();
      const headers = {
        task: "lone \ud800, \udc00\ud800, \\ud800 \\\\ud800 \0 🍃",
        id: '"\\u"',
        deep: { "": [null, 1.5, -0.1, "\u2028"] },
      };
      await broker.publish([{ ...message("1"), headers }]);
      const [taken] = await broker.take(["celery"], 1, 200);
      expect(taken!.message.headers).toEqual(headers);
      await pause(250);
      const [again] = await broker.take(["celery"], 1, 30_000);
      expect([again!.message.headers, again!.redelivered]).toEqual([headers, true]);
    });

    test("writes what Kombu writes", async () => {
      const broker = open({ keyPrefix: "myapp:" });
      await broker.publish([message("1", { priority: 7, replyTo: "r" })]);
      const [text = ""] = await redis.lrange("myapp:celery\u0006\u00166", 0, -1);
      const envelope = JSON.parse(text);
      expect(envelope).toEqual({
        body: Buffer.from('[["1"],{},{"callbacks":null}]').toString("base64"),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        headers: { ...message("1").headers },
        properties: {
          correlation_id: "1",
          reply_to: "r",
          delivery_mode: 2,
          delivery_info: { exchange: "", routing_key: "celery" },
          priority: 7,
          body_encoding: "base64",
          delivery_tag: expect.stringMatching(/^[-0-9a-f]{36}$/),
        },
      });
      await expect
        .poll(() => redis.smembers("myapp:_kombu.binding.celery"))
        .toEqual(["celery\u0006\u0016\u0006\u0016celery"]);
      const before = Date.now() / 1000;
      const [taken] = await broker.take(["celery"], 1, 20_000);
      const [tag, held] = Object.entries(await redis.hgetall("myapp:unacked"))[0]!;
      expect(tag).toBe(taken!.tag);
      expect(JSON.parse(held)).toEqual([envelope, "", "celery"]);
      // As if it had been taken so long ago that it is over when the lease is.
      const score = Number(await redis.zscore("myapp:unacked_index", tag));
      expect(Math.abs(score - (before + 20 - 3600))).toBeLessThan(2);
    });

    test("takes by queue, then by priority, 0 first, then by age", async () => {
      const broker = open();
      const all = [9, 5, 0, 3, 6, undefined, 12, -1].map((priority, at) =>
        message(`${at}:${priority}`, priority === undefined ? {} : { priority }),
      );
      await broker.publish([message("other", { queue: "other" }), ...all]);
      expect(idsOf(await broker.take(["celery", "other"], 3, 30_000))).toEqual([
        "2:0",
        "5:undefined",
        "7:-1",
      ]);
      expect(idsOf(await broker.take(["celery", "other"], 10, 30_000))).toEqual([
        "1:5",
        "3:3",
        "4:6",
        "0:9",
        "6:12",
        "other",
      ]);
    });

    test("takes from Kombu's four lists alone: what other priority_steps put elsewhere waits there", async () => {
      const broker = open();
      await broker.publish([message("1", { priority: 3 })]);
      await redis.rename("celery\u0006\u00163", "celery\u0006\u00164");
      await broker.publish([message("2", { priority: 4 })]);
      expect(idsOf(await broker.take(["celery"], 10, 30_000))).toEqual(["2"]);
      expect(await redis.llen("celery\u0006\u00164")).toBe(1);
    });

    test("8 take at once: each message has one winner", async () => {
      const publisher = open();
      const ids = Array.from({ length: 400 }, (_, at) => String(at));
      await publisher.publish(ids.map((id) => message(id)));
      const brokers = Array.from({ length: 8 }, () => open());
      const found: string[] = [];
      await Promise.all(
        brokers.map(async (broker) => {
          for (;;) {
            const taken = await broker.take(["celery"], 7, 30_000);
            if (taken.length === 0) return;
            found.push(...idsOf(taken));
          }
        }),
      );
      expect(found).toHaveLength(400);
      expect(new Set(found)).toEqual(new Set(ids));
    });

    test("a lease that is over: the message is given to the next, redelivered, and its old tag is fenced", async () => {
      const [one, other] = [open(), open()];
      await one.publish([message("1"), message("2")]);
      const [first, second] = await one.take(["celery"], 2, 300);
      expect(await one.extend([second!.tag, "unknown"], 60_000)).toEqual(["unknown"]);
      expect(await other.take(["celery"], 10, 300)).toEqual([]);
      await pause(350);
      const [again, ...more] = await other.take(["celery"], 10, 300);
      expect(more).toEqual([]);
      expect(again).toMatchObject({ message: { headers: { id: "1" } }, redelivered: true });
      expect(again!.message).toEqual({ ...first!.message, headers: again!.message.headers });
      expect(again!.message.headers).toEqual(message("1").headers);
      expect(again!.tag).not.toBe(first!.tag);
      let called = 0;
      const late = await one.finish(
        [{ tag: first!.tag, publish: [message("late")] }],
        async () => void called++,
      );
      expect([late, called]).toEqual([[false], 0]);
      expect(await one.extend([first!.tag], 30_000)).toEqual([first!.tag]);
      await one.giveBack([first!.tag]);
      await pause(350);
      const [third] = await one.take(["celery"], 10, 30_000);
      expect(third).toMatchObject({ message: { headers: { id: "1" } }, redelivered: true });
      expect(await one.finish([{ tag: third!.tag, publish: [] }], async () => {})).toEqual([true]);
      expect(await redis.hkeys("unacked")).toEqual([second!.tag]);
      expect(await redis.zrange("unacked_index", "0", "-1")).toEqual([second!.tag]);
      expect(await redis.llen("celery")).toBe(0);
    });

    test("a listener hears of a lease of another that is over, within seconds", async () => {
      const [one, other] = [open(), open()];
      await one.publish([message("1"), message("2", { priority: 9 })]);
      expect(await one.take(["celery"], 2, 500)).toHaveLength(2);
      const start = performance.now();
      const found: string[] = [];
      await new Promise<void>((resolve) => {
        closing.push(
          other.onArrival(["celery"], async () => {
            found.push(...idsOf(await other.take(["celery"], 10, 30_000)));
            if (found.length === 2) resolve();
          }),
        );
      });
      expect(found).toEqual(["1", "2"]);
      expect(performance.now() - start).toBeLessThan(3000);
    });

    test("finishing publishes what follows and acknowledges, after the results are stored", async () => {
      const broker = open();
      await broker.publish([message("1"), message("2")]);
      const [one, two] = await broker.take(["celery"], 2, 30_000);
      const finishes = [
        { tag: "gone", publish: [message("never")] },
        { tag: one!.tag, publish: [message("next"), message("else", { queue: "else" })] },
      ];
      const seen: unknown[] = [];
      expect(
        await broker.finish(finishes, async (held) => {
          seen.push(held, await redis.hlen("unacked"), await redis.llen("celery"));
        }),
      ).toEqual([false, true]);
      expect(seen).toEqual([[false, true], 2, 0]);
      expect(idsOf(await broker.take(["celery", "else"], 10, 30_000))).toEqual(["next", "else"]);
      // What could not be stored is not acknowledged.
      const failed = broker.finish([{ tag: two!.tag, publish: [message("x")] }], () =>
        Promise.reject(new Error("full")),
      );
      await expect(failed).rejects.toThrow("full");
      expect(await redis.hexists("unacked", two!.tag)).toBe(1);
      expect(await broker.finish([{ tag: two!.tag, publish: [] }], async () => {})).toEqual([true]);
      expect(await broker.finish([{ tag: two!.tag, publish: [] }], async () => {})).toEqual([false]);
    });

    test("gives back to the front, untouched", async () => {
      const broker = open();
      await broker.publish([message("1"), message("2", { priority: 4 }), message("3"), message("4")]);
      const before = await redis.lrange("celery", 0, -1);
      const taken = await broker.take(["celery"], 10, 30_000);
      expect(idsOf(taken)).toEqual(["1", "3", "4", "2"]);
      await broker.giveBack([...taken.map(({ tag }) => tag), "unknown"]);
      expect(await redis.lrange("celery", 0, -1)).toEqual(before);
      expect(await redis.exists("unacked", "unacked_index")).toBe(0);
      const again = await broker.take(["celery"], 10, 30_000);
      expect(again.map(({ redelivered }) => redelivered)).toEqual([false, false, false, false]);
      expect(idsOf(again)).toEqual(["1", "3", "4", "2"]);
    });

    test("wakes: at once for its own sends and for others' LPUSH, soon for priorities", async () => {
      // So long between the looks that it cannot be them.
      const [one, other] = [open({ pollInterval: 60_000 }), open({ pollInterval: 60_000 })];
      let woken = 0;
      closing.push(other.onArrival(["celery", "q2"], () => void woken++));
      expect(await other.take(["celery", "q2"], 10, 30_000)).toEqual([]);
      await expect
        .poll(async () => ((await redis.client("LIST")) as string).match(/cmd=blmove/g)?.length)
        .toBe(2);
      for (const queue of ["celery", "q2"]) {
        woken = 0;
        await one.publish([message("x", { queue })]);
        await expect.poll(() => woken, { timeout: 2000 }).toBeGreaterThan(0);
        expect(idsOf(await other.take(["celery", "q2"], 10, 30_000))).toEqual(["x"]);
      }
      woken = 0;
      await other.publish([message("own", { priority: 9 })]);
      await expect.poll(() => woken, { timeout: 2000 }).toBeGreaterThan(0);
      // Priorities of others: by the looks.
      const third = open({ pollInterval: 50 });
      expect(idsOf(await third.take(["celery"], 10, 30_000))).toEqual(["own"]);
      let heard = 0;
      const stop = third.onArrival(["celery"], () => void heard++);
      await pause(300);
      heard = 0;
      await one.publish([message("y", { priority: 9 })]);
      await expect.poll(() => heard, { timeout: 2000 }).toBeGreaterThan(0);
      stop();
      await pause(100);
      heard = 0;
      await one.publish([message("z")]);
      await pause(200);
      expect(heard).toBe(0);
    });

    test("a bell takes nothing away, and does not spin on a queue that nobody empties", async () => {
      const broker = open({ pollInterval: 200 });
      await broker.publish([message("1"), message("2"), message("3")]);
      let woken = 0;
      closing.push(broker.onArrival(["celery"], () => void woken++));
      await pause(1000);
      expect(woken).toBeGreaterThan(1);
      expect(woken).toBeLessThan(25);
      expect(idsOf(await broker.take(["celery"], 10, 30_000))).toEqual(["1", "2", "3"]);
    });

    test("who takes only what is no message is woken for what follows", async () => {
      // So long between the looks that it cannot be them.
      const broker = open({ pollInterval: 60_000 });
      let woken = 0;
      closing.push(broker.onArrival(["celery"], () => void woken++));
      await redis.lpush("celery", "one", "two");
      await broker.publish([message("good")]);
      await pause(300);
      woken = 0;
      expect(await broker.take(["celery"], 2, 30_000)).toEqual([]);
      await expect.poll(() => woken, { timeout: 2000 }).toBeGreaterThan(0);
      expect(idsOf(await broker.take(["celery"], 2, 30_000))).toEqual(["good"]);
    });

    test("what is no message is put aside with its bytes, and never throws", async () => {
      const broker = open();
      const found: Unreadable[] = [];
      broker.onUnreadable((unreadable) => void found.push(unreadable));
      const sound = JSON.stringify({
        body: "W10=",
        headers: { task: "t", id: "i" },
        properties: { body_encoding: "base64", delivery_tag: "d", delivery_info: { exchange: "" } },
      });
      const bad: (string | Buffer)[] = [
        "",
        "no JSON",
        "[]",
        "null",
        '"text"',
        "12",
        '{"headers":{}}',
        sound.slice(0, -1),
        sound.replace('"delivery_tag":"d",', ""),
        sound.replace('"exchange":""', ""),
        sound.replace('"id":"i"', '"id":1'),
        sound.replace('"headers":{"task":"t","id":"i"}', '"headers":[]'),
        sound.replace("W10=", "%%%%"),
        sound.replace('"W10="', "{}"),
        sound.replace('"d"', '"a\nb"'),
        sound.replace('"d"', "NaN"),
        `${"[".repeat(2000)}${"]".repeat(2000)}`,
        Buffer.from([0xff, 0xfe, 0, 1]),
        Buffer.concat([Buffer.from(sound.slice(0, 20)), Buffer.from([0xff]), Buffer.from(sound.slice(20))]),
      ];
      for (const entry of bad) await redis.lpush("celery", entry);
      await broker.publish([message("good")]);
      // Of Celery's protocol 1, which the engine knows.
      await redis.lpush("celery", sound.replace('"task":"t","id":"i"', ""));
      expect(idsOf(await broker.take(["celery"], 100, 30_000))).toEqual(["good", undefined]);
      expect(found).toHaveLength(bad.length);
      for (const [at, { queue, text, reason, tag }] of found.entries()) {
        const entry = bad[at]!;
        expect(queue).toBe("celery");
        expect(reason.code).toBe("ERR_TEXT_UNDECODABLE");
        expect(text).toBe(typeof entry === "string" ? entry : entry.toString("base64"));
        // A worker of Python's can restore what is held of it.
        const [held, exchange, key] = JSON.parse((await redis.hget("unacked", tag))!);
        expect([exchange, key]).toEqual(["", "celery"]);
        expect(held.headers).toMatchObject({ id: expect.any(String), task: "petiole.unreadable" });
        expect(held.properties).toMatchObject({
          delivery_tag: expect.any(String),
          delivery_info: { exchange: "", routing_key: "celery" },
        });
        expect(held.properties.body_encoding).toBeUndefined();
      }
      // Whoever holds it is lost: the next finds the same bytes.
      await broker.giveBack([found[1]!.tag]);
      await redis.zadd("unacked_index", 1, found[0]!.tag, 2, found[17]!.tag);
      const texts = [found[0]!, found[17]!, found[1]!].map(({ text }) => text);
      found.length = 0;
      // What this process holds it keeps.
      const other = open();
      other.onUnreadable((unreadable) => void found.push(unreadable));
      expect(await other.take(["celery"], 100, 30_000)).toEqual([]);
      expect(found.map(({ text }) => text).toSorted()).toEqual(texts.toSorted());
      const tags = found.map(({ tag }) => ({ tag, publish: [] }));
      expect(await other.finish(tags, async () => {})).toEqual([true, true, true]);
    });

    test("restores what workers of Python's hold, to where their bindings say, and every byte as it was", async () => {
      const broker = open();
      const held = (exchange: string, key: string, more = ""): string =>
        `[{"body": "W10=", "headers": {"task": "t", "id": "${exchange}${key}", "big": 12345678901234567890, "s": "\\"}\\\\"${more}}, ` +
        `"properties": {"body_encoding": "base64", "delivery_tag": "d", "priority": 6, ` +
        `"delivery_info": {"exchange": "${exchange}", "routing_key": "${key}"}}}, "${exchange}", "${key}"]`;
      const now = Date.now() / 1000;
      const put = async (tag: string, text: string, age: number): Promise<void> => {
        await redis.hset("unacked", tag, text);
        await redis.zadd("unacked_index", now - age, tag);
      };
      await put("plain", held("", "celery"), 3700);
      await put("direct", held("media", "video"), 3701);
      await put("topic", held("logs", "a.b.c"), 3702);
      await put("nowhere", held("unknown", "lost"), 3703);
      await put("young", held("", "celery"), 3500);
      await put("odd", held("", "celery", ', "nan": NaN'), 3704);
      await redis.zadd("unacked_index", 5, "without");
      const separator = "\u0006\u0016";
      await redis.sadd("_kombu.binding.media", ["video", "", "videos"].join(separator));
      await redis.sadd("_kombu.binding.media", ["image", "", "images"].join(separator));
      await redis.sadd("_kombu.binding.logs", ["a.*.c", "^a\\.[^.]*\\.c$", "some"].join(separator));
      await redis.sadd("_kombu.binding.logs", ["a.#", "^a\\..*$", "all"].join(separator));
      await redis.sadd("_kombu.binding.logs", ["b.#", "^b\\..*$", "none"].join(separator));
      expect(await broker.take(["elsewhere"], 1, 1000)).toEqual([]);
      expect(await redis.hkeys("unacked")).toEqual(["young"]);
      expect(await redis.zrange("unacked_index", "0", "-1")).toEqual(["young"]);
      const lists = await redis.keys(`*${separator}6`);
      expect(lists.map((list) => list.split(separator)[0]).toSorted()).toEqual([
        "all",
        "celery",
        "lost",
        "some",
        "videos",
      ]);
      expect(await redis.lrange(`celery${separator}6`, 0, -1)).toEqual([
        expect.stringContaining('"id": "celery", "big": 12345678901234567890, "s": "\\"}\\\\"}'),
        expect.stringContaining('"nan": NaN}'),
      ]);
      const [restored] = await redis.lrange(`videos${separator}6`, 0, -1);
      const envelope = JSON.parse(restored!);
      expect(envelope.headers.redelivered).toBe(true);
      expect(envelope.properties.delivery_info).toEqual({
        redelivered: true,
        exchange: "media",
        routing_key: "video",
      });
      expect(envelope.properties.delivery_tag).toBe("d");
      const [taken] = await broker.take(["videos"], 1, 30_000);
      expect(JSON.stringify(taken!.message.headers)).toContain('"big":12345678901234567890');
    });

    test("what is held in a form that nobody knows is put aside, and is in nobody's way", async () => {
      const broker = open();
      for (const [at, text] of ["no JSON", "{}", "[]", '[1,"","q"]', '[{},"",""]'].entries()) {
        await redis.hset("unacked", `tag${at}`, text);
        await redis.zadd("unacked_index", at + 1, `tag${at}`);
      }
      await broker.publish([message("1")]);
      const found: Unreadable[] = [];
      expect(idsOf(await broker.take(["celery"], 1, 50))).toEqual(["1"]);
      expect(await redis.hlen("unacked")).toBe(6);
      broker.onUnreadable((unreadable) => void found.push(unreadable));
      await pause(60);
      expect(idsOf(await broker.take(["celery"], 1, 30_000))).toEqual(["1"]);
      expect(found.map(({ text }) => text).toSorted()).toEqual(
        ["no JSON", "{}", "[]", '[1,"","q"]', '[{},"",""]'].toSorted(),
      );
      expect(
        await broker.finish(
          found.map(({ tag }) => ({ tag, publish: [] })),
          async () => {},
        ),
      ).toEqual([true, true, true, true, true]);
    });

    test("broadcasts as Celery's control does, and hears it", async () => {
      const [one, other] = [open({ keyPrefix: "p:" }, 3), open({ keyPrefix: "p:", hostname: "me" }, 3)];
      const raw = new Redis(server.port);
      closing.push(() => raw.disconnect());
      const published: string[] = [];
      await raw.subscribe("p:/3.celery.pidbox");
      raw.on("message", (_, text: string) => void published.push(text));
      const heard: unknown[][] = [[], []];
      closing.push(one.onBroadcast((message) => void heard[0]!.push(message)));
      closing.push(other.onBroadcast((message) => void heard[1]!.push(message)));
      await expect
        .poll(async () => ((await redis.call("PUBSUB", "NUMSUB", "p:/3.celery.pidbox")) as unknown[])[1])
        .toBe(3);
      const revoke = { method: "revoke", arguments: { task_id: "1", terminate: true, signal: null } };
      await one.broadcast(revoke);
      await expect.poll(() => heard).toEqual([[revoke], [revoke]]);
      const envelope = JSON.parse(published[0]!);
      expect(JSON.parse(Buffer.from(envelope.body, "base64").toString())).toEqual({
        ...revoke,
        destination: null,
        pattern: null,
        matcher: null,
      });
      expect(envelope.headers).toEqual({ clock: 0, expires: 0 });
      expect(envelope.properties).toMatchObject({
        body_encoding: "base64",
        delivery_info: { exchange: "celery.pidbox", routing_key: "" },
      });
      const body = (value: unknown): string =>
        JSON.stringify({ ...envelope, body: Buffer.from(JSON.stringify(value)).toString("base64") });
      for (const bad of [
        "no JSON",
        "[]",
        "{}",
        body([]),
        body({ method: 1 }),
        body({ method: "x", pattern: "a*", matcher: "glob" }),
      ])
        await redis.publish("p:/3.celery.pidbox", bad);
      await redis.publish("p:/3.celery.pidbox", body({ method: "ping", destination: ["you", "me"] }));
      await redis.publish("p:/3.celery.pidbox", body({ method: "last", arguments: null }));
      const last = { method: "last", arguments: {} };
      await expect
        .poll(() => heard)
        .toEqual([
          [revoke, last],
          [revoke, { method: "ping", arguments: {} }, last],
        ]);
    });

    test("counts what waits, over all priorities", async () => {
      const broker = open();
      expect(await broker.lengths()).toEqual([]);
      await broker.publish([message("1"), message("2", { priority: 9 }), message("3", { queue: "q" })]);
      expect(await broker.take(["empty"], 1, 1000)).toEqual([]);
      expect(await broker.lengths()).toEqual([
        { queue: "celery", count: 2 },
        { queue: "q", count: 1 },
        { queue: "empty", count: 0 },
      ]);
    });

    test("a key that holds something else is told, and nothing is changed", async () => {
      const broker = open();
      await redis.set("wrong", "text");
      const batch = [message("1"), message("2", { queue: "wrong" })];
      const error = {
        code: "ERR_ENGINE_FAILED",
        message: expect.stringContaining('WRONGTYPE "wrong" holds a string'),
      };
      await expect(broker.publish(batch)).rejects.toMatchObject(error);
      expect(await redis.llen("celery")).toBe(0);
      await expect(broker.take(["wrong"], 1, 1000)).rejects.toMatchObject(error);
      await broker.publish([message("1")]);
      // What it got before is not lost.
      expect(idsOf(await broker.take(["celery", "wrong"], 10, 1000))).toEqual(["1"]);
      const [one] = [...(await redis.hkeys("unacked"))];
      await expect(broker.finish([{ tag: one!, publish: batch }], async () => {})).rejects.toMatchObject(
        error,
      );
      expect(await redis.hexists("unacked", one!)).toBe(1);
      await redis.del("unacked");
      await redis.set("unacked", "text");
      await broker.publish([message("2")]);
      await expect(broker.take(["celery"], 1, 1000)).rejects.toMatchObject({
        message: expect.stringContaining('WRONGTYPE "unacked" holds a string, where a hash belongs'),
      });
      expect(await redis.llen("celery")).toBe(1);
      await expect(broker.publish([message("3", { queue: "" })])).rejects.toMatchObject({
        code: "ERR_OPTION_INVALID",
      });
    });

    test("connections that are killed again and again lose nothing and double nothing", async () => {
      const [publisher, worker] = [open(), open()];
      const stop = new AbortController();
      const killing = (async () => {
        while (!stop.signal.aborted) {
          await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
          await pause(15);
        }
      })();
      const ids = Array.from({ length: 300 }, (_, at) => String(at));
      const done: string[] = [];
      const publishing = (async () => {
        for (let at = 0; at < ids.length; at += 5)
          await publisher.publish(ids.slice(at, at + 5).map((id) => message(id)));
      })();
      closing.push(worker.onArrival(["celery"], () => {}));
      while (done.length < ids.length) {
        const taken = await worker.take(["celery"], 7, 60_000);
        const answers = await worker.finish(
          taken.map(({ tag }) => ({ tag, publish: [] })),
          async () => {},
        );
        for (const [at, { message: own }] of taken.entries()) if (answers[at]) done.push(own.headers.id);
        if (taken.length === 0) await pause(5);
      }
      await publishing;
      stop.abort();
      await killing;
      expect(done.toSorted((one, other) => Number(one) - Number(other))).toEqual(ids);
      expect(await worker.take(["celery"], 10, 1000)).toEqual([]);
      expect(await redis.hlen("unacked")).toBe(0);
    });

    test("goes on when the server was started anew", async () => {
      const broker = open();
      await broker.publish([message("1"), message("2")]);
      const [one] = await broker.take(["celery"], 1, 60_000);
      let woken = 0;
      closing.push(broker.onArrival(["celery"], () => void woken++));
      await server.restart(300);
      const finished = broker.finish([{ tag: one!.tag, publish: [message("3")] }], async () => {});
      expect(await finished).toEqual([true]);
      expect(idsOf(await broker.take(["celery"], 10, 60_000))).toEqual(["2", "3"]);
      woken = 0;
      const other = open();
      await other.publish([message("4")]);
      await expect.poll(() => woken, { timeout: 3000 }).toBeGreaterThan(0);
    });

    test("a server that is frozen is given up on in time; what it took then is found by the next taking", async () => {
      const broker = open({ timeout: 400 });
      await broker.publish([message("1"), message("2")]);
      await broker.take(["none"], 1, 1000);
      process.kill(server.pid(), "SIGSTOP");
      const thaw = (): void => void process.kill(server.pid(), "SIGCONT");
      closing.push(thaw);
      const before = performance.now();
      await expect(broker.take(["celery"], 10, 60_000)).rejects.toMatchObject({
        code: "ERR_ENGINE_UNREACHABLE",
        message: expect.stringContaining("may have been done all the same"),
      });
      expect(performance.now() - before).toBeLessThan(2000);
      thaw();
      await expect.poll(() => redis.hlen("unacked"), { timeout: 3000 }).toBe(2);
      // Whatever the next asks for: they are where they were.
      expect(await broker.take(["none"], 1, 1000)).toEqual([]);
      expect([await redis.hlen("unacked"), await redis.llen("celery")]).toEqual([0, 2]);
      const found = await broker.take(["celery"], 10, 60_000);
      expect(idsOf(found)).toEqual(["1", "2"]);
      expect(found.map(({ redelivered }) => redelivered)).toEqual([false, false]);
      await broker.giveBack(found.map(({ tag }) => tag));
      expect(idsOf(await broker.take(["celery"], 10, 60_000))).toEqual(["1", "2"]);
    });

    test("a Redis that is away is told; after closing all is refused", async () => {
      const { client, close } = make("redis://127.0.0.1:1");
      closing.push(close);
      const broker = new RedisBroker(client, { ...settings, timeout: 200 });
      await expect(broker.publish([message("1")])).rejects.toMatchObject({
        code: "ERR_ENGINE_UNREACHABLE",
        message: expect.stringContaining("ECONNREFUSED"),
      });
      const waiting = broker.take(["q"], 1, 1000);
      const closed = broker.close();
      await expect(waiting).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
      await closed;
      await expect(broker.publish([message("1")])).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
      const refused = expect.objectContaining({ code: "ERR_ENGINE_CLOSED" });
      expect(() => broker.onArrival(["q"], () => {})).toThrow(refused);
      expect(() => broker.onBroadcast(() => {})).toThrow(refused);
      await broker.close();
    });
  });
});

/** Results, on a real Redis, with clients of each library. */
import { Redis } from "ioredis";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { redisLibraries } from "../../../../test/services/redis-clients.ts";
import { describeOwnRedis } from "../../../../test/services/describe-redis.ts";
import type { TaskEnd } from "../protocol/result.ts";
import { RedisResults, type EndCodec } from "./results.ts";
import type { RedisSettings } from "./settings.ts";

const settings: RedisSettings = {
  keyPrefix: "broker_",
  resultPrefix: "myres_",
  visibilityTimeout: 3_600_000,
  resultExpires: 60_000,
  timeout: 5000,
  pollInterval: 100,
};

/** What is stored is the codec's matter: here it is the end itself, beside Celery's `status`. */
const codec: EndCodec = {
  write: (end) => JSON.stringify({ status: end.status, end }),
  read(text) {
    const { status, end } = JSON.parse(text) as { status: string; end: TaskEnd };
    return status === "STARTED" ? undefined : end;
  },
};

function end(id: string, more: Partial<TaskEnd> = {}): TaskEnd {
  return { id, status: "SUCCESS", state: "succeeded", result: "1", endedAt: 1, ...more };
}
const failed = { status: "FAILURE", state: "failed" } as const;

describeOwnRedis("results on Redis", { durable: true }, ({ server, redis, closing }) => {
  describe.each(redisLibraries)("with $name", ({ make }) => {
    function open(more: Partial<RedisSettings> = {}): RedisResults {
      const { client, close } = make(server.url);
      const results = new RedisResults(client, { ...settings, ...more }, codec);
      closing.push(close, () => results.close());
      return results;
    }
    const store = (results: RedisResults, ...ends: readonly TaskEnd[]): Promise<void> =>
      results.store(ends.map((one) => ({ end: one, replyTo: undefined })));

    test("a pickle is refused to whoever looks for it, and to nobody beside", async () => {
      const results = open();
      await store(results, end("1"));
      await redis.set("myres_celery-task-meta-2", Buffer.from("\u0080\u0004\u0095.", "latin1"));
      const [sound, pickled, none] = await Promise.allSettled(["1", "2", "3"].map((id) => results.find(id)));
      expect(sound).toMatchObject({ value: end("1") });
      expect(pickled).toMatchObject({
        reason: {
          code: "ERR_ENGINE_ROW_UNREADABLE",
          message: expect.stringMatching(/task 2 .*pickle.*result_serializer = "json"/) as string,
        },
      });
      expect(none).toEqual({ status: "fulfilled", value: undefined });
    });

    test("keeps ends where Celery looks for them, and publishes them there", async () => {
      const results = open();
      const heard: string[] = [];
      const subscriber = new Redis(server.port);
      closing.push(() => subscriber.disconnect());
      await subscriber.subscribe("myres_celery-task-meta-1");
      subscriber.on("message", (_, text: string) => void heard.push(text));
      await store(results, end("1"), end("2", failed));
      const text = await redis.get("myres_celery-task-meta-1");
      expect(text).toBe(codec.write(end("1")));
      await expect.poll(() => heard).toEqual([text]);
      expect(await results.find("1")).toEqual(end("1"));
      expect(await Promise.all(["2", "3"].map((id) => results.find(id)))).toEqual([
        end("2", failed),
        undefined,
      ]);
    });

    test("keeps them for as long as is told", async () => {
      const results = open();
      await store(
        results,
        end("1"),
        end("2", { keep: 5000 }),
        end("3", { keep: Infinity }),
        end("4", { keep: 0 }),
        end("5", { keep: 0.5 }),
      );
      const left = (id: string): Promise<number> => redis.pttl(`myres_celery-task-meta-${id}`);
      expect(await left("1")).toBeGreaterThan(55_000);
      expect(await left("1")).toBeLessThanOrEqual(60_000);
      expect(await left("2")).toBeLessThanOrEqual(5000);
      expect(await left("3")).toBe(-1);
      await pause(10);
      expect([await left("4"), await left("5")]).toEqual([-2, -2]);
    });

    test("very many of one call are stored some at a time", async () => {
      const results = open();
      await results.open();
      await redis.config("RESETSTAT");
      const ends = Array.from({ length: 1201 }, (_, at) => end(`${at}`, failed));
      await store(results, ...ends);
      const calls = Object.fromEntries(
        [...(await redis.info("commandstats")).matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].map(
          ([, command, count]) => [command, Number(count)],
        ),
      );
      // The script is known, or was to be told once.
      expect((calls["evalsha"] ?? 0) + (calls["eval"] ?? 0)).toBeGreaterThanOrEqual(3);
      expect(calls["set"]).toBe(1201);
      expect(await results.find("1200")).toEqual(ends[1200]);
    });

    test("never overwrites a success, whoever wrote it; all else it does", async () => {
      const results = open();
      await store(results, end("1"));
      await store(results, end("1", failed));
      expect(await results.find("1")).toEqual(end("1"));
      // As Python writes it.
      const python = '{"status": "SUCCESS", "result": {"status": "FAILURE", "n": NaN}, "task_id": "2"}';
      const deep = `{"status": "SUCCESS", "result": ${"[".repeat(3000)}${"]".repeat(3000)}}`;
      await redis.mset("myres_celery-task-meta-2", python, "myres_celery-task-meta-3", deep);
      await store(results, end("2", failed), end("3", failed));
      expect(await redis.mget("myres_celery-task-meta-2", "myres_celery-task-meta-3")).toEqual([
        python,
        deep,
      ]);
      const others = [
        '{"status":"STARTED","result":{"status":"SUCCESS"}}',
        '{"result":"\\"status\\": \\"SUCCESS\\"","status":"RETRY"}',
        "no JSON",
        "[]",
        "null",
      ];
      for (const [at, text] of others.entries()) {
        await redis.set(`myres_celery-task-meta-x${at}`, text);
        await store(results, end(`x${at}`, failed));
        expect(await results.find(`x${at}`)).toEqual(end(`x${at}`, failed));
      }
    });

    test("calls who waits, when the end is stored by another, and when it was there before", async () => {
      const [one, other] = [open({ pollInterval: 60_000 }), open()];
      let called = 0;
      const stop = one.onEnd("1", () => void called++);
      await expect
        .poll(
          async () => ((await redis.call("PUBSUB", "NUMSUB", "myres_celery-task-meta-1")) as unknown[])[1],
        )
        .toBe(1);
      await expect.poll(() => called).toBe(1);
      await store(other, end("1"));
      await expect.poll(() => called).toBe(2);
      expect(await one.find("1")).toEqual(end("1"));
      stop();
      stop();
      await store(other, end("1"));
      await pause(50);
      expect(called).toBe(2);
      // Its message was lost: the looks find it.
      let found = 0;
      closing.push(other.onEnd("2", () => void found++));
      await pause(50);
      found = 0;
      await redis.set("myres_celery-task-meta-2", codec.write(end("2")));
      await expect.poll(() => found).toBeGreaterThan(0);
    });

    test("hears again after the server was started anew", async () => {
      const [one, other] = [open({ pollInterval: 60_000 }), open()];
      let called = 0;
      closing.push(one.onEnd("1", () => void called++));
      await expect.poll(() => called).toBe(1);
      await server.restart(100);
      await expect.poll(() => called, { timeout: 5000 }).toBe(2);
      await store(other, end("1"));
      await expect.poll(() => called).toBe(3);
    });

    test("a key that holds something else is told", async () => {
      const results = open();
      await redis.rpush("myres_celery-task-meta-1", "x");
      await expect(store(results, end("0"), end("1"))).rejects.toMatchObject({
        code: "ERR_ENGINE_FAILED",
        message: expect.stringContaining('WRONGTYPE "myres_celery-task-meta-1" holds a list'),
      });
      expect(await redis.exists("myres_celery-task-meta-0")).toBe(0);
    });

    test("refuses all after closing", async () => {
      const results = open();
      await results.close();
      await expect(results.find("1")).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
      await expect(store(results, end("1"))).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
      expect(() => results.onEnd("1", () => {})).toThrow(
        expect.objectContaining({ code: "ERR_ENGINE_CLOSED" }),
      );
    });
  });
});

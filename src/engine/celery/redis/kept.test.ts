/** What waits for a person, on a real Redis, with clients of each library. */
import { describe, expect, test } from "vitest";
import { redisLibraries } from "../../../../test/services/redis-clients.ts";
import { describeOwnRedis } from "../../../../test/services/describe-redis.ts";
import type { KeptTask } from "../broker.ts";
import { RedisKept } from "./kept.ts";

const settings = {
  keyPrefix: "p:",
  visibilityTimeout: 3_600_000,
  resultExpires: 60_000,
  timeout: 5000,
  pollInterval: 100,
};

function task(id: string, more: Partial<KeptTask> = {}): KeptTask {
  return {
    id,
    task: "tasks.add",
    queue: "celery",
    state: "failed",
    endedAt: 1000,
    sentAt: 1,
    attempts: 1,
    crashes: 0,
    deferrals: 0,
    reason: { code: "ERR_TASK_FAILED", message: "so it is" },
    message: {
      queue: "celery",
      headers: { task: "tasks.add", id, empty: [], deep: {} },
      contentType: "application/json",
      contentEncoding: "utf-8",
      body: "W10=",
    },
    ...more,
  };
}

describeOwnRedis("kept tasks on Redis", {}, ({ server, redis, closing }) => {
  describe.each(redisLibraries)("with $name", ({ make }) => {
    function open(): RedisKept {
      const { client, close } = make(server.url);
      const kept = new RedisKept(client, settings);
      closing.push(close, () => kept.close());
      return kept;
    }
    const idsOf = (tasks: readonly KeptTask[]): string[] => tasks.map(({ id }) => id);

    test("keeps tasks as they are; one of an id takes the place of another", async () => {
      const kept = open();
      const odd = task('"\\🍃\n', { task: 'é"', queue: "/q\u0000" });
      await kept.put([task("1"), odd]);
      expect(await kept.find("1")).toEqual(task("1"));
      expect(await kept.find(odd.id)).toEqual(odd);
      expect(await kept.find("2")).toBeUndefined();
      expect(await kept.counts()).toEqual(
        expect.arrayContaining([
          { queue: "celery", state: "failed", count: 1 },
          { queue: "/q\u0000", state: "failed", count: 1 },
        ]),
      );
      expect(idsOf((await kept.list({ task: 'é"', queue: "/q\u0000" })).tasks)).toEqual([odd.id]);
      const parked = task("1", { state: "parked", queue: "other", endedAt: 5 });
      await kept.put([parked]);
      expect(await kept.find("1")).toEqual(parked);
      expect(await kept.counts()).toHaveLength(2);
      expect(await kept.counts()).toContainEqual({ queue: "other", state: "parked", count: 1 });
      expect(await kept.remove(["1", odd.id, "2"], async () => {})).toBe(2);
      expect(await redis.keys("*")).toEqual([]);
    });

    test("lists in the order in which they ended, in pages, while others come and go", async () => {
      const kept = open();
      // Every five have ended at the same time; ids of all lengths.
      const all = Array.from({ length: 250 }, (_, at) => task(`${at}`, { endedAt: Math.floor(at / 5) }));
      await kept.put(all.toReversed());
      const sorted = all
        .toSorted((one, other) => one.endedAt - other.endedAt || (one.id < other.id ? -1 : 1))
        .map(({ id }) => id);
      expect(idsOf((await kept.list({ limit: 1000 })).tasks)).toEqual(sorted);
      expect((await kept.list({})).tasks).toHaveLength(100);
      const found: string[] = [];
      let after: string | undefined;
      do {
        const { tasks, next } = await kept.list({ limit: 7, ...(after !== undefined && { after }) });
        found.push(...idsOf(tasks));
        after = next;
        // The one that the next page begins after is gone.
        await kept.remove([found.at(-1)!], async () => {});
      } while (after !== undefined);
      expect(found).toEqual(sorted);
      expect((await kept.list({ limit: 250 })).next).toBeUndefined();
    });

    test("lists what is asked for", async () => {
      const kept = open();
      await kept.put([
        task("1"),
        task("2", { state: "parked", endedAt: 2000 }),
        task("3", { queue: "q", endedAt: 3000 }),
        task("4", { task: "other", endedAt: 4000 }),
      ]);
      const ids = async (request: object): Promise<string[]> => idsOf((await kept.list(request)).tasks);
      expect(await ids({})).toEqual(["1", "2", "3", "4"]);
      expect(await ids({ states: ["parked"] })).toEqual(["2"]);
      expect(await ids({ states: ["parked", "failed", "succeeded"], queue: "celery" })).toEqual([
        "1",
        "2",
        "4",
      ]);
      expect(await ids({ states: ["succeeded"] })).toEqual([]);
      expect(await ids({ states: [] })).toEqual([]);
      expect(await ids({ queue: "q" })).toEqual(["3"]);
      expect(await ids({ task: "other" })).toEqual(["4"]);
      expect(await ids({ limit: 0 })).toEqual([]);
      const { tasks, next } = await kept.list({ queue: "celery", limit: 3 });
      expect([tasks.length, next]).toEqual([3, undefined]);
      for (const after of ["", "x", "12", ":1", "1:", "1;2"])
        await expect(kept.list({ after })).rejects.toMatchObject({ code: "ERR_OPTION_INVALID" });
    });

    test("removes what is settled, and nothing else", async () => {
      const kept = open();
      await kept.put([task("1"), task("2")]);
      const failing = kept.remove(["1"], () => Promise.reject(new Error("away")));
      await expect(failing).rejects.toThrow("away");
      expect(await kept.find("1")).toEqual(task("1"));
      const seen: unknown[] = [];
      expect(
        await kept.remove(["1", "1", "3"], async (tasks) => {
          seen.push(idsOf(tasks), (await kept.find("1"))?.id);
        }),
      ).toBe(1);
      expect(seen).toEqual([["1"], "1"]);
      expect(await kept.find("1")).toBeUndefined();
      expect(await kept.remove(["1"], async () => void seen.push("never"))).toBe(0);
      expect(await kept.remove([], async () => void seen.push("never"))).toBe(0);
      expect(seen).toHaveLength(2);
      expect(await kept.counts()).toEqual([{ queue: "celery", state: "failed", count: 1 }]);
    });

    test("hands a task to one at a time, and keeps one that has failed again meanwhile", async () => {
      const [one, other] = [open(), open()];
      await one.put([task("1")]);
      const seen: string[] = [];
      const count = await one.remove(["1"], async () => {
        seen.push("one");
        expect(await other.remove(["1"], async () => void seen.push("other"))).toBe(0);
        // It was sent again, and was quick.
        await other.put([task("1", { attempts: 2, endedAt: 9 })]);
      });
      expect([count, seen]).toEqual([1, ["one"]]);
      expect((await one.find("1"))?.attempts).toBe(2);
      expect(await one.counts()).toEqual([{ queue: "celery", state: "failed", count: 1 }]);
      expect(await other.remove(["1"], async () => {})).toBe(1);
    });

    test("what a task lies under that other hands have changed hides no other, and can be removed", async () => {
      const kept = open();
      await kept.put([task("1"), task("2"), task("3")]);
      await redis.hset("p:petiole:kept:class", { "1": "garbage{", "2": "7" });
      expect(idsOf((await kept.list({})).tasks)).toEqual(["3"]);
      expect((await kept.find("1"))?.id).toBe("1");
      expect(await kept.remove(["1", "2"], async () => {})).toBe(2);
      expect(await kept.find("1")).toBeUndefined();
    });

    test("a key that holds something else is told", async () => {
      const kept = open();
      await redis.set("p:petiole:kept:order", "x");
      await expect(kept.put([task("1")])).rejects.toMatchObject({
        code: "ERR_ENGINE_FAILED",
        message: expect.stringContaining('WRONGTYPE "p:petiole:kept:order" holds a string'),
      });
      expect(await redis.exists("p:petiole:kept")).toBe(0);
    });
  });
});

/** The parts of chords, on a real Redis, with clients of each library. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisLibraries } from "../../../../test/services/redis-clients.ts";
import { noOwnRedis, startOwnRedis, type OwnRedis } from "../../../../test/services/redis.ts";
import type { ChordParts } from "../broker.ts";
import type { ChordPart } from "../protocol/ends.ts";
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

const codec: EndCodec = {
  write: (end) => JSON.stringify(end),
  read: () => undefined,
  resultOf: (end) => end.result ?? "null",
};

function part(id: string, index: number | undefined, result = "1", status = "SUCCESS"): ChordPart {
  const end = { id, status, state: "succeeded", result, endedAt: 1 } as const;
  return { group: "g", index, end, body: "{}", root: "r" };
}

describe.skipIf(noOwnRedis !== undefined)("parts of chords on Redis", () => {
  let server: OwnRedis;
  let redis: Redis;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    server = await startOwnRedis({ durable: true });
    redis = new Redis(server.port);
    redis.on("error", () => undefined);
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });
  beforeEach(() => redis.flushall());
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  describe.each(redisLibraries)("with $name", ({ make }) => {
    function open(): ChordParts {
      const { client, close } = make(server.url);
      const results = new RedisResults(client, settings, codec);
      closing.push(close, () => results.close());
      return results.chords!;
    }

    test("the last part gets all, in the order of the header, as Celery keeps them", async () => {
      const chords = open();
      await chords.begin([{ group: "g", size: 3 }]);
      expect(await chords.add([part("c", 2, "3"), part("a", 0)])).toEqual([undefined, undefined]);
      expect(await chords.add([part("b", 1, '{"x": NaN}')])).toEqual([
        {
          entries: ['[1, "a", "SUCCESS", 1]', '[1, "b", "SUCCESS", {"x": NaN}]', '[1, "c", "SUCCESS", 3]'],
          form: undefined,
        },
      ]);
      expect(await redis.zrange("myres_celery-taskset-meta-g.j", "0", "-1")).toHaveLength(3);
      expect(await redis.pttl("myres_celery-taskset-meta-g.j")).toBeGreaterThan(50_000);
      expect(await redis.pttl("myres_celery-taskset-meta-g.s")).toBeGreaterThan(50_000);
    });

    test("whoever dies before the body is sent: the part that runs again gets all again, until they are removed", async () => {
      const chords = open();
      await chords.begin([{ group: "g", size: 2 }]);
      await chords.add([part("a", 0)]);
      const [first] = await chords.add([part("b", 1)]);
      expect(first).toBeDefined();
      expect(await chords.add([part("b", 1)])).toEqual([first]);
      expect(await chords.add([part("a", 0, '"other"')])).toEqual([first]);
      await chords.remove(["g"]);
      expect(await chords.add([part("b", 1)])).toEqual([undefined]);
      expect(await redis.exists("myres_celery-taskset-meta-g.s")).toBe(0);
    });

    test("a success takes the place of a failure, and not the other way round", async () => {
      const chords = open();
      await chords.begin([{ group: "g", size: 2 }]);
      await chords.add([part("a", 0, "{}", "FAILURE")]);
      await chords.add([part("a", 0, "7")]);
      await chords.add([part("a", 0, "{}", "FAILURE")]);
      expect(await chords.add([part("b", undefined, "8")])).toMatchObject([
        { entries: ['[1, "a", "SUCCESS", 7]', '[1, "b", "SUCCESS", 8]'] },
      ]);
    });

    test("parts in the same place are told apart by their ids, and what was added counts", async () => {
      const chords = open();
      await chords.begin([
        { group: "g", size: 2, results: { id: "g", parts: ["a", { id: "h", parts: ["b", "c"] }] } },
      ]);
      await redis.incr("myres_celery-taskset-meta-g.t");
      expect(await chords.add([part("a", 0), part("b", 0), part("b", 0)])).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(await chords.add([part("c", 0)])).toMatchObject([
        {
          entries: [
            expect.stringContaining('"a"'),
            expect.stringContaining('"b"'),
            expect.stringContaining('"c"'),
          ],
          form: '{"result":[["g",null],[[["a",null],null],[["h",null],[[["b",null],null],[["c",null],null]]]]]}',
        },
      ]);
    });

    test("one of a chord whose key holds something else does not hinder others", async () => {
      const chords = open();
      await redis.set("myres_celery-taskset-meta-g.j", "x");
      await chords.begin([{ group: "other", size: 1 }]);
      expect(await chords.add([part("a", 0), { ...part("b", 0), group: "other" }])).toMatchObject([
        { problem: expect.stringContaining("WRONGTYPE") },
        { entries: ['[1, "b", "SUCCESS", 1]'] },
      ]);
    });
  });
});

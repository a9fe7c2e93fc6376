/** Watching and asking on a real Redis, with each client that the engine takes: through restarts, and with slow readers. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { eventually } from "../../../../test/services/eventually.ts";
import { redisLibraries } from "../../../../test/services/redis-clients.ts";
import { noOwnRedis, startOwnRedis, type OwnRedis } from "../../../../test/services/redis.ts";
import { celery, celeryControl, celeryEvents, type CeleryEventsOptions } from "../../celery.ts";
import type { Engine } from "../../../engine.ts";

const keyPrefix = "p[*]:";

describe.skipIf(noOwnRedis !== undefined)("events on Redis", () => {
  let server: OwnRedis;
  let redis: Redis;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    server = await startOwnRedis();
    redis = new Redis(server.port, { db: 3 });
    redis.on("error", () => undefined);
  });
  beforeEach(() => void vi.spyOn(process, "emitWarning").mockImplementation(() => undefined));
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const close of closing.splice(0).toReversed()) await close();
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });

  describe.each(redisLibraries)("with $name", ({ make }) => {
    function client() {
      const made = make(server.url, 3);
      closing.push(() => made.close());
      return made.client;
    }

    function watch(options: Partial<CeleryEventsOptions> = {}) {
      const events = celeryEvents({ broker: client(), keyPrefix, ...options });
      closing.push(() => events.close());
      return events;
    }

    function open(hostname: string): Engine {
      const engine = celery({ broker: client(), keyPrefix, hostname, events: true });
      closing.push(() => engine.close());
      return engine;
    }

    const listen = (engine: Engine): Promise<unknown> => {
      closing.push(engine.onCancel("worker", () => undefined));
      return engine.claim({ queues: ["q"], limit: 1, lease: 10_000, worker: "worker" });
    };

    test("are heard, under whatever prefix and in whatever database, and after a restart of the server too", async () => {
      const events = watch();
      await events.ready();
      await listen(open("one"));
      const alive = (): string[] =>
        events.state
          .workers()
          .filter(({ isAlive }) => isAlive)
          .map(({ name }) => name);
      await eventually(() => expect(alive()).toEqual(["one"]));
      await server.restart(100);
      await listen(open("two"));
      await eventually(() => expect(alive()).toContain("two"));
    });

    test("workers answer, and nothing is left behind in Redis", async () => {
      await listen(open("three"));
      const control = celeryControl({ broker: client(), keyPrefix });
      await eventually(async () =>
        expect((await control.ping({ limit: 1 })).replies.get("three")).toBe("pong"),
      );
      // Answers of nobody's, to the right place.
      const [binding] = await redis.smembers(`${keyPrefix}_kombu.binding.reply.celery.pidbox`);
      const queue = binding!.split("\u0006\u0016")[2]!;
      const asking = control.ping({ timeout: 500 });
      for (const odd of ["no JSON", "{}", "[]", '{"body": 7}']) await redis.lpush(keyPrefix + queue, odd);
      expect((await asking).replies.size).toBe(1);
      await control.close();
      expect(await redis.smembers(`${keyPrefix}_kombu.binding.reply.celery.pidbox`)).toEqual([]);
      expect(await redis.exists(keyPrefix + queue)).toBe(0);
    });

    test("who answers nobody leaves nothing behind, and goes on", async () => {
      await listen(open("four"));
      const body = {
        method: "ping",
        ticket: "t",
        reply_to: { exchange: "reply.celery.pidbox", routing_key: "gone" },
      };
      const text = JSON.stringify({
        body: JSON.stringify(body),
        headers: {},
        properties: {},
      });
      const before = await redis.keys("*");
      await eventually(async () => expect(await redis.publish(`${keyPrefix}/3.celery.pidbox`, text)).toBe(1));
      const control = celeryControl({ broker: client(), keyPrefix });
      closing.push(() => control.close());
      expect((await control.ping({ limit: 1 })).replies.get("four")).toBe("pong");
      await control.close();
      expect((await redis.keys("*")).filter((key) => !before.includes(key))).toEqual([]);
    });

    test("a reader that is too slow misses the oldest, and knows how many", async () => {
      const events = watch({ buffer: 3, enable: false });
      await events.ready();
      const reader = events[Symbol.asyncIterator]();
      const first = reader.next();
      const tell = (n: number): Promise<number> => {
        const body = JSON.stringify({ type: "x-y", hostname: "w", timestamp: 1, n });
        return redis.publish(`${keyPrefix}/3.celeryev/x.y`, JSON.stringify({ body, properties: {} }));
      };
      await eventually(async () => expect(await tell(0)).toBeGreaterThan(0));
      await first;
      for (let n = 1; n <= 10; n++) await tell(n);
      await eventually(() => expect(events.dropped).toBeGreaterThanOrEqual(7));
      const next = await reader.next();
      expect(next.value).toMatchObject({ fields: { n: expect.any(Number) } });
      await events.close();
      let last = next;
      while (last.done !== true) {
        const each = await reader.next();
        if (each.done === true) break;
        last = each;
      }
      expect(last.value).toMatchObject({ fields: { n: 10 } });
      await expect(watch({ enable: false })[Symbol.asyncIterator]().return?.()).resolves.toBeDefined();
    });
  });

  test("are refused with options that cannot be", () => {
    const broker = redis;
    for (const wrong of [
      { buffer: 0 },
      { buffer: 1.5 },
      { maxTasks: -1 },
      { enable: 1 },
      { connectTimeout: 0 },
      { buffers: 5 },
    ])
      expect(() => celeryEvents({ broker, ...wrong } as never), JSON.stringify(wrong)).toThrow(
        expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
      );
    for (const wrong of [{ events: 1 }, { sentEvents: "x" }])
      expect(() => celery({ broker, ...wrong } as never)).toThrow(
        expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
      );
  });
});

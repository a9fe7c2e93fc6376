/** Jobs of ours that other hands have changed. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { missing, open, start, type BullmqConfig } from "../../../test/engines/bullmq.ts";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import type { Delivery, Engine, Outgoing } from "../../engine.ts";

const request = { queues: ["q"], limit: 10, lease: 30_000, worker: "w", adopts: () => true };
const outgoing = (id: string, payload = '{"a":1}'): Outgoing => ({
  message: { id, task: "t", queue: "q", payload, headers: { wire: 1 } },
  runAt: 0,
});

describe.skipIf(missing !== undefined)("a job of ours that was changed from outside", () => {
  let store: EngineStore;
  let redis: Redis;
  let engine: Engine;
  let config: BullmqConfig;
  const key = (id: string): string => `${config.prefix}:q:${id}`;
  beforeAll(async () => {
    store = await start();
    redis = new Redis(store.port!);
  });
  beforeEach(async () => {
    config = (await store.fresh()) as unknown as BullmqConfig;
    engine = open(config as never);
  });
  afterEach(() => engine.close());
  afterAll(async () => {
    redis.disconnect();
    await store.close();
  });

  test.each([
    ["headers that are no JSON", { pt: "{" }],
    ["headers that are none", { pt: "[]" }],
    ["headers without a version", { pt: '{"headers":{}}' }],
    ["a form that is none", { pt: '{"headers":{"wire":1},"form":"other"}' }],
    ["a payload that is not the string it should be", { pt: '{"headers":{"wire":1},"form":"string"}' }],
    ["a cancelling without a reason", { "pt:cxl": "{}" }],
  ])("%s: it is parked with the reason, its bytes as they are, and the others run", async (_, fields) => {
    await engine.send([outgoing("job 1"), outgoing("job 2")]);
    await redis.hset(key("job 1"), fields);
    const before = await redis.hgetall(key("job 1"));
    const claimed = await engine.claim(request);
    expect(claimed.map(({ message }) => message.id)).toEqual(["job 2"]);
    const record = await engine.find("job 1");
    expect(record).toMatchObject({
      state: "parked",
      attempts: 0,
      reason: { code: "ERR_ENGINE_ROW_UNREADABLE" },
    });
    const after = await redis.hgetall(key("job 1"));
    expect([after["data"], after["pt"]]).toEqual([before["data"], before["pt"]]);
    expect((await engine.list({ states: ["parked"] })).records).toHaveLength(1);
    await redis.hset(key("job 1"), { pt: '{"headers":{"wire":1}}' });
    expect(await engine.retry(["job 1"])).toBe(1);
    expect((await engine.claim(request)).map(({ message }) => message.payload)).toEqual(['{"a":1}']);
  });

  test("data that was changed to other JSON is the payload now", async () => {
    await engine.send([outgoing("job 1")]);
    await redis.hset(key("job 1"), "data", '{"a":2}');
    expect((await engine.claim(request))[0]?.message.payload).toBe('{"a":2}');
  });

  test("a hash that is gone: nothing is left of the task, and its id may be sent again", async () => {
    await engine.send([outgoing("job 1"), outgoing("job 2")]);
    const [first] = await engine.claim({ ...request, limit: 1 });
    await redis.del(key("job 1"), key("job 2"));
    expect(await engine.settle([{ kind: "complete", lease: first!.lease, result: "1" }])).toEqual([false]);
    expect(await engine.claim(request)).toEqual([]);
    expect((await engine.list({})).records).toEqual([]);
    expect((await engine.counts()).filter(({ count }) => count > 0)).toEqual([]);
    expect(await engine.send([outgoing("job 1")])).toEqual(["job 1"]);
    expect(await engine.claim(request)).toHaveLength(1);
  });

  test("fields that are no numbers harm no other task", async () => {
    await engine.send([outgoing("job 1"), outgoing("job 2")]);
    await redis.hset(key("job 1"), { atm: "many", stc: "x", "pt:run": "y", timestamp: "z", progress: "{" });
    expect(await engine.claim(request)).toHaveLength(2);
    expect((await engine.list({})).records).toHaveLength(2);
  });

  test.each(["many", "nan", "9223372036854775807"])("a count that is %s is begun anew", async (garbage) => {
    await engine.send([outgoing("job 1")]);
    await engine.claim({ ...request, lease: 1 });
    await redis.hset(key("job 1"), { stc: garbage, atm: garbage, "pt:def": garbage });
    const reason = { code: "ERR_TASK_FAILED", message: "no" };
    for (const kind of ["defer", "retryAt"] as const) {
      let claimed: readonly Delivery[] = [];
      await expect.poll(async () => (claimed = await engine.claim(request)).length).toBe(1);
      expect(claimed[0]).toMatchObject({ crashes: 1 });
      await redis.hset(key("job 1"), { atm: garbage, "pt:def": garbage });
      expect(await engine.settle([{ kind, lease: claimed[0]!.lease, at: 0, reason }])).toEqual([true]);
    }
    expect(await engine.find("job 1")).toMatchObject({ state: "waiting", attempts: 1, crashes: 1 });
  });

  test("a job of others with a count that is none is run", async () => {
    const fields = {
      name: "t",
      data: "1",
      opts: "{}",
      timestamp: "1",
      delay: "0",
      priority: "0",
      ats: "many",
    };
    await redis.hset(key("7"), fields);
    await redis.lpush(`${config.prefix}:q:wait`, "7");
    await redis.hset(`${config.prefix}:q:meta`, "opts.maxLenEvents", "100");
    await expect
      .poll(async () => (await engine.claim(request)).map(({ message }) => message.task))
      .toEqual(["t"]);
  });

  test("a number of its own that is none harms no other task, and it ends", async () => {
    await engine.send([outgoing("job 1"), outgoing("job 2"), outgoing("job 3")]);
    await redis.hset(key("job 1"), { "pt:seq": "many", "pt:until": "some", "pt:key": "k" });
    expect((await engine.list({ states: ["waiting"] })).records).toHaveLength(3);
    const claimed = await engine.claim(request);
    const settlements = claimed.map(({ lease }) => ({ kind: "complete", lease, result: "1" }) as const);
    expect(await engine.settle(settlements)).toEqual([true, true, true]);
    expect((await engine.list({ states: ["succeeded"] })).records).toHaveLength(3);
    expect((await engine.counts()).filter(({ count }) => count > 0)).toEqual([
      { queue: "q", state: "succeeded", count: 3 },
    ]);
  });

  test("keys of a queue that hold something else are told as an error, and other queues work", async () => {
    await redis.set(`${config.prefix}:broken:prioritized`, "text");
    const message = { ...outgoing("job 1").message, queue: "broken" };
    await expect(engine.send([{ message, runAt: 0 }])).rejects.toMatchObject({
      code: "ERR_ENGINE_FAILED",
      message: expect.stringContaining("WRONGTYPE"),
    });
    await engine.send([outgoing("job 2")]);
    expect(await engine.claim(request)).toHaveLength(1);
  });

  test.each([1.5, 1_000_001, -1_000_001, Number.NaN])("a priority of %d is refused", async (priority) => {
    await expect(engine.send([{ ...outgoing("job 1"), priority }])).rejects.toMatchObject({
      code: "ERR_OPTION_INVALID",
    });
    for (const [index, extreme] of [1_000_000, -1_000_000].entries())
      await engine.send([{ ...outgoing(`job ${index}`), priority: extreme }]);
    expect((await engine.find("job 1"))?.priority).toBe(-1_000_000);
  });

  test("an id that a job of others has is refused", async () => {
    await expect(engine.send([outgoing("bullmq:q:7")])).rejects.toMatchObject({ code: "ERR_OPTION_INVALID" });
  });
});

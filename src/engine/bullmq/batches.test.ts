/** What goes to Redis together, and in parts. */
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { missing, open, start, type BullmqConfig } from "../../../test/engines/bullmq.ts";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import type { Engine, Outgoing, Settlement } from "../../engine.ts";

const request = { queues: ["q"], limit: 10_000, lease: 30_000, worker: "w" };
const outgoing = (id: string, queue = "q"): Outgoing => ({
  message: { id, task: "t", queue, payload: "{}", headers: { wire: 1 } },
  runAt: 0,
});
const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `job ${index}`);

describe.skipIf(missing !== undefined)("batches of the BullMQ engine", () => {
  let store: EngineStore;
  let redis: Redis;
  let engine: Engine;
  let config: BullmqConfig;
  const closing: (() => unknown)[] = [];
  const key = (name: string): string => `${config.prefix}:q:${name}`;
  beforeAll(async () => {
    store = await start();
    redis = new Redis(store.port!);
  });
  beforeEach(async () => {
    config = (await store.fresh()) as unknown as BullmqConfig;
    engine = open(config as never);
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await engine.close();
  });
  afterAll(async () => {
    redis.disconnect();
    await store.close();
  });

  const complete = (claimed: Awaited<ReturnType<Engine["claim"]>>): Settlement[] =>
    claimed.map(({ lease }) => ({ kind: "complete", lease, result: "1" }));

  test("more than one command of Redis's can take are sent, claimed and settled at once", async () => {
    const all = ids(3500);
    expect(await engine.send(all.map((id) => outgoing(id)))).toEqual(all);
    const claimed = await engine.claim(request);
    expect(claimed.map(({ message }) => message.id)).toEqual(all);
    expect(new Set(await engine.settle(complete(claimed)))).toEqual(new Set([true]));
    expect(await engine.counts()).toEqual([{ queue: "q", state: "succeeded", count: 3500 }]);
    for (const name of ["active", "prioritized", "~petiole:ready:", "~petiole:leases"])
      expect(await redis.exists(key(name)), name).toBe(0);
  });

  test("more than one call of JavaScript's can take is asked for at once", async () => {
    await engine.send(ids(3).map((id) => outgoing(id)));
    expect(await engine.cancel(ids(150_000), { code: "c", message: "m" })).toBe(3);
  });

  test("a claim gives whoever does not listen all at once, and listeners a part, and wakes them for more", async () => {
    await engine.send(ids(60).map((id) => outgoing(id)));
    const first = await engine.claim({ ...request, limit: 30 });
    expect(first).toHaveLength(30);
    let woken = 0;
    const stop = engine.onReady(["q"], () => void woken++);
    await expect.poll(() => woken).toBeGreaterThan(0);
    const before = woken;
    const second = await engine.claim({ ...request, limit: 30 });
    expect(second.length).toBeLessThan(30);
    expect(woken).toBeGreaterThan(before);
    const third = await engine.claim({ ...request, limit: 30 });
    const found = [...first, ...second, ...third].map(({ message }) => message.id);
    expect(found).toEqual(ids(60));
    stop();
  });

  test("messages of one batch that have little in common keep what each has", async () => {
    const odd = ["a", "a\0b", "b", "a b", "a:b", "~petiole", "ä"];
    const batch = odd.flatMap((queue) =>
      odd.map((task, index): Outgoing => ({
        message: { id: `${queue} / ${task}`, task, queue, payload: `${index}`, headers: { wire: 1, index } },
        runAt: 0,
        priority: index,
        ...(index % 3 === 0 && { unique: { key: `${queue} ${task}` } }),
        ...(index % 2 === 0 && { lane: task }),
      })),
    );
    expect(await engine.send(batch)).toEqual(batch.map(({ message }) => message.id));
    const { records } = await engine.list({ limit: 1000 });
    const sorted = (list: readonly { readonly id: string }[]) =>
      list.toSorted((one, other) => (one.id < other.id ? -1 : 1));
    expect(sorted(records.map(({ message }) => message))).toEqual(
      sorted(batch.map(({ message }) => message)),
    );
    for (const { message, priority } of records)
      expect(priority).toBe(batch.find(({ message: { id } }) => id === message.id)!.priority);
    const [first] = batch;
    const again = { ...first!, message: { ...first!.message, id: "again" } };
    expect(await engine.send([outgoing("other"), again])).toEqual(["other", "a / a"]);
  });

  test("ours are taken from among the jobs of others, which stay", async () => {
    const queue = new Queue("q", { connection: { port: config.port }, prefix: config.prefix });
    closing.push(() => queue.close());
    await queue.add("other", {}, { priority: 1_000_000, jobId: "before" });
    await engine.send(ids(5).map((id) => outgoing(id)));
    await queue.add("other", {}, { priority: 1_000_002, jobId: "after" });
    expect((await engine.claim({ ...request, limit: 3 })).map(({ message }) => message.id)).toEqual(ids(3));
    expect((await engine.claim(request)).map(({ message }) => message.id)).toEqual(ids(5).slice(3));
    expect(await redis.zrange(key("prioritized"), "0", "-1")).toEqual(["before", "after"]);
  });

  test("a batch of ends leaves nothing of jobs that BullMQ has put back meanwhile", async () => {
    await engine.send(ids(6).map((id) => outgoing(id)));
    const claimed = await engine.claim(request);
    // As its look for stalled jobs does.
    await redis.del(key("job 1:lock"));
    await redis.lrem(key("active"), 1, "job 1");
    await redis.rpush(key("wait"), "job 1");
    expect(await engine.settle(complete(claimed))).toEqual(ids(6).map(() => true));
    expect(await redis.exists(key("wait"), key("active"))).toBe(0);
    expect(await engine.counts()).toEqual([{ queue: "q", state: "succeeded", count: 6 }]);
    expect(await engine.claim(request)).toEqual([]);
  });

  test("a lease that is settled twice in a batch is settled once, and one that was lost not at all", async () => {
    await engine.send(ids(3).map((id) => outgoing(id)));
    const claimed = await engine.claim(request);
    await redis.zrem(key("~petiole:leases"), "job 2");
    const settlements = complete([...claimed, ...claimed]);
    expect(await engine.settle(settlements)).toEqual([true, true, false, false, false, false]);
  });

  test("changes are published while somebody watches, and not else", async () => {
    const ear = new Redis(store.port!);
    closing.push(() => ear.disconnect());
    const heard: string[] = [];
    ear.on("pmessage", (_pattern: string, channel: string, what: string) =>
      heard.push(`${channel.slice(channel.lastIndexOf(":") + 1)} ${what}`),
    );
    await ear.psubscribe(`${config.prefix}:~petiole:t:*`);
    await engine.send([outgoing("job 0")]);
    await engine.claim(request);
    let woken = 0;
    closing.push(engine.watch("job 1", () => void woken++));
    await expect.poll(() => redis.exists(`${config.prefix}:~petiole:watched`)).toBe(1);
    await engine.send([outgoing("job 1")]);
    await expect.poll(() => heard).toEqual(["job 1 sent"]);
    await expect.poll(() => woken).toBeGreaterThan(0);
    // Whoever is gone without a word is not told for ever.
    expect(await redis.pttl(`${config.prefix}:~petiole:watched`)).toBeLessThanOrEqual(15_000);
  });
});

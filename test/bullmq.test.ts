/** What docs/recipes/bullmq.md relies on: BullMQ brings the JSON of every kind of value through Redis as it is. */
import { randomUUID } from "node:crypto";
import { Queue, QueueEvents, Worker } from "bullmq";
import { afterAll, beforeAll, expect, test } from "vitest";
import { carried, fromJson, toJson } from "./fixtures/through-json.ts";
import { noRedis, startRedis, type Redis } from "./services/redis.ts";

let redis: Redis | undefined;

beforeAll(async () => {
  if (noRedis === undefined) redis = await startRedis();
});
afterAll(() => redis?.stop());

test.each(carried)("the text of $kind.name, parsed and written by others, is the same text", ({ text }) => {
  expect(JSON.stringify(JSON.parse(text)) === text).toBe(true);
});

test("every kind, as data and as a result", async (context) => {
  context.skip(noRedis !== undefined, noRedis);
  const connection = { url: redis!.url };
  const name = `kinds-${randomUUID()}`;
  const queue = new Queue<unknown, unknown>(name, { connection });
  // From the first event on: one that comes before it listens would be waited for in vain.
  const events = new QueueEvents(name, { connection, lastEventId: "0-0" });
  const worker = new Worker<unknown, unknown>(
    name,
    async ({ name, data }) => {
      const value = fromJson(data);
      expect(carried.find(({ kind }) => kind.name === name)!.kind.check(value), name).toBe(true);
      return toJson(value);
    },
    { connection },
  );
  try {
    const data = carried.map(({ kind }) => ({ name: kind.name, data: toJson(kind.make()) }));
    const jobs = await queue.addBulk(data);
    for (const [index, { kind, text }] of carried.entries()) {
      const result = await jobs[index]!.waitUntilFinished(events);
      expect(JSON.stringify(result) === text, kind.name).toBe(true);
      const kept = (await queue.getJob(jobs[index]!.id!))!;
      expect(JSON.stringify(kept.data) === text, `${kind.name}, as Redis has it`).toBe(true);
    }
  } finally {
    await Promise.all([worker.close(), events.close()]);
    await queue.obliterate({ force: true });
    await queue.close();
  }
});

test("a scheduler's template, repeated, is what it was", async (context) => {
  context.skip(noRedis !== undefined, noRedis);
  const connection = { url: redis!.url };
  const queue = new Queue<unknown>(`template-${randomUUID()}`, { connection });
  const { text } = carried.find(({ kind }) => kind.name === "a value class of every kind of field")!;
  const seen: string[] = [];
  const thrice = Promise.withResolvers<void>();
  await queue.upsertJobScheduler("often", { every: 50 }, { name: "run", data: JSON.parse(text) });
  const worker = new Worker<unknown>(
    queue.name,
    async ({ data }) => {
      if (seen.push(JSON.stringify(data)) === 3) thrice.resolve();
    },
    { connection },
  );
  try {
    await thrice.promise;
    expect(new Set(seen)).toEqual(new Set([text]));
  } finally {
    await queue.removeJobScheduler("often");
    await worker.close();
    await queue.obliterate({ force: true });
    await queue.close();
  }
});

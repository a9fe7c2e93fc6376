/** What docs/recipes/bullmq.md relies on: BullMQ brings the JSON of every kind of value through Redis as it is. */
import { randomUUID } from "node:crypto";
import { Queue, QueueEvents, Worker } from "bullmq";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wire } from "./fixtures/everywhere/classes.ts";
import { kinds } from "./fixtures/everywhere/kinds.ts";
import { run } from "./fixtures/everywhere/run.ts";
import { noRedis, startRedis, type Redis } from "./services/redis.ts";

const { texts } = run({});
const sent = Object.entries(texts);
let redis: Redis | undefined;

beforeAll(async () => {
  if (noRedis === undefined) redis = await startRedis();
});
afterAll(() => redis?.stop());

test.each(sent)("the text of %s, parsed and written by others, is the same text", (_name, text) => {
  expect(JSON.stringify(JSON.parse(text)) === text).toBe(true);
});

test("every kind, as data and as a result", async (context) => {
  context.skip(noRedis !== undefined, noRedis);
  const connection = { url: redis!.url };
  const name = `kinds-${randomUUID()}`;
  const queue = new Queue<unknown, unknown>(name, { connection });
  const events = new QueueEvents(name, { connection });
  const worker = new Worker<unknown, unknown>(
    name,
    async ({ name: kind, data }) => {
      const value = wire.decode(JSON.stringify(data));
      expect(kinds.find((each) => each.name === kind)!.check(value)).toBe(true);
      return JSON.parse(wire.encode(value));
    },
    { connection },
  );
  try {
    const jobs = await queue.addBulk(sent.map(([kind, text]) => ({ name: kind, data: JSON.parse(text) })));
    for (const [index, [kind, text]] of sent.entries()) {
      const result = await jobs[index]!.waitUntilFinished(events);
      expect(JSON.stringify(result) === text, kind).toBe(true);
      const kept = (await queue.getJob(jobs[index]!.id!))!;
      expect(JSON.stringify(kept.data) === text, `${kind}, as Redis has it`).toBe(true);
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
  const text = texts["a value class of every kind of field"]!;
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

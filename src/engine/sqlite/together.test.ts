import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryEngines } from "../../../test/fixtures/engine/files.ts";
import type { Delivery, Engine, Outgoing } from "../../engine.ts";
import { claim, find, outgoing } from "../../testing/engine-contract/case.ts";

let files: ReturnType<typeof temporaryEngines>;
let engine: Engine;

beforeEach(() => {
  files = temporaryEngines();
  engine = files.make();
});

afterEach(() => files.close());

/** Ids and results that a column does not take as they are, among others. */
const odd = ["plain", "\ud800 alone", "nothing\0behind", "\u0001mark", "'); DROP TABLE tasks; --", "", "🌱"];

async function claimed(count: number): Promise<readonly Delivery[]> {
  const names = Array.from({ length: count }, (_, index) => `${index} ${odd[index % odd.length]}`);
  await engine.send(names.map((id) => outgoing(id)));
  return claim(engine, { limit: count });
}

function resultOf({ message }: Delivery): string {
  return JSON.stringify(`of ${message.id}`);
}

/** Each asked for on its own, all in one turn, as a worker does. */
async function completeAll(deliveries: readonly Delivery[], keep?: number): Promise<boolean[]> {
  const settled = await Promise.all(
    deliveries.map((delivery) =>
      engine.settle([
        {
          kind: "complete",
          lease: delivery.lease,
          result: resultOf(delivery),
          ...(keep !== undefined && { keep }),
        },
      ]),
    ),
  );
  return settled.flat();
}

/** Each asked for on its own, all in one turn. */
async function sendAll(tasks: readonly Outgoing[]): Promise<string[]> {
  const sent = await Promise.all(tasks.map((task) => engine.send([task])));
  return sent.flat();
}

describe("sqlite: tasks that are sent in one turn of the event loop", () => {
  test.each([2, 9, 10, 11, 37, 230])("%i of them: each as it was sent, in its order", async (count) => {
    const tasks = Array.from({ length: count }, (_, index) => {
      const task = { ...outgoing(`${index} ${odd[index % odd.length]}`), priority: count - index };
      return index % 3 === 0 ? { ...task, lane: "narrow" } : task;
    });
    await engine.open();
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    expect(await sendAll(tasks)).toEqual(tasks.map(({ message }) => message.id));
    const commits = exec.mock.calls.filter(([statement]) => statement === "COMMIT").length;
    expect(commits).toBeLessThanOrEqual(Math.ceil(count / 100));
    exec.mockRestore();
    const { records } = await engine.list({ limit: count + 1 });
    expect(records.map(({ message }) => message)).toEqual(tasks.map(({ message }) => message));
    expect(records.map(({ priority }) => priority)).toEqual(tasks.map(({ priority }) => priority));
    const deliveries = await claim(engine, { limit: count });
    expect(deliveries.map(({ message }) => message)).toEqual(tasks.map(({ message }) => message));
  });

  test("those that are there already are left as they are, and the others are sent", async () => {
    await engine.send([outgoing("4")]);
    const [known] = await claim(engine, { limit: 1 });
    const tasks = Array.from({ length: 25 }, (_, index) => outgoing(`${index % 20}`));
    expect(await sendAll(tasks)).toEqual(tasks.map(({ message }) => message.id));
    expect(await find(engine, "4")).toMatchObject({ state: "running" });
    expect(await engine.counts()).toEqual([
      { queue: "default", state: "waiting", count: 19 },
      { queue: "default", state: "running", count: 1 },
    ]);
    expect(await completeAll([known!])).toEqual([true]);
  });

  test("keys among them are held by the first", async () => {
    const tasks = Array.from({ length: 24 }, (_, index) => {
      const task = outgoing(`${index}`);
      return index % 5 === 3 ? { ...task, unique: { key: index < 15 ? "one" : "other" } } : task;
    });
    const ids = await sendAll(tasks);
    expect(ids).toEqual(tasks.map((_, index) => ({ 8: "3", 13: "3", 23: "18" })[index] ?? `${index}`));
    const { records } = await engine.list({});
    expect(records.map(({ message }) => message.id)).toEqual([...new Set(ids)]);
  });

  test("one that the file refuses takes no other with it", async () => {
    const tasks = Array.from({ length: 12 }, (_, index) => outgoing(`${index}`));
    const refused = { ...outgoing("refused"), priority: "high" as unknown as number };
    const sent = await Promise.allSettled([...tasks, refused].map((task) => engine.send([task])));
    expect(sent.map(({ status }) => status)).toEqual([...tasks.map(() => "fulfilled"), "rejected"]);
    expect(await engine.counts()).toEqual([{ queue: "default", state: "waiting", count: 12 }]);
  });
});

describe("sqlite: tasks that end in one turn of the event loop", () => {
  test.each([2, 9, 10, 11, 37, 230])("%i of them: each has its own result", async (count) => {
    const deliveries = await claimed(count);
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    expect(await completeAll(deliveries)).toEqual(deliveries.map(() => true));
    const commits = exec.mock.calls.filter(([statement]) => statement === "COMMIT").length;
    expect(commits).toBeLessThanOrEqual(Math.ceil(count / 100));
    exec.mockRestore();
    for (const delivery of deliveries) {
      const record = await find(engine, delivery.message.id);
      expect(record).toMatchObject({ state: "succeeded", attempts: 1, result: resultOf(delivery) });
      expect(record.endedAt).toBeGreaterThan(Date.now() - 10_000);
    }
    expect(await engine.counts()).toEqual([{ queue: "default", state: "succeeded", count }]);
  });

  test("one whose lease was lost is refused alone", async () => {
    const deliveries = await claimed(12);
    const { id } = deliveries[5]!.lease;
    new DatabaseSync(files.path).prepare("UPDATE tasks SET lease_token = 'another' WHERE id = ?").run(id);
    expect(await completeAll(deliveries)).toEqual(deliveries.map((_, index) => index !== 5));
    expect(await find(engine, id)).toMatchObject({ state: "running", attempts: 0 });
    expect((await find(engine, deliveries[4]!.message.id)).result).toBe(resultOf(deliveries[4]!));
  });

  test("one that is settled twice is so once", async () => {
    const deliveries = await claimed(3);
    const [first, second, third] = deliveries as readonly [Delivery, Delivery, Delivery];
    expect(await completeAll([first, second, first, third])).toEqual([true, true, false, true]);
    expect(await find(engine, first.message.id)).toMatchObject({ state: "succeeded", attempts: 1 });
  });

  test("whoever waits for one of them is told, and records that are kept for a moment are removed", async () => {
    const deliveries = await claimed(4);
    const ended = deliveries.map(({ message }) => engine.ended(message.id));
    expect(await completeAll(deliveries, 20)).toEqual([true, true, true, true]);
    expect((await Promise.all(ended)).map((record) => record?.result)).toEqual(deliveries.map(resultOf));
    await expect.poll(() => engine.counts(), { timeout: 5000 }).toEqual([]);
  });

  test("make room in their lane", async () => {
    const limits = new Map([["narrow", { concurrency: 3 }]]);
    await engine.send(Array.from({ length: 6 }, (_, index) => ({ ...outgoing(`${index}`), lane: "narrow" })));
    const deliveries = await claim(engine, { limit: 10, limits });
    expect(deliveries).toHaveLength(3);
    let calls = 0;
    engine.onReady(["default"], () => {
      calls += 1;
    });
    await vi.waitFor(() => expect(calls).toBeGreaterThan(0));
    const before = calls;
    expect(await completeAll(deliveries)).toEqual([true, true, true]);
    await vi.waitFor(() => expect(calls).toBeGreaterThan(before));
    expect(await claim(engine, { limit: 10, limits })).toHaveLength(3);
  });

  test("what is asked for between them is done between them", async () => {
    const [first, second, third] = (await claimed(3)) as readonly [Delivery, Delivery, Delivery];
    const outcomes = await Promise.all([
      completeAll([first]),
      engine.report(second.lease, { lines: [{ at: 1, text: "before its end" }] }),
      completeAll([second]),
      engine.report(third.lease, { progress: { fraction: 0.5 } }),
      engine.settle([{ kind: "release", lease: third.lease }]),
    ]);
    expect(outcomes).toEqual([[true], true, [true], true, [true]]);
    expect(await engine.logs(second.message.id)).toEqual([{ at: 1, text: "before its end" }]);
    expect(await find(engine, third.message.id)).toMatchObject({ state: "waiting" });
  });
});

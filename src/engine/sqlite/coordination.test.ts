import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startChild } from "../../../test/fixtures/engine/child.ts";
import type { Child } from "../../../test/fixtures/engine/child.ts";
import { temporaryEngines } from "../../../test/fixtures/engine/files.ts";
import { claim, claimOne, find, ids, outgoing, reason, send } from "../../testing/engine-contract/case.ts";

let files: ReturnType<typeof temporaryEngines>;
let children: Child[];

beforeEach(() => {
  files = temporaryEngines();
  children = [];
});

afterEach(async () => {
  for (const child of children) await child.kill();
  await files.close();
});

function start(script: string, ...parameters: readonly (string | number)[]): Child {
  const child = startChild(script, files.path, ...parameters);
  children.push(child);
  return child;
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

function report(what: string, latencies: readonly number[]): void {
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2);
  console.log(`${what}: p50 ${at(0.5)} ms, most ${at(1)} ms`);
}

/** Lets 4 workers run `count` tasks of one lane; when each began and ended to run, by the workers' account. */
async function runInLane(
  limit: object,
  hold: number,
  count: number,
): Promise<{ id: string; from: number; to: number }[]> {
  const workers = [1, 2, 3, 4].map(() => start("lane-worker.ts", JSON.stringify({ narrow: limit }), hold));
  for (const worker of workers) expect(await worker.next()).toBe("open");
  const engine = files.make();
  await engine.send(
    Array.from({ length: count }, (_, index) => ({ ...outgoing(`task ${index}`), lane: "narrow" })),
  );
  await expect
    .poll(async () => (await engine.list({ states: ["succeeded"], limit: count })).records.length, {
      timeout: 20_000,
      interval: 50,
    })
    .toBe(count);
  for (const worker of workers) worker.release();
  const runs = await Promise.all(workers.map((worker) => worker.rest()));
  expect(runs.filter((ran) => ran.length > 0).length, "workers that took part").toBeGreaterThan(1);
  return runs.flat() as { id: string; from: number; to: number }[];
}

describe("several processes on one file, together", () => {
  test("listening keeps no process alive", async () => {
    expect(await start("idle-sqlite.ts").rest()).toEqual(["listening"]);
  });

  test("a lane's concurrency of 2 holds over 4 workers, and no room is left unused", async () => {
    const runs = await runInLane({ concurrency: 2 }, 15, 60);
    expect(new Set(runs.map((run) => run.id)).size).toBe(60);
    const atOnce = runs.map(
      ({ from }) => runs.filter((other) => other.from <= from && from < other.to).length,
    );
    expect(Math.max(...atOnce)).toBe(2);
  });

  test("a lane's rate counts anew when the clock was set back", async () => {
    const engine = files.make();
    const lane = (id: string) => ({ ...outgoing(id), lane: "narrow" });
    const limits = new Map([["narrow", { rate: { limit: 1, per: 1000 } }]]);
    const claimed = async () => ids(await claim(engine, { limit: 1, limits }));
    const clock = vi.spyOn(Date, "now");
    const at = Date.now();
    try {
      clock.mockReturnValue(at + 3_600_000);
      await engine.send([lane("1"), lane("2"), lane("3")]);
      expect(await claimed()).toEqual(["1"]);
      expect(await claimed()).toEqual([]);
      clock.mockReturnValue(at);
      expect(await claimed()).toEqual(["2"]);
      expect(await claimed()).toEqual([]);
      clock.mockReturnValue(at + 1001);
      expect(await claimed()).toEqual(["3"]);
    } finally {
      clock.mockRestore();
    }
  });

  test("a lane's rate holds over 4 workers, in every window", async () => {
    const rate = { limit: 5, per: 250 };
    const runs = await runInLane({ rate }, 1, 25);
    expect(runs).toHaveLength(25);
    const engine = files.make();
    const records = await Promise.all(runs.map((run) => find(engine, run.id)));
    const starts = records
      .map((record) => record.startedAt ?? Number.NaN)
      .toSorted((one, other) => one - other);
    for (const [index, started] of starts.entries()) {
      const earlier = starts[index - rate.limit] ?? -Infinity;
      expect(started - earlier).toBeGreaterThanOrEqual(rate.per);
    }
  });

  test("a key has one holder, however many processes send at once", async () => {
    const count = 30;
    const rivals = Array.from({ length: 8 }, () => start("rival-sender.ts", count));
    for (const rival of rivals) expect(await rival.next()).toBe("open");
    for (const rival of rivals) rival.release();
    const told = (await Promise.all(rivals.map((rival) => rival.rest()))) as string[][][];
    const engine = files.make();
    const holders = ids(
      await engine.claim({ queues: ["default"], limit: 1000, lease: 60_000, worker: "tester" }),
    );
    expect(holders).toHaveLength(count);
    for (let index = 0; index < count; index += 1) {
      const answers = new Set(told.map((answersOfOne) => answersOfOne[index]?.[0]));
      expect(answers.size).toBe(1);
      expect(holders).toContain([...answers][0]);
    }
    for (const holder of holders) await engine.cancel([holder], reason);
  });

  test("cancelling reaches the worker in another process by the bell", async () => {
    const engine = files.make({ pollInterval: 60_000 });
    await engine.open();
    const worker = start("cancellable.ts");
    const latencies: number[] = [];
    for (let index = 0; index < 20; index += 1) {
      const id = `task ${index}`;
      await send(engine, id);
      expect(await worker.next()).toEqual({ running: id });
      const end = engine.ended(id);
      const cancelled = now();
      expect(await engine.cancel([id], reason)).toBe(1);
      const told = (await worker.next()) as { cancelled: string[]; at: number };
      expect(told.cancelled).toEqual([id]);
      latencies.push(told.at - cancelled);
      expect(await end).toMatchObject({ state: "cancelled" });
    }
    report("from cancel to onCancel in another process", latencies);
    expect(Math.max(...latencies)).toBeLessThan(2000);
  });

  test("progress is seen in another process by the bell", async () => {
    const engine = files.make({ pollInterval: 60_000 });
    await send(engine, "1");
    const spectator = start("spectator.ts", "1");
    expect(await spectator.next()).toBe("watching");
    const { lease } = await claimOne(engine);
    expect(await spectator.next()).toMatchObject({ state: "running" });
    const latencies: number[] = [];
    for (let fraction = 0.05; fraction < 1; fraction += 0.05) {
      const reported = now();
      expect(await engine.report(lease, { progress: { fraction } })).toBe(true);
      const seen = (await spectator.next()) as { fraction: number; at: number };
      expect(seen.fraction).toBe(fraction);
      latencies.push(seen.at - reported);
    }
    await engine.settle([{ kind: "complete", lease, result: "1" }]);
    expect(await spectator.next()).toMatchObject({ state: "succeeded" });
    report("from report to watch in another process", latencies);
    expect(Math.max(...latencies)).toBeLessThan(2000);
  });
});

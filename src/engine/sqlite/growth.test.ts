import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryEngines } from "../../../test/fixtures/engine/files.ts";
import { claim, outgoing, pause } from "../../testing/engine-contract/case.ts";
import type { Engine } from "../../engine.ts";

let files: ReturnType<typeof temporaryEngines>;

beforeEach(() => {
  files = temporaryEngines();
});

afterEach(() => files.close());

function size(): number {
  return statSync(files.path).size;
}

/** Puts rows into the file, as many sends would. */
function fill(count: number, state: string, more: { sameTime?: boolean } = {}): void {
  const database = new DatabaseSync(files.path, { timeout: 10_000 });
  database.exec(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
     INSERT INTO tasks (id, task, queue, state, sent_at, run_at, ended_at, headers, payload)
     SELECT '${state} ' || i, 'test.task', iif(i % 3 = 0, 'other', 'default'), '${state}', 1,
       ${more.sameTime === true ? "1" : "i"}, iif('${state}' = 'succeeded', 1, NULL), '{"wire":1}', hex(zeroblob(100))
     FROM n`,
  );
  database.close();
}

async function runAll(engine: Engine, count: number): Promise<void> {
  for (let done = 0; done < count;) {
    const claimed = await claim(engine, { limit: 500 });
    done += claimed.length;
    await engine.settle(claimed.map(({ lease }) => ({ kind: "complete", lease, result: "null" })));
  }
}

/**
 * The most that this thread works in one turn of its event loop, in milliseconds. Not the time that goes by: the machine may
 * keep the thread waiting, and that is nobody's work.
 */
function longestTurn(): { readonly stop: () => number } {
  const worked = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let [longest, before] = [0, worked()];
  const look = (): void => {
    const now = worked();
    longest = Math.max(longest, now - before);
    before = now;
  };
  let next: NodeJS.Immediate;
  const turn = (): void => {
    look();
    next = setImmediate(turn);
  };
  next = setImmediate(turn);
  return {
    stop() {
      clearImmediate(next);
      look();
      return longest;
    },
  };
}

describe("sqlite: the file's size", () => {
  test(
    "200,000 tasks that are kept for a moment leave a file for a tenth of them",
    { timeout: 120_000 },
    async () => {
      const engine = files.make({ retention: 100 });
      const batch = 5000;
      let most = 0;
      for (let sent = 0; sent < 200_000; sent += batch) {
        await engine.send(Array.from({ length: batch }, (_, index) => outgoing(`task ${sent + index}`)));
        await runAll(engine, batch);
        // What is removed comes after what is sent, at least this far.
        while ((await engine.counts()).some(({ count }) => count > 20_000)) await pause(20);
        most = Math.max(most, size());
      }
      console.log(`the file's size during 200,000 tasks: ${(most / 1e6).toFixed(1)} MB at most`);
      expect(most).toBeLessThan(30_000_000);
    },
  );

  test("what a burst has left is given back", { timeout: 60_000 }, async () => {
    const engine = files.make({ retention: 200 });
    await engine.open();
    fill(50_000, "waiting");
    await runAll(engine, 33_334);
    const before = size();
    // What was given back is cut off with the next checkpoint.
    const isSmaller = (): void => {
      const other = new DatabaseSync(files.path);
      other.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      other.close();
      expect(size()).toBeLessThan(before * 0.6);
    };
    await vi.waitFor(isSmaller, { timeout: 40_000, interval: 250 });
    expect((await engine.counts()).find(({ state }) => state === "waiting")?.count).toBe(16_666);
    const database = new DatabaseSync(files.path);
    expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    database.close();
  });
});

describe("sqlite: counting very many", () => {
  test("in slices, exactly, whatever they have in common", { timeout: 60_000 }, async () => {
    const engine = files.make();
    await engine.open();
    fill(70_000, "waiting");
    fill(45_000, "scheduled", { sameTime: true });
    fill(60_001, "succeeded");
    await engine.send([{ ...outgoing("urgent"), priority: 7, lane: "a lane" }]);
    const all = await engine.counts();
    const expected = new DatabaseSync(files.path)
      .prepare("SELECT queue, state, count(*) AS count FROM tasks GROUP BY queue, state")
      .all()
      .map((row) => ({ ...row }));
    const order = (one: object, other: object): number =>
      JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
    const sorted = all.map(({ queue, state, count }) => ({ queue, state, count })).toSorted(order);
    expect(sorted).toEqual(expected.toSorted(order));
  });

  test("a million do not keep the event loop", { timeout: 120_000 }, async () => {
    const engine = files.make();
    await engine.open();
    fill(1_000_000, "waiting");
    const longest: number[] = [];
    // A garbage collection may fall into a turn; counting in one piece would be in every round.
    for (let round = 0; round < 3; round += 1) {
      const turns = longestTurn();
      const counts = await engine.counts();
      longest.push(turns.stop());
      expect(counts.map(({ count }) => count).toSorted()).toEqual([333_333, 666_667]);
    }
    console.log(`counting a million: ${longest.map(Math.round).join(", ")} ms of work at most in a turn`);
    expect(Math.min(...longest)).toBeLessThan(50);
    // The other way round: what is counted in one piece is seen.
    const turns = longestTurn();
    const other = new DatabaseSync(files.path);
    other.prepare("SELECT queue, state, count(*) FROM tasks GROUP BY queue, state").all();
    other.close();
    await pause(20);
    expect(turns.stop()).toBeGreaterThan(50);
    const before = performance.now();
    for (let round = 0; round < 50; round += 1) await claim(engine, { limit: 10 });
    const each = (performance.now() - before) / 50;
    console.log(`a claim of 10 from a million that wait: ${each.toFixed(2)} ms`);
    expect(each).toBeLessThan(50);
  });
});

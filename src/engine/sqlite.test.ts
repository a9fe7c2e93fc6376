import { mkdirSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryEngines } from "../../test/fixtures/engine/files.ts";
import { engineContract } from "../testing/engine-contract.ts";
import {
  claim,
  claimOne,
  claimWhenReady,
  ids,
  outgoing,
  pause,
  reason,
  send,
  sendAs,
} from "../testing/engine-contract/case.ts";
import type { ClaimRequest, Engine, LaneLimit } from "../engine.ts";
import { sqlite } from "./sqlite.ts";

engineContract({
  describe,
  test,
  name: "sqlite",
  create: () => {
    const { make, path, close } = temporaryEngines();
    const module = new URL("../../test/fixtures/engine/open-sqlite.ts", import.meta.url).href;
    return { engine: make(), another: make, elsewhere: { module, config: path }, close };
  },
});

let files: ReturnType<typeof temporaryEngines>;

beforeEach(() => {
  files = temporaryEngines();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await files.close();
});

describe("sqlite: group commit", () => {
  test("writes what one turn asks for in one transaction", async () => {
    const engine = files.make();
    await send(engine, "1", "2");
    const [one, two] = await claim(engine, { limit: 2 });
    const executed = vi.spyOn(DatabaseSync.prototype, "exec");
    const [, settled, extended, claimed] = await Promise.all([
      engine.send([outgoing("3")]),
      engine.settle([{ kind: "complete", lease: one!.lease, result: "1" }]),
      engine.extend([two!.lease], 60_000),
      claim(engine, { limit: 5 }),
      engine.send([outgoing("4")]),
    ]);
    expect([settled, extended, ids(claimed)]).toEqual([[true], [], ["3"]]);
    expect(executed.mock.calls.flat()).toEqual(["BEGIN IMMEDIATE", "COMMIT"]);
  });

  test("a claim that would find nothing takes no lock", async () => {
    const engine = files.make();
    expect(await claim(engine), "the first also makes the lock that tells of its process").toEqual([]);
    const executed = vi.spyOn(DatabaseSync.prototype, "exec");
    expect(await claim(engine)).toEqual([]);
    expect(executed).not.toHaveBeenCalled();
  });

  test("lets the event loop turn while much is to be written", async () => {
    const engine = files.make();
    await engine.open();
    let turns = 0;
    const turn = setInterval(() => (turns += 1), 1);
    const count = 20_000;
    await Promise.all(Array.from({ length: count }, (_, index) => engine.send([outgoing(`task ${index}`)])));
    clearInterval(turn);
    expect(turns).toBeGreaterThan(2);
    expect(await engine.counts()).toEqual([{ queue: "default", state: "waiting", count }]);
  });
});

describe("sqlite: other connections in the way", () => {
  test("waits without blocking the event loop", async () => {
    const engine = files.make();
    await send(engine, "1");
    const other = new DatabaseSync(files.path);
    other.exec("BEGIN IMMEDIATE");
    let turns = 0;
    const turn = setInterval(() => (turns += 1), 1);
    const writing = Promise.all([engine.send([outgoing("2")]), claim(engine)]);
    await pause(150);
    expect(turns).toBeGreaterThan(20);
    clearInterval(turn);
    other.exec("COMMIT");
    other.close();
    const [, claimed] = await writing;
    expect(ids(claimed)).toEqual(["1"]);
  });

  test("gives up after busyTimeout with nothing changed, and works on afterwards", async () => {
    const engine = files.make({ busyTimeout: 60 });
    await send(engine, "1");
    const other = new DatabaseSync(files.path);
    other.exec("BEGIN IMMEDIATE");
    const refusal = { code: "ERR_ENGINE_BUSY", message: expect.stringContaining(files.path) };
    await expect(engine.send([outgoing("2")])).rejects.toMatchObject(refusal);
    await expect(claim(engine)).rejects.toMatchObject(refusal);
    expect((await engine.list({})).records).toHaveLength(1);
    other.close();
    await send(engine, "3");
    expect(ids(await claim(engine, { limit: 5 }))).toEqual(["1", "3"]);
  });
});

describe("sqlite: retention", () => {
  test("removes what has ended well after a while, and keeps what a person must see", async () => {
    const engine = files.make({ retention: 150 });
    for (const state of ["succeeded", "skipped", "discarded", "failed", "parked", "waiting"] as const) {
      await sendAs(engine, state, state);
    }
    await sendAs(engine, "elsewhere", "succeeded", { queue: "other" });
    expect((await engine.list({})).records).toHaveLength(7);
    await expect
      .poll(async () => (await engine.list({})).records.map((record) => record.state), { timeout: 5000 })
      .toEqual(["failed", "parked", "waiting"]);
  });

  test("removes many, bit by bit", async () => {
    const engine = files.make({ retention: 100 });
    await engine.send(Array.from({ length: 1500 }, (_, index) => outgoing(`task ${index}`)));
    const claimed = await claim(engine, { limit: 1500 });
    await engine.settle(claimed.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
    await expect.poll(() => engine.counts(), { timeout: 5000 }).toEqual([]);
  });

  test("tells who waits for a task that is removed that it is gone", async () => {
    const engine = files.make({ pollInterval: 20 });
    await send(engine, "1");
    const ended = engine.ended("1");
    new DatabaseSync(files.path).exec("DELETE FROM tasks");
    expect(await ended).toBeUndefined();
  });
});

describe("sqlite: waking", () => {
  test("finds out by looking where no bell can be rung", async () => {
    for (const bell of ["bell", "bell-ended", "bell-changed", "bell-cancelled"])
      mkdirSync(`${files.path}-${bell}`);
    const sender = files.make();
    const worker = files.make({ pollInterval: 50 });
    const claimed = claimWhenReady(worker);
    await pause(20);
    await send(sender, "1");
    const { lease } = await claimed;
    let cancelled = 0;
    worker.onCancel("tester", () => (cancelled += 1));
    let changes = 0;
    sender.watch("1", () => (changes += 1));
    await worker.report(lease, { progress: { fraction: 0.5 } });
    await sender.cancel(["1"], reason);
    await expect.poll(() => cancelled > 0 && changes > 0).toBe(true);
    const ended = sender.ended("1");
    await worker.settle([{ kind: "fail", lease, reason }]);
    expect(await ended).toMatchObject({ state: "failed" });
  });

  test("mends a bell that somebody has removed", async () => {
    const sender = files.make();
    const worker = files.make({ pollInterval: 50 });
    for (const id of ["1", "2", "3"]) {
      const claimed = claimWhenReady(worker);
      await pause(20);
      rmSync(`${files.path}-bell`, { force: true });
      await send(sender, id);
      expect((await claimed).message.id).toBe(id);
    }
  });

  test("leaves idle workers alone when tasks end", async () => {
    const sender = files.make();
    await send(sender, "1", "2", "3");
    const claimed = await claim(sender, { limit: 3 });
    const idle = files.make({ pollInterval: 60_000 });
    await idle.open();
    let calls = 0;
    const stop = idle.onReady(["default"], () => (calls += 1));
    for (const { lease } of claimed) await sender.settle([{ kind: "complete", lease, result: "1" }]);
    await pause(50);
    expect(calls).toBe(0);
    await send(sender, "4");
    await expect.poll(() => calls).toBeGreaterThan(0);
    stop();
  });

  test("looks up many who wait", async () => {
    const waiting = files.make();
    const working = files.make();
    await working.send(Array.from({ length: 2000 }, (_, index) => outgoing(`task ${index}`)));
    const ended = Promise.all(Array.from({ length: 2000 }, (_, index) => waiting.ended(`task ${index}`)));
    for (;;) {
      const claimed = await claim(working, { limit: 300 });
      if (claimed.length === 0) break;
      await working.settle(claimed.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
    }
    expect((await ended).every((record) => record?.state === "succeeded")).toBe(true);
  });
});

describe("sqlite: with many tasks", () => {
  const many = 100_000;

  /** Fills the file with tasks that a claim must not stumble over. */
  function fill(state: string, queue: string): void {
    const database = new DatabaseSync(files.path);
    database
      .prepare(
        `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
         INSERT INTO tasks (id, task, queue, payload, headers, state, sent_at, run_at, ended_at)
         SELECT state || queue || n, 'test.task', queue, '{}', '{"wire":1}', state, time, time + n, time
         FROM numbers, (SELECT ? AS state, ? AS queue, ? AS time)`,
      )
      .run(many, state, queue, state === "scheduled" ? Date.now() + 3_600_000 : Date.now() - 1_000_000);
    database.close();
  }

  /** What is in the way of a claim: one lane of 100,000, before everything else. */
  function fillLane(lane: string): void {
    fill("waiting", "default");
    const database = new DatabaseSync(files.path);
    database.prepare("UPDATE tasks SET lane = ?, priority = 9 WHERE id LIKE 'waitingdefault%'").run(lane);
    database.close();
  }

  /** The middle of 60 claims of one task each, in milliseconds. */
  async function medianClaim(engine: Engine, changes: Partial<ClaimRequest> = {}): Promise<number> {
    const times: number[] = [];
    for (let index = 0; index < 60; index += 1) {
      const id = crypto.randomUUID();
      await engine.send([outgoing(id)]);
      const before = performance.now();
      const { lease } = await claimOne(engine, changes);
      times.push(performance.now() - before);
      await engine.settle([{ kind: "skip", lease, reason }]);
    }
    return times.toSorted((one, other) => one - other)[30] as number;
  }

  test("a claim costs about the same as with few", async () => {
    const engine = files.make();
    await engine.open();
    const few = await medianClaim(engine);
    for (const state of ["scheduled", "succeeded", "failed"]) fill(state, "default");
    fill("waiting", "other");
    fill("waiting", "default");
    const withMany = await medianClaim(engine);
    expect(withMany).toBeLessThan(few * 5 + 1);

    const rare = await sendAs(engine, "rare", "parked", { queue: "rare" }).then(() =>
      engine.list({ states: ["parked"] }),
    );
    expect(rare.records.map((record) => record.message.id)).toEqual(["rare"]);
    expect(await engine.counts()).toContainEqual({ queue: "default", state: "scheduled", count: many });
  });

  test("a claim does not stumble over a lane that is full", async () => {
    const engine = files.make();
    await engine.open();
    const lanes = ["busy", "paced"];
    const limits = new Map<string, LaneLimit>([
      ["busy", { concurrency: 1 }],
      ["paced", { rate: { limit: 1, per: 3_600_000 } }],
    ]);
    await engine.send(lanes.map((lane) => ({ ...outgoing(lane), lane })));
    expect(ids(await claim(engine, { limits, limit: 5 }))).toEqual(lanes);
    const few = await medianClaim(engine, { limits });
    for (const lane of lanes) {
      fillLane(lane);
      new DatabaseSync(files.path).exec(
        "UPDATE tasks SET id = lane || sequence WHERE id LIKE 'waitingdefault%'",
      );
    }
    expect(await engine.counts()).toContainEqual({ queue: "default", state: "waiting", count: 2 * many });
    const behindMany = await medianClaim(engine, { limits });
    expect(behindMany).toBeLessThan(few * 5 + 1);
    console.log(`a claim behind ${2 * many} that wait for full lanes: ${behindMany.toFixed(2)} ms`);
    console.log(`a claim with nothing in front: ${few.toFixed(2)} ms`);

    const executed = vi.spyOn(DatabaseSync.prototype, "exec");
    expect(await claim(engine, { limits, limit: 10 })).toEqual([]);
    expect(executed, "takes no lock for nothing").not.toHaveBeenCalled();
  });

  test("no statement goes through a table or an index from end to end, but for what is counted or running", async () => {
    const prepared = vi.spyOn(DatabaseSync.prototype, "prepare");
    await files.make().open();
    const statements = prepared.mock.calls
      .map(([statement]) => statement)
      .filter((statement) => !/PRAGMA|sqlite_schema/.test(statement));
    prepared.mockRestore();
    const database = new DatabaseSync(files.path);
    const scanning = statements.filter((statement) => {
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${statement}`).all();
      return plan.some((step) =>
        /SCAN (tasks(?! USING INDEX tasks_running)|logs|aliases)|TEMP B-TREE/.test(String(step["detail"])),
      );
    });
    database.close();
    expect(statements.length).toBeGreaterThan(30);
    expect(scanning).toEqual([expect.stringContaining("GROUP BY")]);
  });

  test("as many scheduled tasks as one likes may come due at once", async () => {
    const engine = files.make();
    await engine.open();
    fill("scheduled", "default");
    new DatabaseSync(files.path).exec("UPDATE tasks SET run_at = sequence");
    const claimed = new Set<string>();
    let slowest = 0;
    for (let round = 0; round < 300; round += 1) {
      const before = performance.now();
      for (const id of ids(await claim(engine, { limit: 10 }))) claimed.add(id);
      slowest = Math.max(slowest, performance.now() - before);
    }
    expect(claimed.size).toBe(3000);
    expect(slowest).toBeLessThan(1000);
  });
});

describe("sqlite: options", () => {
  test("durability chooses how SQLite synchronises", async () => {
    const executed = vi.spyOn(DatabaseSync.prototype, "exec");
    await files.make().open();
    await files.make({ durability: "power" }).open();
    const settings = executed.mock.calls.flat().filter((statement) => statement.includes("synchronous"));
    expect(settings).toEqual(["PRAGMA synchronous = NORMAL", "PRAGMA synchronous = FULL"]);
  });

  test("an engine that is never used makes no file", async () => {
    const engine = sqlite(files.path);
    await engine.close();
    expect(() => new DatabaseSync(files.path, { readOnly: true })).toThrow();
  });

  test.each([
    [{ retention: -1 }, /retention is a number of milliseconds.*number -1/],
    [{ busyTimeout: Number.NaN }, /busyTimeout/],
    [{ pollInterval: 2 ** 31 }, /pollInterval.*less than 2 \*\* 31; it got number 2147483648/],
    [{ pollInterval: "1s" as unknown as number }, /pollInterval.*string "1s"/],
    [{ durabilty: "power" } as object, /options of sqlite\(\) must be among durability, .*"durabilty"/],
    [{ durability: "none" as "power" }, /durability is "process" or "power"/],
  ])("refuses %j", (options, message) => {
    expect(() => sqlite(files.path, options)).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID", message: expect.stringMatching(message) }),
    );
  });

  test("refuses a mark that is no page's", async () => {
    await expect(files.make().list({ after: "yesterday" })).rejects.toMatchObject({
      code: "ERR_OPTION_INVALID",
    });
  });
});

import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryEngines } from "../../../test/fixtures/engine/files.ts";
import type { Engine } from "../../engine.ts";
import { claim, claimOne, find, ids, outgoing, reason, send } from "../../testing/engine-contract/case.ts";

let files: ReturnType<typeof temporaryEngines>;
let engine: Engine;

beforeEach(() => {
  files = temporaryEngines();
  engine = files.make();
});

afterEach(() => files.close());

/** Writes to the file as somebody with a SQLite tool might. */
function write(statement: string): void {
  const database = new DatabaseSync(files.path);
  database.exec("PRAGMA ignore_check_constraints = ON");
  database.exec(statement);
  database.close();
}

function read(column: string, id: string): unknown {
  const database = new DatabaseSync(files.path);
  const row = database.prepare(`SELECT ${column} AS value FROM tasks WHERE id = ?`).get(id);
  database.close();
  return row?.["value"];
}

const unreadable = { code: "ERR_ENGINE_ROW_UNREADABLE" };

describe("a row that cannot be read", () => {
  test.each([
    ["headers that are no JSON", "headers", "{wire"],
    ["headers that are no object", "headers", "[1]"],
    ["headers without a version", "headers", "{}"],
    ["a payload with a mark and no text", "payload", "\u0001{"],
    ["a task name with a mark and no text", "task", "\u0001"],
  ])("is parked by a claim, which goes on: %s", async (_, column, garbage) => {
    await send(engine, "1", "2", "3");
    write(`UPDATE tasks SET ${column} = '${garbage}' WHERE id IN ('1', '2')`);
    const ended = engine.ended("1");
    expect((await engine.list({})).records.map((record) => record.state)).toEqual([
      "waiting",
      "waiting",
      "waiting",
    ]);
    expect(await find(engine, "1")).toMatchObject({ state: "waiting", reason: unreadable });
    expect((await claimOne(engine)).message.id).toBe("3");
    expect(await claim(engine)).toEqual([]);
    expect(await find(engine, "1")).toMatchObject({
      state: "parked",
      attempts: 0,
      crashes: 0,
      reason: unreadable,
    });
    expect(await ended).toMatchObject({ state: "parked", reason: unreadable });
    expect(read(column, "1")).toBe(garbage);
    expect((await engine.list({ states: ["parked"] })).records).toHaveLength(2);
    expect(await engine.counts()).toContainEqual({ queue: "default", state: "parked", count: 2 });
  });

  test("runs once it is repaired and retried", async () => {
    await send(engine, "1");
    write("UPDATE tasks SET headers = 'garbage'");
    expect(await claim(engine)).toEqual([]);
    expect(await engine.retry(["1"])).toBe(1);
    expect(await claim(engine)).toEqual([]);
    write(`UPDATE tasks SET headers = '{"wire":1}'`);
    expect(await engine.retry(["1"])).toBe(1);
    expect((await claimOne(engine)).message.id).toBe("1");
  });

  test("is parked when it comes back from a lost lease", async () => {
    await send(engine, "1");
    await claimOne(engine, { lease: 1 });
    write("UPDATE tasks SET headers = 'garbage'");
    await expect.poll(() => claim(engine).then(async () => (await find(engine, "1")).state)).toBe("parked");
  });

  test.each(["9223372036854775807", "-9223372036854775808"])(
    "is not made so by a number that JavaScript cannot have: %s",
    async (number) => {
      await engine.send([{ ...outgoing("1"), lane: "a" }, { ...outgoing("2"), lane: "b" }, outgoing("3")]);
      const columns = ["attempts", "crashes", "deferrals", "deferred_at", "sent_at"];
      write(
        `UPDATE tasks SET ${columns.map((column) => `${column} = ${number}`).join(", ")} WHERE id <> '3'`,
      );
      write(`UPDATE tasks SET priority = ${number}, run_at = ${number} WHERE id = '1'`);
      expect((await engine.list({})).records).toHaveLength(3);
      expect(ids(await claim(engine, { lease: 1, limit: 10 })).toSorted()).toEqual(["1", "2", "3"]);
      // Its worker is lost: that is counted.
      await expect.poll(async () => (await claim(engine, { limit: 10 })).length).toBe(3);
      const found = await find(engine, "1");
      const leases = ["1", "2"].map((id) => ({ id, token: String(read("lease_token", id)) }));
      const again = { at: 0, reason };
      expect(
        await engine.settle([
          { kind: "retryAt", lease: leases[0]!, ...again },
          { kind: "defer", lease: leases[1]!, ...again },
        ]),
      ).toEqual([true, true]);
      expect(Number.isSafeInteger(found.crashes)).toBe(true);
    },
  );

  test("does not hide the good rows behind a thousand bad ones", async () => {
    await engine.send(Array.from({ length: 1000 }, (_, index) => outgoing(`bad ${index}`)));
    await send(engine, "good");
    write("UPDATE tasks SET headers = 'garbage' WHERE id LIKE 'bad%'");
    const claimed: string[] = [];
    for (let tries = 0; claimed.length === 0 && tries < 200; tries += 1)
      claimed.push(...ids(await claim(engine)));
    expect(claimed).toEqual(["good"]);
  });

  test("with a state that is none counts as parked, and is parked by the next claim", async () => {
    await send(engine, "1", "2");
    for (const state of ["nonsense", "zzz", "aaa"]) {
      write(`UPDATE tasks SET state = '${state}' WHERE id = '1'`);
      expect(await find(engine, "1")).toMatchObject({ state: "parked", reason: unreadable });
      expect((await engine.list({})).records).toHaveLength(2);
      expect(await engine.counts()).toContainEqual({ queue: "default", state: "parked", count: 1 });
      const [delivery] = await claim(engine, { limit: 2 });
      expect(delivery?.message.id).toBe("2");
      expect(read("state", "1")).toBe("parked");
      expect((await engine.list({ states: ["parked"] })).records).toHaveLength(1);
      await engine.settle([{ kind: "release", lease: delivery!.lease }]);
    }
    expect(await engine.retry(["1"])).toBe(1);
    expect(await claim(engine, { limit: 2 })).toHaveLength(2);
  });

  test("with a damaged reason can be looked at, and runs: nothing that it needs is lost", async () => {
    await send(engine, "1");
    const { lease } = await claimOne(engine);
    await engine.settle([{ kind: "retryAt", lease, at: 0, reason }]);
    for (const garbage of ["nonsense", "7", "{}", '{"code":1,"message":""}']) {
      write(`UPDATE tasks SET reason = '${garbage}'`);
      expect(await find(engine, "1")).toMatchObject({ state: "waiting", reason: unreadable });
    }
    const again = await claimOne(engine);
    expect(again.attempts).toBe(1);
    expect(await engine.settle([{ kind: "complete", lease: again.lease, result: "1" }])).toEqual([true]);
    expect((await find(engine, "1")).reason).toBeUndefined();
  });

  test("with a damaged reason of its cancelling is cancelled all the same", async () => {
    await send(engine, "1");
    await claimOne(engine, { lease: 1 });
    await engine.cancel(["1"], reason);
    write("UPDATE tasks SET cancel_reason = '{}'");
    await expect
      .poll(async () => (await claim(engine)).map(({ cancelled }) => cancelled?.code))
      .toEqual([unreadable.code]);
    const lease = { id: "1", token: String(read("lease_token", "1")) };
    expect(await engine.settle([{ kind: "release", lease }])).toEqual([true]);
    expect(await find(engine, "1")).toMatchObject({ state: "cancelled", reason: unreadable });
    expect(await engine.retry(["1"])).toBe(1);
    expect((await claimOne(engine)).cancelled).toBeUndefined();
  });

  test("with damaged progress has none, and a damaged line is shown as it is", async () => {
    await send(engine, "1");
    const { lease } = await claimOne(engine);
    await engine.report(lease, { progress: { fraction: 0.5 }, lines: [{ at: 1, text: "one" }] });
    for (const garbage of ["nonsense", "7", '{"fraction":null}']) {
      write(`UPDATE tasks SET progress = '${garbage}'`);
      const record = await find(engine, "1");
      expect([record.state, record.progress, record.reason]).toEqual(["running", undefined, undefined]);
    }
    write("UPDATE logs SET text = '\u0001{'");
    expect(await engine.logs("1")).toEqual([{ at: 1, text: "\u0001{" }]);
  });

  test("cannot be made by storing another type: the table refuses it", async () => {
    await send(engine, "1");
    for (const assignment of ["payload = x'00ff'", "payload = NULL", "attempts = 'many'", "run_at = 0.5"]) {
      expect(() => write(`UPDATE tasks SET ${assignment}`), assignment).toThrow();
    }
    const database = new DatabaseSync(files.path);
    expect(() => database.exec("UPDATE tasks SET state = 'nonsense'")).toThrow("CHECK");
    database.close();
  });
});

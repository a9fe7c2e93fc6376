import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { engineContract } from "../testing/engine-contract.ts";
import { claimOne, outgoing, reason, send, sendAs } from "../testing/engine-contract/case.ts";
import { memory } from "./memory.ts";

engineContract({
  describe,
  test,
  name: "memory",
  create: () => {
    const engine = memory();
    return { engine, close: () => engine.close() };
  },
});

describe("memory", () => {
  test("keeps no process alive", () => {
    const script = join(import.meta.dirname, "../../test/fixtures/engine/idle-memory.ts");
    const { status, stdout } = spawnSync(process.execPath, [script], { encoding: "utf8", timeout: 20_000 });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "listening\n" });
  });

  test("two engines know nothing of each other", async () => {
    const one = memory();
    await send(one, "1");
    expect(await memory().find("1")).toBeUndefined();
  });

  test("removes what has ended well after its retention, and keeps what a person must see", async () => {
    const engine = memory({ retention: 30 });
    for (const state of ["succeeded", "skipped", "discarded", "failed", "parked", "waiting"] as const) {
      await sendAs(engine, state, state);
    }
    await expect
      .poll(async () => (await engine.list({})).records.map((record) => record.state))
      .toEqual(["failed", "parked", "waiting"]);
    expect(await engine.find("succeeded")).toBeUndefined();
    const { lease } = await claimOne(engine);
    expect(await engine.settle([{ kind: "fail", lease, reason }])).toEqual([true]);
  });

  test("tells of what came due while the event loop was busy", async () => {
    const engine = memory();
    let calls = 0;
    engine.onReady(["default"], () => (calls += 1));
    await engine.send([outgoing("1", {}, 20)]);
    const until = Date.now() + 40;
    while (Date.now() < until);
    // Sets the timer anew, after the time has come and before it was told.
    await engine.claim({ queues: ["other"], limit: 1, lease: 1000, worker: "tester" });
    await expect.poll(() => calls).toBeGreaterThan(0);
    await engine.close();
  });
});

import assert from "node:assert/strict";
import { assertRecord, claimOne, find, pause, reason, send, shortLease } from "./case.ts";
import type { ContractCase } from "./case.ts";

/** `report` and `logs`: what a run tells. */
export const reportingCases: readonly ContractCase[] = [
  {
    name: "keeps the latest progress, beyond the end, until the next run begins",
    features: ["records", "list"],
    async run(engine) {
      await send(engine, "1");
      assert.equal((await find(engine, "1")).progress, undefined);
      const first = await claimOne(engine);
      assert.equal(
        await engine.report(first.lease, { progress: { fraction: 0.25, note: "half of half" } }),
        true,
      );
      assertRecord(await engine.find("1"), {
        state: "running",
        progress: { fraction: 0.25, note: "half of half" },
      });
      assert.equal(await engine.report(first.lease, { progress: { fraction: 0.5 } }), true);
      assertRecord(await engine.find("1"), { progress: { fraction: 0.5 } });
      await engine.settle([{ kind: "retryAt", lease: first.lease, at: 0, reason }]);
      assertRecord(await engine.find("1"), { progress: { fraction: 0.5 } });
      const second = await claimOne(engine);
      assert.equal((await find(engine, "1")).progress, undefined);
      await engine.report(second.lease, { progress: { fraction: 1 } });
      await engine.settle([{ kind: "complete", lease: second.lease, result: "1" }]);
      assertRecord(await engine.find("1"), { state: "succeeded", progress: { fraction: 1 } });
      assert.deepEqual((await engine.list({})).records[0]?.progress, { fraction: 1 });
    },
  },
  {
    name: "keeps the lines of all runs, oldest first, as they were told",
    async run(engine) {
      await send(engine, "1", "2");
      assert.deepEqual(await engine.logs("1"), []);
      const first = await claimOne(engine);
      const lines = [
        { at: 1000, text: "one" },
        { at: 2000, text: "" },
        { at: 1500, text: "told later" },
      ];
      await engine.report(first.lease, { lines: lines.slice(0, 1) });
      await Promise.all(
        lines
          .slice(1)
          .map((line) => engine.report(first.lease, { lines: [line], progress: { fraction: 0 } })),
      );
      await engine.settle([{ kind: "retryAt", lease: first.lease, at: Date.now() + 60_000, reason }]);
      assert.deepEqual(await engine.logs("1"), lines);
      assert.deepEqual(await engine.logs("2"), []);
      assert.deepEqual(await engine.logs("unknown"), []);
    },
  },
  {
    name: "keeps the latest 1,000 lines of a task, over its runs",
    async run(engine) {
      await send(engine, "1");
      const lines = Array.from({ length: 2600 }, (_, index) => ({ at: index, text: `line ${index}` }));
      let { lease } = await claimOne(engine);
      await engine.report(lease, { lines: lines.slice(0, 1200) });
      assert.deepEqual(await engine.logs("1"), lines.slice(200, 1200));
      await engine.settle([{ kind: "release", lease }]);
      ({ lease } = await claimOne(engine));
      await engine.report(lease, { lines: lines.slice(1200, 1203) });
      assert.deepEqual(await engine.logs("1"), lines.slice(203, 1203));
      await engine.report(lease, { lines: lines.slice(1203) });
      assert.deepEqual(await engine.logs("1"), lines.slice(-1000));
    },
  },
  {
    name: "takes nothing from a run whose lease was lost",
    async run(engine) {
      await send(engine, "1");
      const report = { progress: { fraction: 0.5 }, lines: [{ at: 1, text: "late" }] };
      assert.equal(await engine.report({ id: "1", token: "made up" }, report), false);
      const lost = await claimOne(engine, { lease: shortLease });
      await pause(shortLease + 20);
      const held = await claimOne(engine);
      assert.equal(await engine.report(lost.lease, report), false);
      assert.equal(await engine.report(lost.lease, {}), false);
      assert.equal(await engine.report(held.lease, {}), true);
      await engine.settle([{ kind: "complete", lease: held.lease, result: "1" }]);
      assert.equal(await engine.report(held.lease, report), false);
      assert.equal((await find(engine, "1")).progress, undefined);
      assert.deepEqual(await engine.logs("1"), []);
    },
  },
];

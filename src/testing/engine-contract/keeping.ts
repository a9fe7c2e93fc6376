import assert from "node:assert/strict";
import { endStates } from "../../engine.ts";
import { assertRecord, assertUnderWay, claimOne, endAs, eventually, pause, reason, send } from "./case.ts";
import type { ContractCase } from "./case.ts";

const kept = new Set(["failed", "parked"]);

/** `keep`: how long the record of a task that has ended is there. */
export const keepingCases: readonly ContractCase[] = [
  {
    name: "removes a record after the time that its settlement says, with what was logged",
    features: ["records", "list", "reports"],
    async run(engine) {
      for (const state of endStates) {
        await send(engine, state);
        const { lease } = await claimOne(engine);
        await engine.report(lease, { lines: [{ at: 1, text: "one" }] });
        await engine.settle([{ ...endAs(state, lease), keep: 250 } as ReturnType<typeof endAs>]);
        assertRecord(await engine.find(state), { state });
      }
      const left = endStates.filter((state) => kept.has(state));
      await eventually(
        async () => (await engine.list({})).records.length === left.length,
        "the removal of the others",
      );
      for (const state of endStates) {
        assert.equal((await engine.logs(state)).length, kept.has(state) ? 1 : 0);
      }
      assert.deepEqual((await engine.counts()).map(({ state }) => state).toSorted(), left.toSorted());
    },
  },
  {
    name: "keeps a record that is to be kept for long, and one that is retried before its time",
    async run(engine) {
      await send(engine, "1");
      const first = await claimOne(engine);
      await engine.settle([{ kind: "complete", lease: first.lease, result: "1", keep: Infinity }]);
      await send(engine, "2");
      const second = await claimOne(engine);
      await engine.settle([{ kind: "skip", lease: second.lease, reason, keep: 250 }]);
      assert.equal(await engine.retry(["2"]), 1);
      await pause(550);
      assertRecord(await engine.find("1"), { state: "succeeded" });
      await assertUnderWay(engine, "2", { state: "waiting" });
    },
  },
];

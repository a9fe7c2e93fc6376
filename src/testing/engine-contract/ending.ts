import assert from "node:assert/strict";
import { endStates } from "../../engine.ts";
import {
  assertRecord,
  awaitEnd,
  callOff,
  claimOne,
  outcome,
  pause,
  reason,
  send,
  sendAs,
  soon,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

/** `ended`: the end of a task is told to whoever waits. */
export const endingCases: readonly ContractCase[] = [
  ...endStates.map((state): ContractCase => ({
    name: `tells of a task that is ${state} already`,
    async run(engine) {
      await sendAs(engine, "1", state);
      assertRecord(await soon(engine.ended("1"), "its end"), { state });
    },
  })),
  {
    name: "tells everybody who waits when the task ends",
    async run(engine) {
      await send(engine, "1", "2");
      const ends = [awaitEnd(engine, "1"), awaitEnd(engine, "1"), awaitEnd(engine, "2")];
      const { lease } = await claimOne(engine);
      await engine.settle([{ kind: "complete", lease, result: "7" }]);
      assertRecord(await soon(ends[0]!, "the end of 1"), { state: "succeeded", result: "7" });
      assertRecord(await soon(ends[1]!, "the end of 1"), { state: "succeeded", result: "7" });
      const state = await callOff(engine, "2");
      assertRecord(await soon(ends[2]!, "the end of 2"), { state, reason });
    },
  },
  {
    name: "waits through retries",
    async run(engine) {
      await send(engine, "1");
      let over = false;
      const end = awaitEnd(engine, "1", () => {
        over = true;
      });
      let { lease } = await claimOne(engine);
      await engine.settle([{ kind: "retryAt", lease, at: 0, reason }]);
      await pause(30);
      assert.equal(over, false);
      ({ lease } = await claimOne(engine));
      await engine.settle([{ kind: "fail", lease, reason }]);
      assertRecord(await soon(end, "its end"), { state: "failed", attempts: 2 });
    },
  },
  {
    name: "tells in one instance what ended in another",
    features: ["sharedEnds"],
    needs: "shared",
    async run(engine, another) {
      const other = another();
      await send(engine, "1", "2");
      const end = awaitEnd(engine, "1");
      const { lease } = await claimOne(other);
      await other.settle([{ kind: "complete", lease, result: "7" }]);
      assertRecord(await soon(end, "its end"), { state: "succeeded", result: "7" });
      const discarded = awaitEnd(other, "2");
      const state = await callOff(engine, "2");
      assertRecord(await soon(discarded, "its end"), { state });
    },
  },
  {
    name: "resolves as undefined for a task that is not there",
    features: ["records"],
    async run(engine) {
      assert.equal(await soon(engine.ended("1"), "the answer"), undefined);
    },
  },
  {
    name: "stops waiting when its signal aborts, with the signal's reason",
    async run(engine) {
      await send(engine, "1");
      const controller = new AbortController();
      const aborted = outcome(engine.ended("1", controller.signal));
      const patient = awaitEnd(engine, "1");
      const why = new Error("enough");
      setTimeout(() => controller.abort(why), 20);
      assert.equal(await soon(aborted, "the end of waiting"), why);
      assert.equal(
        await soon(outcome(engine.ended("1", AbortSignal.abort(why))), "the refusal to wait"),
        why,
      );
      const state = await callOff(engine, "1");
      assertRecord(await soon(patient, "its end"), { state });
    },
  },
];

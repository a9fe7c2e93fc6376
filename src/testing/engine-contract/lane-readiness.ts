import assert from "node:assert/strict";
import { claim, claimOne, claimWhenReady, longLease, pause, reason } from "./case.ts";
import type { ContractCase } from "./case.ts";
import { inLane, limited } from "./lanes.ts";

const one = limited("narrow", { concurrency: 1 });

/** `onReady` with lanes: whoever waits for room in a lane is told when there is some. */
export const laneReadinessCases: readonly ContractCase[] = [
  {
    name: "wakes when a lane has room again, whatever ended its run",
    async run(engine) {
      await engine.send(["1", "2", "3", "4"].map((id) => inLane("narrow", id)));
      let { lease } = await claimOne(engine, one);
      for (const kind of ["complete", "defer", "release"] as const) {
        const claimed = claimWhenReady(engine, one);
        await pause(20);
        if (kind === "complete") await engine.settle([{ kind, lease, result: "1" }]);
        else if (kind === "release") await engine.settle([{ kind, lease }]);
        else await engine.settle([{ kind, lease, at: Date.now() + longLease, reason }]);
        ({ lease } = await claimed);
      }
    },
  },
  {
    name: "wakes when a lane has room again in another queue",
    async run(engine) {
      await engine.send([inLane("narrow", "a1", "a"), inLane("narrow", "b1", "b")]);
      const { lease } = await claimOne(engine, { ...one, queues: ["a"] });
      const claimed = claimWhenReady(engine, { ...one, queues: ["b"] });
      await pause(20);
      await engine.settle([{ kind: "complete", lease, result: "1" }]);
      assert.equal((await claimed).message.id, "b1");
    },
  },
  {
    name: "wakes when a lane has room again because of another instance",
    needs: "shared",
    async run(engine, another) {
      await engine.send(["1", "2"].map((id) => inLane("narrow", id)));
      const { lease } = await claimOne(engine, one);
      const claimed = claimWhenReady(another(), one);
      await pause(20);
      await engine.settle([{ kind: "fail", lease, reason }]);
      assert.equal((await claimed).message.id, "2");
    },
  },
  {
    name: "wakes when the window of a lane's rate slides",
    async run(engine) {
      const limits = limited("narrow", { rate: { limit: 1, per: 100 } });
      await engine.send(["1", "2", "3"].map((id) => inLane("narrow", id)));
      const before = Date.now();
      for (const id of ["1", "2", "3"]) {
        assert.equal((await claimWhenReady(engine, limits)).message.id, id);
      }
      assert.ok(Date.now() - before >= 200);
    },
  },
  {
    name: "wakes when a lease runs out that filled a lane from another queue",
    async run(engine) {
      await engine.send([inLane("narrow", "a1", "a"), inLane("narrow", "b1", "b")]);
      await claimOne(engine, { ...one, queues: ["a"], lease: 80 });
      assert.equal((await claimWhenReady(engine, { ...one, queues: ["b"] })).message.id, "b1");
    },
  },
  {
    name: "does not call without end while a lane is full",
    async run(engine) {
      await engine.send(["1", "2", "3"].map((id) => inLane("narrow", id)));
      await claimOne(engine, one);
      let calls = 0;
      const stop = engine.onReady(["default"], () => {
        calls += 1;
        void claim(engine, one);
      });
      await pause(300);
      stop();
      assert.ok(calls < 50, `called ${calls} times within 300 ms`);
    },
  },
];

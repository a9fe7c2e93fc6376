import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import {
  assertRecord,
  claim,
  claimOne,
  claimWhenReady,
  ids,
  outgoing,
  pause,
  reason,
  send,
  shortLease,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

/** `pause`, `resume` and `paused`: nothing is taken from a queue for a while. */
export const pausingCases: readonly ContractCase[] = [
  {
    name: "takes nothing from a paused queue, and everything in its order once it is resumed",
    features: ["records"],
    async run(engine) {
      await send(engine, "1", "2");
      await engine.pause("default");
      await send(engine, "3");
      await engine.send([outgoing("other", { queue: "other" })]);
      assert.deepEqual(await claim(engine, { limit: 10 }), []);
      assert.deepEqual(ids(await claim(engine, { queues: ["default", "other"], limit: 10 })), ["other"]);
      assertRecord(await engine.find("3"), { state: "waiting" });
      await engine.resume("default");
      assert.deepEqual(ids(await claim(engine, { limit: 10 })), ["1", "2", "3"]);
    },
  },
  {
    name: "tells which queues are paused, in alphabetical order",
    async run(engine) {
      assert.deepEqual(await engine.paused(), []);
      // Also of queues that hold nothing, twice as well as once.
      for (const queue of ["b", "a", "never used", "b", "c"]) await engine.pause(queue);
      await engine.resume("c");
      await engine.resume("not paused");
      assert.deepEqual(await engine.paused(), ["a", "b", "never used"]);
      await engine.resume("b");
      assert.deepEqual(await engine.paused(), ["a", "never used"]);
    },
  },
  {
    name: "lets what runs go on, and end, in a paused queue",
    async run(engine) {
      await send(engine, "1", "2", "3");
      const [first, second, third] = await claim(engine, { limit: 3 });
      assert.ok(first && second && third);
      await engine.pause("default");
      assert.deepEqual(await engine.extend([first.lease], 30_000), []);
      const settlements = [
        { kind: "complete", lease: first.lease, result: "1" },
        { kind: "retryAt", lease: second.lease, at: 0, reason },
        { kind: "release", lease: third.lease },
      ] as const;
      assert.deepEqual(await engine.settle(settlements), [true, true, true]);
      assertRecord(await engine.find("1"), { state: "succeeded", result: "1" });
      assert.deepEqual(await claim(engine, { limit: 10 }), []);
      await engine.resume("default");
      assert.deepEqual(ids(await claim(engine, { limit: 10 })).toSorted(), ["2", "3"]);
    },
  },
  {
    name: "gives neither what is due nor what was lost from a paused queue, and both after",
    async run(engine) {
      await send(engine, "lost");
      await claimOne(engine, { lease: shortLease });
      await engine.send([outgoing("due", {}, shortLease)]);
      await engine.pause("default");
      await pause(shortLease + 30);
      assert.deepEqual(await claim(engine, { limit: 10 }), []);
      await engine.resume("default");
      const claimed = [await claimWhenReady(engine), await claimWhenReady(engine)];
      assert.deepEqual(ids(claimed).toSorted(), ["due", "lost"]);
      assert.equal(claimed.find(({ message }) => message.id === "lost")?.crashes, 1);
    },
  },
  {
    name: "gives nothing that was left to others from a paused queue",
    features: ["needs"],
    async run(engine) {
      await send(engine, "1");
      const { lease } = await claimOne(engine);
      await engine.settle([{ kind: "park", lease, reason, needs: ["x"] }]);
      await engine.pause("default");
      assert.deepEqual(await claim(engine, { knows: () => true }), []);
      await engine.resume("default");
      assert.equal((await claimWhenReady(engine, { knows: () => true })).message.id, "1");
    },
  },
  {
    name: "lets people cancel, discard and retry in a paused queue",
    features: ["records"],
    async run(engine) {
      await send(engine, "1", "2", "3");
      await engine.pause("default");
      assert.equal(await engine.cancel(["1"], reason), 1);
      assert.equal(await engine.discard(["2"], reason), 1);
      assert.equal(await engine.retry(["1"]), 1);
      assert.deepEqual(await claim(engine, { limit: 10 }), []);
      await engine.resume("default");
      assert.deepEqual(ids(await claim(engine, { limit: 10 })).toSorted(), ["1", "3"]);
    },
  },
  {
    name: "wakes for what is there when a queue is resumed",
    run: (engine) => wakes(engine, engine),
  },
  {
    name: "wakes another instance when a queue is resumed",
    needs: "shared",
    run: (engine, another) => wakes(engine, another()),
  },
  {
    name: "pauses for every instance, and for one that is opened later",
    needs: "shared",
    async run(engine, another) {
      const other = another();
      await other.open();
      await send(engine, "1");
      await engine.pause("default");
      assert.deepEqual(await claim(other), []);
      const later = another();
      assert.deepEqual(await later.paused(), ["default"]);
      assert.deepEqual(await claim(later), []);
      await later.resume("default");
      assert.deepEqual(await engine.paused(), []);
      assert.deepEqual(ids(await claim(other)), ["1"]);
    },
  },
  {
    name: "is still paused when it is opened again",
    needs: "durable",
    async run(engine, another) {
      await send(engine, "1");
      await engine.pause("default");
      await engine.close();
      const reopened = another();
      assert.deepEqual(await claim(reopened), []);
      assert.deepEqual(await reopened.paused(), ["default"]);
    },
  },
];

/** Waits for a task of a paused queue, which is resumed elsewhere. */
async function wakes(engine: Engine, waiting: Engine): Promise<void> {
  await send(engine, "1");
  await engine.pause("default");
  const claimed = claimWhenReady(waiting);
  await pause(30);
  await engine.resume("default");
  assert.equal((await claimed).message.id, "1");
}

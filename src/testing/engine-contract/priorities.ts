import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import { claim, claimOne, claimWhenReady, find, ids, outgoing, pause, reason, shortLease } from "./case.ts";
import type { ContractCase } from "./case.ts";

/** Which of the tasks that are ready comes first. */
export const priorityCases: readonly ContractCase[] = [
  {
    name: "hands out the higher priority first, then what came first",
    features: ["priority"],
    async run(engine) {
      await engine.send([outgoing("first"), { ...outgoing("low"), priority: -2 }]);
      await sendWith(engine, "high", 7);
      await sendWith(engine, "higher", 8);
      await sendWith(engine, "also high", 7);
      await engine.send([outgoing("last")]);
      const expected = ["higher", "high", "also high", "first", "last", "low"];
      assert.deepEqual(ids(await claim(engine, { limit: 2 })), expected.slice(0, 2));
      assert.deepEqual(ids(await claim(engine, { limit: 10 })), expected.slice(2));
    },
  },
  {
    name: "records the priority: 0 unless told",
    features: ["records", "priority"],
    async run(engine) {
      await engine.send([outgoing("1"), { ...outgoing("2"), priority: -3 }]);
      assert.deepEqual([(await find(engine, "1")).priority, (await find(engine, "2")).priority], [0, -3]);
    },
  },
  {
    name: "lets a scheduled task of higher priority overtake once its time has come",
    features: ["priority"],
    async run(engine) {
      await engine.open();
      const later = { ...outgoing("later", {}, 60_000), priority: 1 };
      await engine.send([
        outgoing("1"),
        outgoing("2"),
        { ...outgoing("urgent", {}, 60), priority: 1 },
        later,
      ]);
      await pause(80);
      assert.deepEqual(ids(await claim(engine, { limit: 9 })), ["urgent", "1", "2"]);
    },
  },
  {
    name: "keeps the priority of a task that is run again",
    features: ["priority"],
    async run(engine) {
      await sendWith(engine, "urgent", 1);
      const first = await claimOne(engine);
      await engine.send([outgoing("1")]);
      await engine.settle([{ kind: "retryAt", lease: first.lease, at: 0, reason }]);
      const second = await claimOne(engine);
      assert.equal(second.message.id, "urgent");
      await engine.settle([{ kind: "fail", lease: second.lease, reason }]);
      await engine.retry(["urgent"]);
      const third = await claimOne(engine);
      assert.equal(third.message.id, "urgent");
      await engine.settle([{ kind: "release", lease: third.lease }]);
      assert.equal((await claimOne(engine)).message.id, "urgent");
    },
  },
  {
    name: "takes nothing from a queue while one before it has tasks that are ready, whatever their priority",
    features: ["priority"],
    async run(engine) {
      await engine.send([{ ...outgoing("b1", { queue: "b" }), priority: 9 }]);
      await engine.send([outgoing("a1", { queue: "a" }), outgoing("a2", { queue: "a" })]);
      await engine.send([outgoing("a3", { queue: "a" }, 40)]);
      const queues = ["a", "b"];
      assert.deepEqual(ids(await claim(engine, { queues })), ["a1"]);
      await pause(60);
      assert.deepEqual(ids(await claim(engine, { queues, limit: 2 })), ["a2", "a3"]);
      assert.deepEqual(ids(await claim(engine, { queues })), ["b1"]);
    },
  },
  {
    name: "takes lost tasks in the order of the queues as well",
    features: ["place"],
    async run(engine) {
      await engine.send([outgoing("b1", { queue: "b" }), outgoing("a1", { queue: "a" })]);
      await claim(engine, { queues: ["a", "b"], limit: 2, lease: shortLease });
      await engine.send([outgoing("a2", { queue: "a" }), outgoing("b2", { queue: "b" })]);
      await pause(shortLease + 20);
      const queues = ["a", "b"];
      const claimed = [
        await claimWhenReady(engine, { queues }),
        await claimWhenReady(engine, { queues }),
        await claimWhenReady(engine, { queues }),
      ];
      assert.deepEqual(ids(claimed).slice(0, 2).toSorted(), ["a1", "a2"]);
      assert.ok(claimed[2]?.message.queue === "b");
    },
  },
];

async function sendWith(engine: Engine, id: string, priority: number): Promise<void> {
  await engine.send([{ ...outgoing(id), priority }]);
}

import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import type { Message } from "../../message.ts";
import { assertRecord, claim, claimOne, claimWhenReady, ids, outgoing, pause, reason, send } from "./case.ts";
import type { ContractCase } from "./case.ts";

/** Parks a task that is claimed, for a worker that knows these things. */
async function leave(
  engine: Engine,
  needs: readonly string[],
  changes: Partial<Message> = {},
): Promise<void> {
  const { lease } = await claimOne(engine, { queues: [changes.queue ?? "default"] });
  assert.deepEqual(await engine.settle([{ kind: "park", lease, reason, needs }]), [true]);
}

const why = { code: "ERR_TEST_CANCEL", message: "not wanted any more" };

/** A worker's knowledge. */
function knowing(...things: string[]): { readonly knows: (need: string) => boolean } {
  return { knows: (need) => things.includes(need) };
}

/** A task that a worker cannot run is parked with what it needs, and goes to one that knows. */
export const leavingCases: readonly ContractCase[] = [
  {
    name: "hands a parked task to the first that knows what it needs, and to no other",
    features: ["records"],
    async run(engine) {
      await send(engine, "1");
      await leave(engine, ["type a.B@2", "task t"]);
      assertRecord(await engine.find("1"), { state: "parked", attempts: 0, reason });
      assert.deepEqual(await claim(engine), []);
      assert.deepEqual(await claim(engine, knowing()), []);
      assert.deepEqual(await claim(engine, knowing("type a.B@2")), []);
      assert.deepEqual(await claim(engine, { ...knowing("task t", "type a.B@2"), queues: ["other"] }), []);
      const { message, lease } = await claimOne(engine, knowing("task t", "type a.B@2", "task u"));
      assert.deepEqual(message, outgoing("1").message);
      assertRecord(await engine.find("1"), { state: "running", attempts: 0, crashes: 0 });
      assert.equal((await engine.find("1"))?.endedAt, undefined);
      assert.deepEqual(await claim(engine, knowing("task t", "type a.B@2")), []);
      assert.deepEqual(await engine.settle([{ kind: "complete", lease, result: "1" }]), [true]);
      assertRecord(await engine.find("1"), { state: "succeeded", attempts: 1 });
    },
  },
  {
    name: "keeps the counters of a task that was parked for others",
    async run(engine) {
      await send(engine, "1");
      const { lease } = await claimOne(engine);
      await engine.settle([{ kind: "retryAt", lease, at: 0, reason }]);
      await leave(engine, ["x"]);
      const delivery = await claimOne(engine, knowing("x"));
      assert.deepEqual([delivery.attempts, delivery.crashes, delivery.deferrals], [1, 0, 0]);
    },
  },
  {
    name: "takes what was parked before what waits, the first sent first, up to the limit",
    async run(engine) {
      await send(engine, "1", "2", "3", "4");
      for (const needs of [["x"], ["y"], ["x"]]) await leave(engine, needs);
      assert.deepEqual(ids(await claim(engine, { limit: 1, ...knowing("x") })), ["1"]);
      assert.deepEqual(ids(await claim(engine, { limit: 2, ...knowing("x") })), ["3", "4"]);
      assert.deepEqual(ids(await claim(engine, { limit: 9, ...knowing("x") })), []);
      assertRecord(await engine.find("2"), { state: "parked" });
    },
  },
  {
    name: "wakes one that knows, also one that begins to listen later",
    async run(engine) {
      await send(engine, "1", "2");
      await leave(engine, ["x"]);
      const early = await claimWhenReady(engine, { ...knowing("x") });
      assert.equal(early.message.id, "1");
      const { lease } = await claimOne(engine);
      const late = claimWhenReady(engine, { ...knowing("y") });
      await pause(20);
      await engine.settle([{ kind: "park", lease, reason, needs: ["y"] }]);
      assert.equal((await late).message.id, "2");
    },
  },
  {
    name: "wakes another instance that knows",
    needs: "shared",
    async run(engine, another) {
      await send(engine, "1");
      const { lease } = await claimOne(engine);
      const late = claimWhenReady(another(), { ...knowing("y") });
      await pause(20);
      await engine.settle([{ kind: "park", lease, reason, needs: ["y"] }]);
      assert.equal((await late).message.id, "1");
      assert.deepEqual(await claim(another(), knowing("y")), []);
    },
  },
  {
    name: "leaves a task that is parked without needs to people, also after it was parked with some",
    async run(engine) {
      await send(engine, "1");
      await leave(engine, ["x"]);
      const { lease } = await claimOne(engine, knowing("x"));
      await engine.settle([{ kind: "park", lease, reason }]);
      assert.deepEqual(await claim(engine, { knows: () => true }), []);
      assertRecord(await engine.find("1"), { state: "parked" });
    },
  },
  {
    name: "lets people retry, discard and cancel what is parked for others",
    async run(engine) {
      await send(engine, "1", "2", "3");
      for (const needs of [["x"], ["x"], ["x"]]) await leave(engine, needs);
      assert.equal(await engine.retry(["1"]), 1);
      assert.equal(await engine.discard(["2"], reason), 1);
      assert.equal(await engine.cancel(["3"], reason), 1);
      assertRecord(await engine.find("2"), { state: "discarded" });
      assertRecord(await engine.find("3"), { state: "cancelled", reason });
      assert.deepEqual(ids(await claim(engine, { limit: 9, ...knowing("x") })), ["1"]);
      assert.deepEqual(await claim(engine, knowing("x")), []);
    },
  },
  {
    name: "ends what was cancelled while it ran as cancelled: nobody else is to run it",
    features: ["cancelRunning"],
    async run(engine) {
      await send(engine, "1", "2");
      const [cancelled, other] = await claim(engine, { limit: 2 });
      assert.equal(await engine.cancel(["1"], why), 1);
      const settlements = [cancelled, other].map(
        (delivery) => ({ kind: "park", lease: delivery!.lease, reason, needs: ["x"] }) as const,
      );
      assert.deepEqual(await engine.settle(settlements), [true, true]);
      assertRecord(await engine.find("1"), { state: "cancelled", reason: why, attempts: 0 });
      assertRecord(await engine.find("2"), { state: "parked", reason });
      assert.deepEqual(ids(await claim(engine, { limit: 9, ...knowing("x") })), ["2"]);
    },
  },
  {
    name: "holds to a lane's limits, and lets others pass, with what was parked",
    features: ["limits"],
    async run(engine) {
      await engine.send([
        { ...outgoing("1"), lane: "full" },
        { ...outgoing("2"), lane: "full" },
        outgoing("3"),
      ]);
      for (const needs of [["x"], ["x"], ["x"]]) await leave(engine, needs);
      const request = { limit: 9, limits: new Map([["full", { concurrency: 1 }]]), ...knowing("x") };
      const [first, third] = await claim(engine, request);
      assert.deepEqual([first?.message.id, third?.message.id], ["1", "3"]);
      await engine.settle([{ kind: "complete", lease: first!.lease, result: "1" }]);
      assert.deepEqual(ids(await claim(engine, request)), ["2"]);
    },
  },
  {
    name: "lets a task that was parked for others hold its key, and no other that was parked",
    features: ["uniqueKeys"],
    async run(engine) {
      const keyed = (id: string) => ({ ...outgoing(id), unique: { key: "k" } });
      await engine.send([keyed("1")]);
      await leave(engine, ["x"]);
      assert.deepEqual(await engine.send([keyed("2")]), ["1"]);
      const first = await claimOne(engine, knowing("x"));
      assert.deepEqual(await engine.send([keyed("3")]), ["1"]);
      await engine.settle([{ kind: "park", lease: first.lease, reason }]);
      assert.deepEqual(await engine.send([keyed("4")]), ["4"]);
      await leave(engine, ["x"]);
      await engine.discard(["4"], reason);
      assert.deepEqual(await engine.send([keyed("5")]), ["5"]);
    },
  },
];

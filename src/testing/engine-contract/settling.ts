import assert from "node:assert/strict";
import type { Lease, Settlement, TaskState } from "../../engine.ts";
import {
  assertRecord,
  assertScheduled,
  assertUnderWay,
  can,
  claim,
  claimOne,
  claimWhenReady,
  find,
  ids,
  reason,
  send,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

/** `settle`: every kind, and exactly what it counts. */
export const settlingCases: readonly ContractCase[] = [
  {
    name: "complete: the task has succeeded, its result is kept, its run counted, its reason gone",
    async run(engine) {
      await send(engine, "1");
      const first = await claimOne(engine);
      await engine.settle([{ kind: "retryAt", lease: first.lease, at: 0, reason }]);
      const { lease } = await claimOne(engine);
      const before = Date.now();
      assert.deepEqual(await engine.settle([{ kind: "complete", lease, result: '{"words":3}' }]), [true]);
      const record = await find(engine, "1");
      assertRecord(record, { state: "succeeded", result: '{"words":3}', attempts: 2, crashes: 0 });
      assert.equal(record.reason, undefined);
      assert.ok(record.endedAt !== undefined && record.endedAt >= before && record.endedAt <= Date.now());
      assert.deepEqual(await claim(engine), []);
    },
  },
  {
    name: "retryAt: counts an attempt, starts the deferrals again, and waits for its time",
    async run(engine) {
      await send(engine, "1");
      const first = await claimOne(engine);
      await engine.settle([{ kind: "defer", lease: first.lease, at: 0, reason }]);
      const second = await claimOne(engine);
      assert.equal(second.deferrals, 1);
      const at = Date.now() + 300;
      assert.deepEqual(await engine.settle([{ kind: "retryAt", lease: second.lease, at, reason }]), [true]);
      await assertScheduled(engine, "1", at);
      await assertUnderWay(engine, "1", { attempts: 1, deferrals: 0, reason });
      assert.deepEqual(await claim(engine), []);
      const third = await claimWhenReady(engine);
      assert.ok(Date.now() >= at);
      assert.deepEqual([third.attempts, third.crashes, third.deferrals], [1, 0, 0]);
    },
  },
  {
    name: "retryAt: a time in the past means now",
    async run(engine) {
      await send(engine, "1");
      const { lease } = await claimOne(engine);
      await engine.settle([{ kind: "retryAt", lease, at: 0, reason }]);
      await assertUnderWay(engine, "1", { state: "waiting", attempts: 1 });
      assert.equal((await claimOne(engine)).attempts, 1);
    },
  },
  {
    name: "defer: counts a deferral and no attempt, and remembers the first",
    async run(engine) {
      await send(engine, "1");
      let first: number | undefined;
      for (const deferrals of [0, 1, 2]) {
        const delivery = await claimWhenReady(engine);
        assert.equal(delivery.deferredAt === undefined, deferrals === 0);
        first ??= delivery.deferredAt;
        assert.equal(delivery.deferredAt, first);
        assert.deepEqual([delivery.attempts, delivery.deferrals], [0, deferrals]);
        const at = Date.now() + 50;
        await engine.settle([{ kind: "defer", lease: delivery.lease, at, reason }]);
        await assertScheduled(engine, "1", at);
        await assertUnderWay(engine, "1", { deferrals: deferrals + 1, reason });
      }
      const { lease } = await claimWhenReady(engine);
      await engine.settle([{ kind: "retryAt", lease, at: 0, reason }]);
      const { deferrals, deferredAt } = await claimOne(engine);
      assert.deepEqual([deferrals, deferredAt], [0, undefined], "an attempt starts it again");
    },
  },
  {
    name: "release: ready at once, with nothing counted, in its old place unless the engine lacks that",
    async run(engine) {
      await send(engine, "1", "2");
      const { lease } = await claimOne(engine);
      assert.deepEqual(await engine.settle([{ kind: "release", lease }]), [true]);
      await assertUnderWay(engine, "1", { state: "waiting", attempts: 0, crashes: 0, deferrals: 0 });
      if (!can(engine, "place")) assert.equal((await claimOne(engine)).message.id, "2");
      const again = await claimOne(engine);
      assert.equal(again.message.id, "1");
      assert.deepEqual([again.attempts, again.crashes, again.deferrals], [0, 0, 0]);
      assert.notEqual(again.lease.token, lease.token);
    },
  },
  ...(
    [
      ["fail", "failed", 1],
      ["park", "parked", 0],
      ["skip", "skipped", 0],
      ["discard", "discarded", 0],
      ["expire", "expired", 0],
      ["cancel", "cancelled", 0],
    ] as const
  ).map(([kind, state, attempts]) => endCase(kind, state, attempts)),
  {
    name: "answers for each settlement of a batch, in its order",
    async run(engine) {
      await send(engine, "1", "2", "3");
      const [one, two, three] = await claim(engine, { limit: 3 });
      assert.ok(one !== undefined && two !== undefined && three !== undefined);
      const wrong: Lease = {
        ...two.lease,
        token: one.lease.token === two.lease.token ? "wrong" : one.lease.token,
      };
      const answers = await engine.settle([
        { kind: "complete", lease: one.lease, result: "1" },
        { kind: "complete", lease: wrong, result: "2" },
        { kind: "fail", lease: three.lease, reason },
      ]);
      assert.deepEqual(answers, [true, false, true]);
      await assertUnderWay(engine, "2", { state: "running" });
    },
  },
  {
    name: "settles a claim once",
    async run(engine) {
      await send(engine, "1");
      const { lease } = await claimOne(engine);
      const settlement: Settlement = { kind: "complete", lease, result: "1" };
      assert.deepEqual(await engine.settle([settlement, { kind: "fail", lease, reason }]), [true, false]);
      assert.deepEqual(await engine.settle([settlement]), [false]);
      assert.deepEqual(await engine.extend([lease], 1000), [lease]);
    },
  },
  {
    name: "settles before it claims when asked for both at once",
    async run(engine) {
      await send(engine, "1", "2");
      const { lease } = await claimOne(engine);
      const [settled, next] = await Promise.all([
        engine.settle([{ kind: "complete", lease, result: "1" }]),
        claim(engine, { limit: 2 }),
      ]);
      assert.deepEqual(settled, [true]);
      assert.deepEqual(ids(next), ["2"]);
    },
  },
  {
    name: "accepts empty batches",
    async run(engine) {
      assert.deepEqual(await engine.settle([]), []);
      assert.deepEqual(await engine.extend([], 1000), []);
      assert.equal(await engine.retry([]), 0);
      assert.equal(await engine.discard([], reason), 0);
      assert.equal(await engine.cancel([], reason), 0);
    },
  },
];

function endCase(
  kind: "fail" | "park" | "skip" | "discard" | "expire" | "cancel",
  state: TaskState,
  attempts: number,
): ContractCase {
  return {
    name: `${kind}: the task is ${state}; payload and reason are kept, attempts counted: ${attempts}`,
    async run(engine) {
      await send(engine, "1");
      const { lease, message } = await claimOne(engine);
      const before = Date.now();
      assert.deepEqual(await engine.settle([{ kind, lease, reason }]), [true]);
      const record = await find(engine, "1");
      assertRecord(record, { message, state, attempts, crashes: 0, deferrals: 0, reason, worker: "tester" });
      assert.ok(record.endedAt !== undefined && record.endedAt >= before);
      assert.equal(record.result, undefined);
      assert.deepEqual(await claim(engine), []);
    },
  };
}

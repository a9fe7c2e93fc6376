import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import {
  assertRecord,
  assertUnderWay,
  claim,
  claimOne,
  find,
  ids,
  longLease,
  outgoing,
  pause,
  reason,
  send,
  shortLease,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

/** `claim`, `extend` and the leases: one holder at a time, and what happens when it is gone. */
export const claimingCases: readonly ContractCase[] = [
  {
    name: "claims nothing, at once, when nothing is there",
    async run(engine) {
      assert.deepEqual(await claim(engine, { limit: 10 }), []);
    },
  },
  {
    name: "records who runs a task, and since when",
    features: ["records"],
    async run(engine) {
      await send(engine, "1");
      const before = Date.now();
      await claimOne(engine, { worker: "worker 7" });
      const record = await find(engine, "1");
      assertRecord(record, { state: "running", worker: "worker 7", attempts: 0, crashes: 0 });
      assert.ok(
        record.startedAt !== undefined && record.startedAt >= before && record.startedAt <= Date.now(),
      );
      assert.equal(record.endedAt, undefined);
    },
  },
  {
    name: "gives a task to one of two concurrent claims",
    async run(engine) {
      await send(engine, "1");
      const claims = await Promise.all([claim(engine), claim(engine)]);
      assert.deepEqual(ids(claims.flat()), ["1"]);
    },
  },
  {
    name: "gives each task to exactly one of two instances",
    needs: "shared",
    async run(engine, another) {
      const names = Array.from({ length: 60 }, (_, index) => `task ${index}`);
      await engine.send(names.map((id) => outgoing(id)));
      const other = another();
      const claimed = (await Promise.all([drain(engine), drain(other), drain(engine), drain(other)])).flat();
      assert.deepEqual(claimed.toSorted(), names.toSorted());
    },
  },
  {
    name: "hands a task on when its lease has run out, and counts a crash",
    async run(engine) {
      await send(engine, "1");
      const lost = await claimOne(engine, { lease: shortLease });
      assert.deepEqual(await claim(engine), []);
      await pause(shortLease + 20);
      const found = await claimOne(engine, { lease: shortLease });
      assert.equal(found.message.id, "1");
      assert.deepEqual([found.attempts, found.crashes, found.deferrals], [0, 1, 0]);
      assert.notEqual(found.lease.token, lost.lease.token);
      await pause(shortLease + 20);
      assert.equal((await claimOne(engine)).crashes, 2);
      await assertUnderWay(engine, "1", { state: "running", attempts: 0, crashes: 2 });
    },
  },
  {
    name: "hands lost tasks on beside waiting ones, within the limit",
    features: ["place"],
    async run(engine) {
      await send(engine, "1", "2");
      await claim(engine, { limit: 2, lease: shortLease });
      await send(engine, "3", "4");
      await pause(shortLease + 20);
      const claimed = await claim(engine, { limit: 3 });
      assert.deepEqual(ids(claimed).toSorted().slice(0, 2), ["1", "2"]);
      assert.equal(claimed.length, 3);
      assert.equal((await claim(engine, { limit: 3 })).length, 1);
    },
  },
  {
    name: "keeps a task for a holder that extends its lease",
    async run(engine) {
      await send(engine, "1");
      const { lease } = await claimOne(engine, { lease: shortLease });
      for (let beat = 0; beat < 4; beat += 1) {
        await pause(shortLease / 2);
        assert.deepEqual(await engine.extend([lease], shortLease), []);
        assert.deepEqual(await claim(engine), []);
      }
      assert.deepEqual(await engine.settle([{ kind: "complete", lease, result: "1" }]), [true]);
    },
  },
  {
    name: "fences the holder of a lost lease",
    async run(engine) {
      await send(engine, "1");
      const lost = await claimOne(engine, { lease: shortLease });
      await pause(shortLease + 20);
      const held = await claimOne(engine);
      assert.deepEqual(await engine.extend([lost.lease, held.lease], longLease), [lost.lease]);
      assert.deepEqual(
        await engine.settle([
          { kind: "complete", lease: lost.lease, result: "1" },
          { kind: "fail", lease: lost.lease, reason },
          { kind: "release", lease: lost.lease },
          { kind: "retryAt", lease: lost.lease, at: 0, reason },
        ]),
        [false, false, false, false],
      );
      await assertUnderWay(engine, "1", { state: "running", attempts: 0, crashes: 1 });
      assert.deepEqual(await engine.settle([{ kind: "complete", lease: held.lease, result: "2" }]), [true]);
      assert.deepEqual(await engine.settle([{ kind: "complete", lease: lost.lease, result: "1" }]), [false]);
      assertRecord(await engine.find("1"), { state: "succeeded", result: "2" });
    },
  },
  {
    name: "lets a slow holder finish a task that nobody else has taken",
    async run(engine) {
      await send(engine, "1", "2");
      const [first, second] = await claim(engine, { limit: 2, lease: 20 });
      assert.ok(first !== undefined && second !== undefined);
      await pause(40);
      assert.deepEqual(await engine.settle([{ kind: "complete", lease: first.lease, result: "1" }]), [true]);
      assert.deepEqual(await engine.extend([second.lease], longLease), []);
      assert.deepEqual(await claim(engine), []);
      assertRecord(await engine.find("1"), { state: "succeeded", crashes: 0 });
    },
  },
  {
    name: "gives no task anew to a process that was blocked past its lease since it asked for more",
    async run(engine) {
      await send(engine, "1", "2");
      const { lease } = await claimOne(engine, { lease: shortLease });
      const claiming = claim(engine, { limit: 2 });
      for (const end = performance.now() + shortLease + 20; performance.now() < end;);
      assert.deepEqual(await engine.settle([{ kind: "complete", lease, result: "1" }]), [true]);
      assert.deepEqual(ids(await claiming), ["2"]);
    },
  },
  {
    name: "knows no lease of a task that was never claimed",
    async run(engine) {
      await send(engine, "1");
      const leases = [
        { id: "1", token: "made up" },
        { id: "2", token: "made up" },
      ];
      assert.deepEqual(await engine.extend(leases, longLease), leases);
      const settlements = leases.map((lease) => ({ kind: "complete", lease, result: "1" }) as const);
      assert.deepEqual(await engine.settle(settlements), [false, false]);
      await assertUnderWay(engine, "1", { state: "waiting" });
    },
  },
];

/** Claims and completes until nothing is left; the ids that this took. */
async function drain(engine: Engine): Promise<string[]> {
  const claimed: string[] = [];
  for (;;) {
    const deliveries = await claim(engine, { limit: 2 });
    if (deliveries.length === 0) return claimed;
    claimed.push(...ids(deliveries));
    await engine.settle(deliveries.map(({ lease }) => ({ kind: "complete", lease, result: "null" })));
  }
}

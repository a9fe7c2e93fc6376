import assert from "node:assert/strict";
import { endStates } from "../../engine.ts";
import type { Engine, Lease } from "../../engine.ts";
import {
  assertRecord,
  assertUnderWay,
  awaitEnd,
  can,
  claim,
  claimOne,
  endAs,
  eventually,
  find,
  pause,
  reason,
  send,
  sendAs,
  shortLease,
  soon,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

const why = { code: "ERR_TEST_CANCEL", message: "not wanted any more", details: { by: "tester" } };

/** `cancel` and `onCancel`: what has not begun ends, and whoever runs the rest is told. */
export const cancellingCases: readonly ContractCase[] = [
  {
    name: "ends what is scheduled or waits, and leaves what has ended alone",
    async run(engine) {
      for (const state of [...endStates, "scheduled", "waiting"] as const) await sendAs(engine, state, state);
      const end = awaitEnd(engine, "waiting");
      const unknown = can(engine, "records") ? ["unknown"] : [];
      assert.equal(await engine.cancel(["scheduled", "waiting", ...endStates, ...unknown], why), 2);
      // Whoever takes it ends it, where nobody else knows of it.
      if (!can(engine, "records")) assert.deepEqual(await claim(engine, { limit: 10 }), []);
      for (const id of ["scheduled", "waiting"]) {
        assertRecord(await engine.find(id), { state: "cancelled", reason: why, attempts: 0 });
        assert.ok((await find(engine, id)).endedAt !== undefined);
      }
      for (const state of endStates.slice(1)) assertRecord(await engine.find(state), { state, reason });
      assertRecord(await soon(end, "the end"), { state: "cancelled" });
      assert.deepEqual(await claim(engine, { limit: 10 }), []);
      assert.equal(await engine.cancel(["waiting"], why), 0);
    },
  },
  {
    name: "tells the worker of a running task, and leaves the task to it",
    features: ["cancelRunning"],
    async run(engine) {
      await send(engine, "1", "2");
      const told: Lease[] = [];
      const stop = engine.onCancel("tester", (leases) => told.push(...leases));
      const { lease } = await claimOne(engine);
      assert.equal(await engine.cancel(["1"], why), 1);
      assert.equal(await engine.cancel(["1"], reason), 0);
      await eventually(() => told.length > 0, "the worker being told");
      stop();
      assert.ok(told.every(({ id, token }) => id === "1" && token === lease.token));
      await assertUnderWay(engine, "1", { state: "running" });
      assert.deepEqual(await engine.extend([lease], 1000), []);
      assert.deepEqual(await engine.settle([{ kind: "cancel", lease, reason: why }]), [true]);
      assertRecord(await engine.find("1"), { state: "cancelled", reason: why });
    },
  },
  {
    name: "tells a worker in another instance",
    features: ["cancelRunning"],
    needs: "shared",
    async run(engine, another) {
      const other = another();
      await other.open();
      await send(engine, "1");
      const told: Lease[] = [];
      const stop = other.onCancel("tester", (leases) => told.push(...leases));
      const { lease } = await claimOne(other);
      await pause(20);
      await engine.cancel(["1"], why);
      await eventually(() => told.length > 0, "the worker being told");
      stop();
      assert.deepEqual(told[0], lease);
    },
  },
  {
    name: "tells a worker that begins to listen later",
    features: ["cancelRunning"],
    async run(engine) {
      await send(engine, "1");
      const { lease } = await claimOne(engine);
      await engine.cancel(["1"], why);
      const told: Lease[] = [];
      const stop = engine.onCancel("tester", (leases) => told.push(...leases));
      await eventually(() => told.length > 0, "the worker being told");
      stop();
      assert.deepEqual(told[0], lease);
    },
  },
  {
    name: "tells no other worker, and nobody who has stopped listening",
    features: ["cancelRunning"],
    async run(engine) {
      await send(engine, "1", "2");
      let calls = 0;
      const count = (): void => {
        calls += 1;
      };
      const stop = engine.onCancel("another worker", count);
      engine.onCancel("tester", count)();
      await claim(engine, { limit: 2 });
      await engine.cancel(["1", "2"], why);
      await pause(50);
      stop();
      assert.equal(calls, 0);
    },
  },
  {
    name: "delivers a cancelled task whose lease was lost as cancelled",
    features: ["cancelRunning"],
    async run(engine) {
      await send(engine, "1");
      const first = await claimOne(engine, { lease: shortLease });
      assert.equal(first.cancelled, undefined);
      await engine.cancel(["1"], why);
      await pause(shortLease + 20);
      const second = await claimOne(engine, { lease: shortLease });
      assert.deepEqual([second.crashes, second.cancelled], [1, why]);
      await pause(shortLease + 20);
      const third = await claimOne(engine);
      assert.deepEqual(third.cancelled, why);
      await engine.settle([{ kind: "cancel", lease: third.lease, reason: why }]);
      assertRecord(await engine.find("1"), { state: "cancelled", attempts: 0, crashes: 2 });
    },
  },
  ...(
    [
      ["retryAt", 1],
      ["defer", 0],
      ["release", 0],
    ] as const
  ).map(([kind, attempts]): ContractCase => ({
    name: `${kind} of a cancelled task ends it as cancelled; attempts counted: ${attempts}`,
    features: ["cancelRunning"],
    async run(engine) {
      const lease = await cancelRunning(engine, "1");
      const end = awaitEnd(engine, "1");
      const settlement =
        kind === "release" ? { kind, lease } : { kind, lease, at: Date.now() + 10_000, reason };
      assert.deepEqual(await engine.settle([settlement]), [true]);
      const record = await soon(end, "the end");
      assertRecord(record, { state: "cancelled", attempts, deferrals: 0, reason: why });
      assert.ok(record?.endedAt !== undefined);
      assert.deepEqual(await claim(engine), []);
    },
  })),
  {
    name: "leaves a cancelled task the end that its worker gives it",
    features: ["cancelRunning"],
    async run(engine) {
      for (const state of endStates) {
        const lease = await cancelRunning(engine, state);
        assert.deepEqual(await engine.settle([endAs(state, lease)]), [true]);
        assertRecord(await engine.find(state), { state, ...(state !== "succeeded" && { reason }) });
      }
    },
  },
  {
    name: "is forgotten when the task is retried",
    features: ["cancelRunning"],
    async run(engine) {
      const lease = await cancelRunning(engine, "1");
      await engine.settle([{ kind: "release", lease }]);
      assert.equal(await engine.retry(["1"]), 1);
      await assertUnderWay(engine, "1", { state: "waiting" });
      const again = await claimOne(engine);
      assert.equal(again.cancelled, undefined);
      await engine.settle([{ kind: "retryAt", lease: again.lease, at: 0, reason }]);
      await assertUnderWay(engine, "1", { state: "waiting" });
      assert.equal((await claimOne(engine)).cancelled, undefined);
    },
  },
];

/** Sends a task, claims it, and cancels it. */
async function cancelRunning(engine: Engine, id: string): Promise<Lease> {
  await send(engine, id);
  const { lease } = await claimOne(engine);
  assert.equal(await engine.cancel([id], why), 1);
  return lease;
}

import assert from "node:assert/strict";
import type { Engine, Lease, Outgoing } from "../../engine.ts";
import type { MessageHeaders } from "../../message.ts";
import { can, claim, find, ids, longLease, outgoing, reason } from "./case.ts";
import type { ContractCase } from "./case.ts";

const impossible = { wire: 1, amount: 1n } as unknown as MessageHeaders;

/** A thousand at once, of everything that takes many. */
export const bulkCases: readonly ContractCase[] = [
  {
    name: "accepts 1,000 tasks in one batch, and hands them out in their order",
    async run(engine) {
      const names = thousand();
      assert.deepEqual(await engine.send(names.map((id) => outgoing(id))), names);
      assert.deepEqual(ids(await claim(engine, { limit: 1000 })), names);
    },
  },
  {
    name: "accepts 1,000 tasks for several queues in one batch, in the order of each queue",
    async run(engine) {
      const queues = ["a", "b", "c"];
      const batch = thousand().map((id, index) => outgoing(id, { queue: queues[index % 3] ?? "" }));
      await engine.send(batch);
      if (can(engine, "records")) assert.equal(await total(engine), 1000);
      for (const queue of queues) {
        const expected = batch.filter((one) => one.message.queue === queue).map((one) => one.message.id);
        assert.deepEqual(ids(await claim(engine, { queues: [queue], limit: 1000 })), expected);
      }
    },
    features: ["list"],
  },
  {
    name: "accepts none of 1,000 tasks for one queue when one of them cannot be",
    run: (engine) => refusesAll(engine, (id) => outgoing(id)),
  },
  {
    name: "accepts none of 1,000 tasks for several queues when one of them cannot be",
    features: ["atomicBatch"],
    run: (engine) => refusesAll(engine, (id) => outgoing(id, { queue: `queue ${id.at(-1)}` })),
  },
  {
    name: "repeats a batch of which all is known, or half, without a second task",
    features: ["list", "records", "knownIds"],
    async run(engine) {
      const batch = thousand().map((id) => outgoing(id));
      await engine.send(batch.slice(0, 500));
      const names = batch.map((one) => one.message.id);
      assert.deepEqual(await engine.send(batch), names);
      assert.deepEqual(await engine.send(batch), names);
      assert.equal(await total(engine), 1000);
    },
  },
  {
    name: "extends, settles, retries, cancels and discards 1,000 at once",
    async run(engine) {
      const names = thousand();
      await engine.send(names.map((id) => outgoing(id)));
      const leases = await claimed(engine);
      assert.deepEqual(await engine.extend(leases, longLease), []);
      const failed = await engine.settle(leases.map((lease) => ({ kind: "fail", lease, reason })));
      assert.deepEqual(new Set(failed), new Set([true]));
      assert.equal(failed.length, 1000);
      assert.equal(await engine.retry(names), 1000);
      assert.equal(await engine.cancel(names, reason), 1000);
      assert.deepEqual(await claim(engine, { limit: 1000 }), []);
      assert.equal(await engine.retry(names), 1000);
      if (!can(engine, "records")) {
        const again = await claimed(engine);
        await engine.settle(again.map((lease) => ({ kind: "fail", lease, reason })));
      }
      assert.equal(await engine.discard(names, reason), 1000);
      for (const id of names.slice(0, 3)) assert.equal((await find(engine, id)).state, "discarded");
      assert.deepEqual(await claim(engine, { limit: 1000 }), []);
    },
  },
  {
    name: "takes 1,000 sends at the same time",
    async run(engine) {
      const names = thousand();
      const sent = await Promise.all(names.map((id) => engine.send([outgoing(id)])));
      assert.deepEqual(sent.flat(), names);
      assert.deepEqual(ids(await claim(engine, { limit: 1000 })).toSorted(), names.toSorted());
    },
  },
];

async function claimed(engine: Engine): Promise<Lease[]> {
  return (await claim(engine, { limit: 1000 })).map(({ lease }) => lease);
}

function thousand(): string[] {
  return Array.from({ length: 1000 }, (_, index) => `task ${index}`);
}

async function total(engine: Engine): Promise<number> {
  return (await engine.counts()).reduce((sum, { count }) => sum + count, 0);
}

/** The one that cannot be is neither the first nor the last. */
async function refusesAll(engine: Engine, make: (id: string) => Outgoing): Promise<void> {
  await engine.send([outgoing("before")]);
  const batch = thousand().map(make);
  const [broken] = batch.splice(703, 1);
  assert.ok(broken);
  const { message } = broken;
  await assert.rejects(
    engine.send([
      ...batch.slice(0, 703),
      { ...broken, message: { ...message, headers: impossible } },
      ...batch.slice(703),
    ]),
  );
  for (const index of [0, 1, 702, 703, 998]) {
    const { id } = batch[index]!.message;
    assert.equal(await engine.find(id), undefined, id);
  }
  const queues = [...new Set(["default", ...batch.map((one) => one.message.queue)])];
  assert.deepEqual(ids(await claim(engine, { queues, limit: 1000 })), ["before"]);
}

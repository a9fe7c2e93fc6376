import assert from "node:assert/strict";
import { assertUnderWay, claimWhenReady, eventually, find, outgoing, pause } from "./case.ts";
import type { ContractCase } from "./case.ts";
import { withChildren } from "./processes.ts";

const processes = 8;

/** Several processes at once, each with the engine open. */
export const competingCases: readonly ContractCase[] = [
  {
    name: "gives each task to exactly one of 8 competing processes, those that wait and those that come",
    features: ["sharedEnds"],
    needs: "elsewhere",
    async run(engine, _, { elsewhere }) {
      const names = Array.from({ length: 400 }, (_, index) => `task ${index}`);
      await engine.send(names.slice(0, 300).map((id) => outgoing(id)));
      const roles = Array.from({ length: processes }, () => ({ queue: "default" }));
      await withChildren(elsewhere, "compete", roles, async (children) => {
        for (const child of children) child.tell();
        // They wait for these all together.
        for (const id of names.slice(300)) await engine.send([outgoing(id)]);
        await eventually(
          async () => {
            const states = await Promise.all(names.map(async (id) => (await engine.find(id))?.state));
            return states.every((state) => state === "succeeded");
          },
          "all tasks being done",
          30_000,
        );
        for (const child of children) child.tell();
        const taken = (await Promise.all(children.map((child) => child.next()))) as string[][];
        assert.deepEqual(taken.flat().toSorted(), names.toSorted());
        assert.ok(taken.filter((some) => some.length > 0).length > 1, "more than one process got something");
      });
      assert.deepEqual((await find(engine, "task 0")).attempts, 1);
    },
  },
  {
    name: "accepts what 8 processes send at the same time, each in its order",
    needs: "elsewhere",
    async run(engine, _, { elsewhere }) {
      const batches = Array.from({ length: processes }, (_, child) => ({
        tasks: Array.from({ length: 50 }, (_, index) => `${child} ${index}`),
      }));
      await withChildren(elsewhere, "send", batches, async (children) => {
        for (const child of children) child.tell();
        const told = (await Promise.all(children.map((child) => child.next()))) as string[][];
        assert.deepEqual(
          told,
          batches.map(({ tasks }) => tasks),
        );
      });
      const claimed = await engine.claim({
        queues: ["default"],
        limit: 400,
        lease: 30_000,
        worker: "tester",
      });
      const order = claimed.map(({ message }) => message.id);
      assert.equal(order.length, 400);
      for (const [child, { tasks }] of batches.entries())
        assert.deepEqual(
          order.filter((id) => id.startsWith(`${child} `)),
          tasks,
        );
    },
  },
  {
    name: "finds one holder of a key that 8 processes send with at the same time",
    needs: "elsewhere",
    features: ["uniqueKeys"],
    async run(engine, _, { elsewhere }) {
      const batches = Array.from({ length: processes }, (_, child) => ({
        tasks: Array.from({ length: 20 }, (_, index) => `${child} ${index}`),
        key: "the same",
      }));
      await withChildren(elsewhere, "send", batches, async (children) => {
        for (const child of children) child.tell();
        const told = (await Promise.all(children.map((child) => child.next()))) as string[][];
        assert.equal(new Set(told.flat()).size, 1);
        const claimed = await engine.claim({
          queues: ["default"],
          limit: 400,
          lease: 30_000,
          worker: "tester",
        });
        assert.deepEqual(
          claimed.map(({ message }) => message.id),
          [told[0]?.[0]],
        );
      });
    },
  },
  {
    name: "hands on the task of a process that was killed, when its lease has run out at the latest",
    needs: "elsewhere",
    async run(engine, _, { elsewhere }) {
      await engine.send([outgoing("1")]);
      const lease = 1500;
      await withChildren(elsewhere, "hold", [{ lease }], async ([child]) => {
        assert.deepEqual(await child?.next(), ["1"]);
        await assertUnderWay(engine, "1", { worker: "holder" });
        await child?.kill();
        const claimed = await claimWhenReady(engine);
        assert.deepEqual([claimed.crashes, claimed.attempts], [1, 0]);
        assert.deepEqual(await engine.settle([{ kind: "complete", lease: claimed.lease, result: "1" }]), [
          true,
        ]);
      });
      await pause(10);
      assert.equal((await find(engine, "1")).state, "succeeded");
    },
  },
];

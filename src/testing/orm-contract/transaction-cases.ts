/** The contract's rules about transactions. */
import assert from "node:assert/strict";
import type { OrmContractCase, OrmContractHarness } from "./harness.ts";

/** For adapters whose connection has transactions. */
export const transactionCases: readonly OrmContractCase[] = [
  {
    name: "a transaction commits, and gives what its function returned",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const result = await adapter.transaction(handle, async (transaction) => {
        await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
        return { answer: 42 };
      });
      assert.deepEqual(result, { answer: 42 });
      assert.deepEqual(await presentIds(harness), [1]);
    },
  },
  {
    name: "a transaction that throws is rolled back, and its error arrives itself",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const failure = new Error("changed my mind");
      const outcome = adapter.transaction(handle, async (transaction) => {
        await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
        throw failure;
      });
      await assert.rejects(outcome, (error) => error === failure);
      assert.deepEqual(await presentIds(harness), []);
    },
  },
  {
    name: "a transaction that throws before it wrote anything leaves the connection usable",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const outcome = adapter.transaction(handle, async () => {
        throw new TypeError("at once");
      });
      await assert.rejects(outcome, TypeError);
      await adapter.transaction(handle, async (transaction) => {
        await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
      });
      assert.deepEqual(await presentIds(harness), [1]);
    },
  },
  {
    name: "a row is visible to others after the commit and not before",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      await adapter.transaction(handle, async (transaction) => {
        await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
        assert.deepEqual(await presentIds(harness), []);
      });
      assert.deepEqual(await presentIds(harness), [1]);
    },
  },
  {
    name: "a nested transaction that throws is undone alone",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const failure = new Error("the inner one");
      await adapter.transaction(handle, async (outer) => {
        await insert(outer, "qa.Comment", [{ id: 1, body: "outer" }]);
        const nested = adapter.transaction(outer, async (inner) => {
          await insert(inner, "qa.Comment", [{ id: 2, body: "inner" }]);
          throw failure;
        });
        await assert.rejects(nested, (error) => error === failure);
        await insert(outer, "qa.Comment", [{ id: 3, body: "outer again" }]);
      });
      assert.deepEqual(await presentIds(harness), [1, 3]);
    },
  },
  {
    name: "a nested transaction that succeeded is undone with the outer one",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const failure = new Error("the outer one");
      const outcome = adapter.transaction(handle, async (outer) => {
        const inner = await adapter.transaction(outer, async (transaction) => {
          await insert(transaction, "qa.Comment", [{ id: 1, body: "inner" }]);
          return "done";
        });
        assert.equal(inner, "done");
        throw failure;
      });
      await assert.rejects(outcome, (error) => error === failure);
      assert.deepEqual(await presentIds(harness), []);
    },
  },
  {
    name: "transactions one after another nest three deep and commit",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      await adapter.transaction(handle, async (outer) => {
        for (const id of [1, 2]) {
          await adapter.transaction(outer, async (middle) => {
            await adapter.transaction(middle, async (inner) => {
              await insert(inner, "qa.Comment", [{ id, body: "deep" }]);
            });
          });
        }
      });
      assert.deepEqual(await presentIds(harness), [1, 2]);
    },
  },
  {
    name: "transactions overlap where the adapter says that they may",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      if (adapter.capabilities.serialTransactions) return;
      const failure = new Error("this one only");
      const write = (id: number, error?: Error) =>
        adapter.transaction(handle, async (transaction) => {
          await insert(transaction, "qa.Comment", [{ id, body: "overlapping" }]);
          await new Promise((resolve) => setTimeout(resolve, 30));
          if (error !== undefined) throw error;
        });
      const outcomes = await Promise.allSettled([write(1), write(2, failure), write(3)]);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      assert.deepEqual(await presentIds(harness), [1, 3]);
    },
  },
  {
    name: "owns its handle and the transactions of it, and nothing else",
    async run({ adapter, handle }) {
      assert.equal(adapter.owns(handle), true);
      assert.equal(adapter.isTransaction(handle as object), false);
      for (const other of [undefined, null, {}, "db", 7, () => undefined])
        assert.equal(adapter.owns(other), false);
      await adapter.transaction(handle, async (outer) => {
        assert.equal(adapter.owns(outer), true);
        assert.equal(adapter.isTransaction(outer as object), true);
        await adapter.transaction(outer, async (inner) => {
          assert.equal(adapter.owns(inner), true);
          assert.equal(adapter.isTransaction(inner as object), true);
        });
      });
      await assert.rejects(
        adapter.transaction({}, async () => undefined),
        { code: "ERR_TRANSACTION_UNSUPPORTED" },
      );
    },
  },
];

/** For adapters whose connection has none. */
export const refusedTransactionCases: readonly OrmContractCase[] = [
  {
    name: "a transaction is refused with the reason, and its function never runs",
    async run({ adapter, handle }) {
      let ran = false;
      const outcome = adapter.transaction(handle, async () => {
        ran = true;
      });
      await assert.rejects(outcome, { code: "ERR_TRANSACTION_UNSUPPORTED" });
      assert.equal(ran, false);
      assert.equal(adapter.owns(handle), true);
      assert.equal(adapter.owns({}), false);
    },
  },
];

/** Which of the comments 1, 2 and 3 there are, asked outside of any transaction. */
async function presentIds({ adapter }: OrmContractHarness): Promise<readonly number[]> {
  const rows = await adapter.load("qa.Comment", [1, 2, 3]);
  return rows.map((row) => Number(adapter.keyOf("qa.Comment", row))).sort();
}

/** The contract's rules about transactions. */
import assert from "node:assert/strict";
import type { OrmContractCase } from "./harness.ts";
import { anyOf, errorWith, lacks, needs } from "./needs.ts";
import { presentIds } from "./rows.ts";

export const transactionCases: readonly OrmContractCase[] = [
  {
    name: "a transaction commits, and gives what its function returned",
    skip: needs("transaction"),
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
    skip: needs("transaction"),
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
    name: "a transaction that throws what is no error is rolled back, too",
    skip: needs("transaction"),
    async run(harness) {
      const { adapter, handle, insert } = harness;
      for (const thrown of ["a text", undefined]) {
        const outcome = adapter.transaction(handle, async (transaction) => {
          await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          throw thrown;
        });
        const [settled] = await Promise.allSettled([outcome]);
        assert.deepEqual(settled, { status: "rejected", reason: thrown });
        assert.deepEqual(await presentIds(harness), []);
      }
    },
  },
  {
    name: "a transaction that throws before it wrote anything leaves the connection usable",
    skip: needs("transaction"),
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
    skip: needs("transaction"),
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
    skip: needs("transaction", "savepoints"),
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
    skip: needs("transaction", "savepoints"),
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
    skip: needs("transaction", "savepoints"),
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
    skip: anyOf(needs("transaction"), ({ adapter }) =>
      adapter.capabilities.serialTransactions ? "its transactions are one after another" : undefined,
    ),
    async run(harness) {
      const { adapter, handle, insert } = harness;
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
    skip: needs("transaction"),
    async run({ adapter, handle }) {
      assert.equal(adapter.owns(handle), true);
      assert.equal(adapter.isTransaction(handle as object), false);
      for (const other of [undefined, null, {}, "db", 7, () => undefined])
        assert.equal(adapter.owns(other), false);
      await adapter.transaction(handle, async (outer) => {
        assert.equal(adapter.owns(outer), true);
        assert.equal(adapter.isTransaction(outer as object), true);
      });
      await assert.rejects(
        adapter.transaction({}, async () => undefined),
        { code: "ERR_TRANSACTION_UNSUPPORTED" },
      );
    },
  },
  {
    name: "owns its savepoints",
    skip: needs("transaction", "savepoints"),
    async run({ adapter, handle }) {
      await adapter.transaction(handle, (outer) =>
        adapter.transaction(outer, async (inner) => {
          assert.equal(adapter.owns(inner), true);
          assert.equal(adapter.isTransaction(inner as object), true);
        }),
      );
    },
  },
  {
    name: "a transaction is refused with the reason, and its function never runs",
    skip: lacks("transaction"),
    async run({ adapter, handle }) {
      let ran = false;
      const outcome = adapter.transaction(handle, async () => {
        ran = true;
      });
      const reason = adapter.capabilities.lacks.transaction ?? "";
      await assert.rejects(outcome, errorWith("ERR_TRANSACTION_UNSUPPORTED", reason));
      assert.equal(ran, false);
      assert.equal(adapter.owns(handle), true);
      assert.equal(adapter.owns({}), false);
    },
  },
  {
    name: "a savepoint is refused with the reason, and its function never runs",
    skip: anyOf(needs("transaction"), lacks("savepoints")),
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const refused = errorWith("ERR_TRANSACTION_UNSUPPORTED", adapter.capabilities.lacks.savepoints ?? "");
      await adapter.transaction(handle, async (outer) => {
        let ran = false;
        await assert.rejects(
          adapter.transaction(outer, async () => void (ran = true)),
          refused,
        );
        assert.equal(ran, false);
        await insert(outer, "qa.Comment", [{ id: 1, body: "first" }]);
      });
      assert.deepEqual(await presentIds(harness), [1]);
    },
  },
  {
    name: "a transaction of an unreachable database rejects",
    skip: needs("transaction"),
    async run(harness) {
      const { adapter, handle, insert } = harness;
      await harness.breakDatabase();
      const outcome = adapter.transaction(handle, async (transaction) => {
        await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
      });
      await assert.rejects(outcome);
    },
  },
  {
    name: "the error of the function arrives even when rolling back fails",
    skip: needs("transaction", "sql"),
    async run({ adapter, handle }) {
      const failure = new Error("the cause");
      const outcome = adapter.transaction(handle, async (transaction) => {
        // Then there is nothing left that could be rolled back.
        await adapter.sql?.query("rollback", [], { transaction: transaction as object });
        throw failure;
      });
      await assert.rejects(outcome, (error) => error === failure);
    },
  },
];

/** The contract's rules about where and which rows are loaded. */
import assert from "node:assert/strict";
import type { OrmContractCase } from "./harness.ts";
import { errorWith, lacks, needs, needsPart } from "./needs.ts";
import { bodies, insertComments, insertPosts, loadOne, presentIds } from "./rows.ts";

export const loadOptionCases: readonly OrmContractCase[] = [
  {
    name: "loads from the primary",
    async run(harness) {
      await insertComments(harness, [1, 2]);
      assert.deepEqual(await presentIds(harness, { from: "primary" }), [1, 2]);
    },
  },
  {
    name: "loads from the replica",
    skip: needs("replica"),
    async run(harness) {
      await insertComments(harness, [1, 2]);
      assert.deepEqual(await presentIds(harness, { from: "replica" }), [1, 2]);
    },
  },
  {
    name: "a replica is refused with the reason where there is none",
    skip: lacks("replica"),
    async run({ adapter }) {
      const reason = adapter.capabilities.lacks.replica ?? "";
      const refused = errorWith("ERR_MODEL_UNSUPPORTED", reason);
      await assert.rejects(async () => adapter.load("qa.Comment", [1], { from: "replica" }), refused);
    },
  },
  {
    name: "a row that the model hides is missing",
    skip: needsPart("hide", "no rows are hidden"),
    async run(harness) {
      await insertPosts(harness, 2);
      await harness.hide?.(1);
      const rows = await harness.adapter.load("qa.Post", [1, 2]);
      assert.deepEqual(
        rows.map((row) => harness.adapter.keyOf("qa.Post", row)),
        [2],
      );
      assert.deepEqual(await harness.adapter.load("qa.Post", [1], { scope: "default" }), []);
    },
  },
  {
    name: "a row that the model hides is there in the scope of all",
    skip: needsPart("hide", "no rows are hidden"),
    async run(harness) {
      await insertPosts(harness, 2);
      await harness.hide?.(1);
      const rows = await harness.adapter.load("qa.Post", [1, 2], { scope: "all" });
      assert.equal(rows.length, 2);
    },
  },
  {
    name: "a row that is not hidden is there in every scope",
    async run(harness) {
      await insertComments(harness, [1]);
      assert.deepEqual(await bodies(harness, "qa.Comment", [1], { scope: "all" }), ["comment 1"]);
      assert.deepEqual(await bodies(harness, "qa.Comment", [1], { scope: "default" }), ["comment 1"]);
    },
  },
  {
    name: "sees the rows of a transaction in it",
    skip: needs("transaction"),
    async run(harness) {
      const { adapter, handle, insert } = harness;
      await insertComments(harness, [1]);
      await adapter.transaction(handle, async (outer) => {
        const transaction = outer as object;
        await insert(outer, "qa.Comment", [{ id: 2, body: "second" }]);
        await harness.update(outer, "qa.Comment", 1, { body: "edited" });
        assert.deepEqual(await bodies(harness, "qa.Comment", [1, 2], { transaction }), ["edited", "second"]);
      });
    },
  },
  {
    name: "sees the rows of a savepoint, and of what it is in, in it",
    skip: needs("transaction", "savepoints"),
    async run(harness) {
      const { adapter, handle, insert } = harness;
      await insertComments(harness, [1]);
      await adapter.transaction(handle, async (outer) => {
        await insert(outer, "qa.Comment", [{ id: 2, body: "second" }]);
        await adapter.transaction(outer, async (inner) => {
          await insert(inner, "qa.Comment", [{ id: 3, body: "third" }]);
          assert.deepEqual(await presentIds(harness, { transaction: inner as object }), [1, 2, 3]);
        });
        assert.deepEqual(await presentIds(harness, { transaction: outer as object }), [1, 2, 3]);
      });
    },
  },
  {
    name: "does not see the rows of a transaction beside it",
    skip: needs("transaction"),
    async run(harness) {
      const { adapter, handle, insert } = harness;
      await insertComments(harness, [1]);
      await adapter.transaction(handle, async (transaction) => {
        await insert(transaction, "qa.Comment", [{ id: 2, body: "second" }]);
        await harness.update(transaction, "qa.Comment", 1, { body: "edited" });
        assert.deepEqual(await bodies(harness, "qa.Comment", [1, 2]), ["comment 1"]);
      });
    },
  },
  {
    name: "loads with all options at once, in a transaction",
    skip: needs("transaction", "relations"),
    async run(harness) {
      await insertPosts(harness, 2);
      await harness.hide?.(1);
      await harness.adapter.transaction(harness.handle, async (transaction) => {
        const options = { with: ["author"], scope: "all", from: "primary" } as const;
        const post = await loadOne(harness, "qa.Post", 1, { ...options, transaction: transaction as object });
        assert.equal(Reflect.get(Reflect.get(post, "author") as object, "name"), "author 1");
      });
    },
  },
  {
    name: "loading in what is no transaction of this connection is refused",
    skip: needs("transaction"),
    async run(harness) {
      await insertComments(harness, [1]);
      const refused = errorWith("ERR_TRANSACTION_UNSUPPORTED");
      const strange = [{}, () => undefined];
      for (const transaction of strange) {
        await assert.rejects(async () => harness.adapter.load("qa.Comment", [1], { transaction }), refused);
      }
    },
  },
];

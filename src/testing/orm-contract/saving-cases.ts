/** The contract's rules about writing rows from their fields. */
import assert from "node:assert/strict";
import { type OrmContractCase, attributeOf, bodyOf } from "./harness.ts";
import { errorWith, needs } from "./needs.ts";
import { bodies, foreignKeyOf, insertComments, insertPosts, loadOne, presentIds } from "./rows.ts";

export const savingCases: readonly OrmContractCase[] = [
  {
    name: "save inserts a row that is not there",
    async run(harness) {
      const { adapter } = harness;
      await insertComments(harness, [1]);
      await adapter.save("qa.Comment", { id: 7, body: "saved" });
      assert.deepEqual(await bodies(harness, "qa.Comment", [1, 7]), ["comment 1", "saved"]);
    },
  },
  {
    name: "save updates a row that is there, and no other",
    async run(harness) {
      const { adapter } = harness;
      await insertComments(harness, [1, 2]);
      await adapter.save("qa.Comment", { id: 2, body: "saved" });
      assert.deepEqual(await bodies(harness, "qa.Comment", [1, 2]), ["comment 1", "saved"]);
    },
  },
  {
    name: "save goes by keys of text and of two attributes",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      await insert(handle, "qa.Tag", [{ name: "a", body: "tag a" }]);
      await insert(handle, "qa.Membership", [
        { userId: 1, groupName: "a", body: "1a" },
        { userId: 1, groupName: "b", body: "1b" },
      ]);
      for (const name of ["a", "b"]) await adapter.save("qa.Tag", { name, body: `saved ${name}` });
      assert.deepEqual(await bodies(harness, "qa.Tag", ["a", "b"]), ["saved a", "saved b"]);
      await adapter.save("qa.Membership", { body: "saved", groupName: "a", userId: 1 });
      await adapter.save("qa.Membership", { body: "new", groupName: "a", userId: 2 });
      const keys = [1, 2].flatMap((userId) => ["a", "b"].map((groupName) => ({ userId, groupName })));
      assert.deepEqual(await bodies(harness, "qa.Membership", keys), ["1b", "new", "saved"]);
    },
  },
  {
    name: "save leaves what is not among the fields as it is, columns that must not be null included",
    async run(harness) {
      const { adapter } = harness;
      await insertPosts(harness, 1);
      await adapter.save("qa.Post", { id: 1, title: "saved" });
      const saved = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", 1));
      assert.equal(saved["title"], "saved");
      const { attribute, value } = foreignKeyOf(saved);
      assert.equal(Number(value), 1);

      await adapter.save("qa.Post", { id: 1, [attribute]: null });
      const again = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", 1));
      assert.equal(again["title"], "saved");
      assert.equal(again[attribute], null);
    },
  },
  {
    name: "save of a key alone leaves a row as it is",
    async run(harness) {
      await insertComments(harness, [1]);
      await harness.adapter.save("qa.Comment", { id: 1 });
      assert.deepEqual(await bodies(harness, "qa.Comment", [1]), ["comment 1"]);
    },
  },
  {
    name: "save compares no versions",
    async run(harness) {
      const { adapter, handle, update } = harness;
      await insertPosts(harness, 1);
      const old = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", 1));
      await update(handle, "qa.Post", 1, { title: "edited" });
      await update(handle, "qa.Post", 1, { title: "edited again" });
      await adapter.save("qa.Post", { ...old, title: "saved" });
      assert.equal(attributeOf(await loadOne(harness, "qa.Post", 1), "title"), "saved");
    },
  },
  {
    name: "save inserts a whole row under another key, with a foreign key or without",
    async run(harness) {
      const { adapter } = harness;
      for (const id of await insertPosts(harness, 1)) {
        const fields = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", id));
        await adapter.save("qa.Post", { ...fields, id: id + 10 });
        const saved = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", id + 10));
        assert.deepEqual({ ...saved, revision: 0 }, { ...fields, id: id + 10, revision: 0 });
      }
    },
  },
  {
    name: "save takes the fields of a row in memory",
    async run(harness) {
      const { adapter } = harness;
      const made = adapter.entityOf("qa.Comment", { id: 7, body: "first" });
      await adapter.save("qa.Comment", adapter.fieldsOf("qa.Comment", made));
      assert.equal(bodyOf(await loadOne(harness, "qa.Comment", 7)), "first");
    },
  },
  {
    name: "save works in a transaction, and is rolled back with it",
    skip: needs("transaction"),
    async run(harness) {
      const { adapter, handle } = harness;
      await insertComments(harness, [1]);
      const failure = new Error("changed my mind");
      const outcome = adapter.transaction(handle, async (within) => {
        const transaction = within as object;
        await adapter.save("qa.Comment", { id: 1, body: "saved" }, { transaction });
        await adapter.save("qa.Comment", { id: 2, body: "saved" }, { transaction });
        assert.deepEqual(await bodies(harness, "qa.Comment", [1, 2], { transaction }), ["saved", "saved"]);
        throw failure;
      });
      await assert.rejects(outcome, (error) => error === failure);
      assert.deepEqual(await bodies(harness, "qa.Comment", [1, 2]), ["comment 1"]);

      await adapter.transaction(handle, async (transaction) => {
        await adapter.save("qa.Comment", { id: 3, body: "kept" }, { transaction: transaction as object });
      });
      assert.deepEqual(await presentIds(harness), [1, 3]);
    },
  },
  {
    name: "save in a savepoint is rolled back with it alone",
    skip: needs("transaction", "savepoints"),
    async run(harness) {
      const { adapter, handle } = harness;
      await adapter.transaction(handle, async (outer) => {
        await adapter.save("qa.Comment", { id: 1, body: "kept" }, { transaction: outer as object });
        const nested = adapter.transaction(outer, async (inner) => {
          await adapter.save("qa.Comment", { id: 2, body: "lost" }, { transaction: inner as object });
          throw new TypeError("the inner one");
        });
        await assert.rejects(nested, TypeError);
      });
      assert.deepEqual(await presentIds(harness), [1]);
    },
  },
  {
    name: "save refuses fields without the key",
    async run(harness) {
      const { adapter } = harness;
      const refused = errorWith("ERR_REFERENCE_KEY", "qa.Comment", "id");
      for (const fields of [{ body: "x" }, { id: null, body: "x" }, { id: undefined, body: "x" }])
        await assert.rejects(async () => adapter.save("qa.Comment", fields), refused);
      const part = { userId: 1, body: "x" };
      const refusedPart = errorWith("ERR_REFERENCE_KEY", "qa.Membership", "groupName");
      await assert.rejects(async () => adapter.save("qa.Membership", part), refusedPart);
    },
  },
  {
    name: "save in what is no transaction of this connection is refused, and writes nothing",
    skip: needs("transaction"),
    async run(harness) {
      const refused = errorWith("ERR_TRANSACTION_UNSUPPORTED");
      const fields = { id: 1, body: "saved" };
      await assert.rejects(
        async () => harness.adapter.save("qa.Comment", fields, { transaction: {} }),
        refused,
      );
      assert.deepEqual(await presentIds(harness), []);
    },
  },
  {
    name: "save rejects when the database cannot be reached",
    async run(harness) {
      await harness.breakDatabase();
      await assert.rejects(async () => harness.adapter.save("qa.Comment", { id: 1, body: "saved" }));
    },
  },
];

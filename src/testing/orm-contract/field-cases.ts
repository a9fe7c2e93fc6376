/** The contract's rules about what a row's columns are, and about rows that are made in memory. */
import assert from "node:assert/strict";
import { snapshot } from "../../model/snapshot.ts";
import { type OrmContractCase, bodyOf } from "./harness.ts";
import { needs } from "./needs.ts";
import { foreignKeyOf, insertPosts, loadOne, presentIds } from "./rows.ts";

export const fieldCases: readonly OrmContractCase[] = [
  {
    name: "a row's columns, by attribute, as they are in memory; of what is no column, nothing",
    async run(harness) {
      const { adapter, handle, insert, targets } = harness;
      const [inserted] = await insert(handle, "qa.Comment", [{ id: 7, body: "first" }]);
      assert.ok(inserted);
      assert.deepEqual(adapter.fieldsOf("qa.Comment", inserted), { id: 7, body: "first" });

      const row = await loadOne(harness, "qa.Comment", 7);
      Reflect.set(row, "body", "edited in memory");
      const odd = { value: () => "never this", enumerable: true, configurable: true, writable: true };
      Object.defineProperties(row, { toJSON: odd, notAColumn: odd });
      assert.deepEqual(adapter.fieldsOf("qa.Comment", row), { id: 7, body: "edited in memory" });
      const taken = snapshot(targets["qa.Comment"], row);
      const expected = ["qa.Comment", 7, { id: 7, body: "edited in memory" }];
      assert.deepEqual([taken.model, taken.pk, { ...taken.fields }], expected);
    },
  },
  {
    name: "a row's columns are those of its key, too",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const key = { userId: 3, groupName: "staff" };
      await insert(handle, "qa.Membership", [{ ...key, body: "since May" }]);
      await insert(handle, "qa.Tag", [{ name: "a", body: "tag a" }]);
      const membership = adapter.fieldsOf("qa.Membership", await loadOne(harness, "qa.Membership", key));
      assert.deepEqual(membership, { ...key, body: "since May" });
      const tag = adapter.fieldsOf("qa.Tag", await loadOne(harness, "qa.Tag", "a"));
      assert.deepEqual(tag, { name: "a", body: "tag a" });
    },
  },
  {
    name: "the foreign key of a relation that was not loaded is among a row's columns, and null is null",
    async run(harness) {
      const { adapter } = harness;
      await insertPosts(harness, 1);
      const fields = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", 1));
      const { attribute, value } = foreignKeyOf(fields);
      assert.equal(Number(value), 1);
      assert.deepEqual(
        Object.keys(fields).sort(),
        [attribute, "deletedAt", "id", "revision", "title"].sort(),
      );
      assert.equal(fields["title"], "post 1");
      assert.equal(fields["deletedAt"], null);

      const ofNobody = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", 2));
      assert.deepEqual(foreignKeyOf(ofNobody), { attribute, value: null });
    },
  },
  {
    name: "a relation that was loaded is not among a row's columns, and its foreign key is",
    skip: needs("relations"),
    async run(harness) {
      const { adapter } = harness;
      const ids = await insertPosts(harness, 1);
      for (const id of ids) {
        const bare = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", id));
        const related = await loadOne(harness, "qa.Post", id, { with: ["author"] });
        assert.deepEqual(adapter.fieldsOf("qa.Post", related), bare);
      }
    },
  },
  {
    name: "a version is another one after an update",
    async run(harness) {
      const { adapter, handle, update } = harness;
      await insertPosts(harness, 1);
      const before = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", 1));
      await update(handle, "qa.Post", 1, { title: "edited" });
      const after = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", 1));
      assert.equal(after["title"], "edited");
      assert.equal(Number(after["revision"]), Number(before["revision"]) + 1);
    },
  },
  {
    name: "a row in memory has the fields that it is made of, and no others",
    async run({ adapter }) {
      const comment = adapter.entityOf("qa.Comment", { id: 7, body: "first" });
      assert.equal(adapter.keyOf("qa.Comment", comment), 7);
      assert.equal(bodyOf(comment), "first");
      assert.deepEqual(adapter.fieldsOf("qa.Comment", comment), { id: 7, body: "first" });
      const membership = adapter.entityOf("qa.Membership", { body: "b", groupName: "a", userId: 3 });
      assert.deepEqual(adapter.keyOf("qa.Membership", membership), { userId: 3, groupName: "a" });
      const post = adapter.entityOf("qa.Post", { id: 1, title: "a part of it" });
      assert.deepEqual(adapter.fieldsOf("qa.Post", post), { id: 1, title: "a part of it" });
    },
  },
  {
    name: "a row in memory has the foreign key that it is made of",
    async run(harness) {
      const { adapter } = harness;
      for (const id of await insertPosts(harness, 1)) {
        const fields = adapter.fieldsOf("qa.Post", await loadOne(harness, "qa.Post", id));
        assert.deepEqual(adapter.fieldsOf("qa.Post", adapter.entityOf("qa.Post", fields)), fields);
      }
    },
  },
  {
    name: "a row in memory knows its model where instances do",
    skip: ({ adapter }) =>
      adapter.capabilities.recognisesRows === "instances" ? undefined : "its rows are plain objects",
    async run(harness) {
      const { adapter } = harness;
      const made = adapter.entityOf("qa.Comment", { id: 7, body: "first" });
      assert.equal(adapter.modelOf(made), "qa.Comment");
      await insertPosts(harness, 1);
      const loaded = await loadOne(harness, "qa.Post", 1);
      const post = adapter.entityOf("qa.Post", adapter.fieldsOf("qa.Post", loaded));
      assert.equal(Object.getPrototypeOf(post), Object.getPrototypeOf(loaded));
    },
  },
  {
    name: "a row in memory is not written when something else is",
    async run(harness) {
      const { adapter, handle, insert, hooked } = harness;
      const made = adapter.entityOf("qa.Comment", { id: 7, body: "first" });
      await insert(handle, "qa.Comment", [{ id: 8, body: "second" }]);
      Reflect.set(made, "body", "edited in memory");
      await hooked?.insert(handle, "qa.Comment", { id: 9, body: "third" });
      assert.deepEqual(await presentIds(harness), hooked === undefined ? [8] : [8, 9]);
    },
  },
];

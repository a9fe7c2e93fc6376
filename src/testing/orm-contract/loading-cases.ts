/** The contract's rules about loading rows. */
import assert from "node:assert/strict";
import { loadReferences } from "../../model/loader.ts";
import { Reference } from "../../model/ref.ts";
import { type OrmContractCase, bodyOf } from "./harness.ts";
import { errorWith } from "./needs.ts";
import { bodies, insertComments, loadOne } from "./rows.ts";

export const loadingCases: readonly OrmContractCase[] = [
  {
    name: "loads many rows in one query, and leaves out those that are not there",
    async run(harness) {
      await insertComments(harness, [1, 2, 3]);
      const before = harness.countQueries?.();
      assert.deepEqual(await bodies(harness, "qa.Comment", [3, 99, 1]), ["comment 1", "comment 3"]);
      if (before !== undefined) assert.equal(harness.countQueries?.(), before + 1);
    },
  },
  {
    name: "loads nothing for no keys",
    async run(harness) {
      await insertComments(harness, [1]);
      assert.deepEqual(await harness.adapter.load("qa.Comment", []), []);
    },
  },
  {
    name: "gives a row once, however often its key is asked for",
    async run(harness) {
      await insertComments(harness, [1, 2]);
      assert.deepEqual(await bodies(harness, "qa.Comment", [1, 2, 1, "1", 1n]), ["comment 1", "comment 2"]);
    },
  },
  {
    name: "gives a row as it is now",
    async run(harness) {
      await insertComments(harness, [1, 2]);
      assert.deepEqual(await bodies(harness, "qa.Comment", [1, 2]), ["comment 1", "comment 2"]);
      await harness.update(harness.handle, "qa.Comment", 1, { body: "edited" });
      await harness.delete(harness.handle, "qa.Comment", 2);
      assert.deepEqual(await bodies(harness, "qa.Comment", [1, 2]), ["edited"]);
    },
  },
  {
    name: "gives rows of the database, not objects that it kept",
    async run(harness) {
      await insertComments(harness, [1]);
      const row = await loadOne(harness, "qa.Comment", 1);
      Reflect.set(row, "body", "only in memory");
      const again = await loadOne(harness, "qa.Comment", 1);
      assert.notEqual(again, row);
      assert.equal(bodyOf(again), "comment 1");
    },
  },
  {
    name: "loads by text keys, whatever is in them",
    async run(harness) {
      const names = ["", " ", "a", "A", "O'Brien", 'a "quote"', "a,b", "%_\\", "?", "$1", ":x", "--", "007"];
      names.push(
        "7",
        "null",
        "__proto__",
        "line\nbreak",
        "tab\t",
        "ünï",
        "日本",
        "🌱",
        "e\u0301",
        "x".repeat(500),
      );
      await harness.insert(
        harness.handle,
        "qa.Tag",
        names.map((name) => ({ name, body: `tag ${name}` })),
      );
      const expected = names.map((name) => `tag ${name}`).sort();
      assert.deepEqual(await bodies(harness, "qa.Tag", names), expected);
      for (const name of names) assert.deepEqual(await bodies(harness, "qa.Tag", [name]), [`tag ${name}`]);
    },
  },
  {
    name: "loads by keys of two attributes, as pairs",
    async run(harness) {
      const rows = [1, 2].flatMap((userId) =>
        ["a", "b"].map((groupName) => ({ userId, groupName, body: `${userId}${groupName}` })),
      );
      await harness.insert(harness.handle, "qa.Membership", rows);
      const keys = [
        { userId: 1, groupName: "a" },
        { groupName: "b", userId: 2 },
        { userId: 3, groupName: "a" },
      ];
      assert.deepEqual(await bodies(harness, "qa.Membership", keys), ["1a", "2b"]);
    },
  },
  {
    name: "loads by bigints, and by texts of integers, as by numbers",
    async run(harness) {
      await insertComments(harness, [1, 2, 3]);
      await harness.insert(harness.handle, "qa.Membership", [
        { userId: 1, groupName: "a", body: "1a" },
        { userId: 2, groupName: "a", body: "2a" },
      ]);
      assert.deepEqual(await bodies(harness, "qa.Comment", [1n, "2"]), ["comment 1", "comment 2"]);
      const keys = [
        { userId: 1n, groupName: "a" },
        { groupName: "a", userId: "2" },
      ];
      assert.deepEqual(await bodies(harness, "qa.Membership", keys), ["1a", "2a"]);
    },
  },
  {
    name: "loads many rows by keys of two attributes in one query",
    async run(harness) {
      const rows = Array.from({ length: 20 }, (_, userId) => ({ userId, groupName: "a", body: "here" }));
      await harness.insert(harness.handle, "qa.Membership", rows);
      const before = harness.countQueries?.();
      const keys = rows.map(({ userId, groupName }) => ({ groupName, userId }));
      assert.equal((await harness.adapter.load("qa.Membership", keys)).length, 20);
      if (before !== undefined) assert.equal(harness.countQueries?.(), before + 1);
    },
  },
  {
    name: "loads 25,000 keys at once",
    async run(harness) {
      const ids = Array.from({ length: 25_000 }, (_, index) => index + 1);
      const present = ids.filter((id) => id % 50 === 0);
      await insertComments(harness, present);
      const rows = await harness.adapter.load("qa.Comment", ids);
      const loaded = rows.map((row) => Number(harness.adapter.keyOf("qa.Comment", row)));
      assert.deepEqual(
        loaded.sort((a, b) => a - b),
        present,
      );
    },
  },
  {
    name: "loads 5,000 keys of two attributes at once",
    async run(harness) {
      const keys = Array.from({ length: 5_000 }, (_, index) => ({
        userId: index >> 2,
        groupName: `group ${index & 3}`,
      }));
      const rows = keys
        .filter((_, index) => index % 50 === 0)
        .map((key) => Object.assign({ body: "here" }, key));
      await harness.insert(harness.handle, "qa.Membership", rows);
      assert.equal((await harness.adapter.load("qa.Membership", keys)).length, 100);
    },
  },
  {
    name: "a key that no row can have is a missing row, and fails no other",
    async run(harness) {
      await insertComments(harness, [1]);
      await harness.insert(harness.handle, "qa.Tag", [{ name: "1", body: "tag 1" }]);
      await harness.insert(harness.handle, "qa.Membership", [{ userId: 1, groupName: "a", body: "1a" }]);
      const pairs = ["abc", 2n ** 80n].map((userId) => ({ userId, groupName: "a" }));
      const odd = [{ userId: 1, groupName: "nul \0" }, ...pairs];
      assert.deepEqual(await bodies(harness, "qa.Membership", [...odd, { userId: 1, groupName: "a" }]), [
        "1a",
      ]);
      const keys = ["abc", "", "1.5", "1; drop table comments", 2n ** 80n, -(2n ** 63n) - 1n, "0x1"];
      assert.deepEqual(await bodies(harness, "qa.Comment", [...keys, 1]), ["comment 1"]);
      assert.deepEqual(await bodies(harness, "qa.Tag", ["nul \0", "\uD800", 1, 2n ** 80n]), ["tag 1"]);
    },
  },
  {
    name: "puts rows in the place of references: one object for each row, and the missing ones told",
    async run(harness) {
      await insertComments(harness, [1]);
      await harness.insert(harness.handle, "qa.Tag", [{ name: "1", body: "tag 1" }]);
      const comment = new Reference("qa.Comment", 1);
      const again = new Reference("qa.Comment", "1");
      const tag = new Reference("qa.Tag", "1");
      const gone = new Reference("qa.Comment", 2);
      const member = new Reference("qa.Membership", { userId: 1, groupName: "a" });
      const loaded = await loadReferences([harness.adapter], [comment, gone, again, tag, gone, member]);

      assert.equal(bodyOf(loaded.rowOf(comment)), "comment 1");
      assert.equal(loaded.rowOf(again), loaded.rowOf(comment));
      assert.equal(bodyOf(loaded.rowOf(tag)), "tag 1");
      assert.equal(loaded.rowOf(gone), undefined);
      assert.deepEqual(loaded.missing, [gone, member]);
      assert.equal(loaded.modelOf(loaded.rowOf(comment) ?? {}), "qa.Comment");
      assert.equal(loaded.modelOf(loaded.rowOf(tag) ?? {}), "qa.Tag");
    },
  },
  {
    name: "a name that is no model's is refused",
    async run({ adapter }) {
      const refused = errorWith("ERR_MODEL_UNKNOWN", "qa.Nothing");
      await assert.rejects(async () => adapter.load("qa.Nothing", [1]), refused);
      await assert.rejects(async () => adapter.save("qa.Nothing", { id: 1 }), refused);
      assert.throws(() => adapter.keyOf("qa.Nothing", { id: 1 }), refused);
      assert.throws(() => adapter.fieldsOf("qa.Nothing", { id: 1 }), refused);
      assert.throws(() => adapter.entityOf("qa.Nothing", { id: 1 }), refused);
    },
  },
  {
    name: "a database that cannot be reached is an error, never missing rows",
    async run(harness) {
      await insertComments(harness, [1]);
      await harness.breakDatabase();
      await assert.rejects(harness.adapter.load("qa.Comment", [1]));
      await assert.rejects(
        loadReferences([harness.adapter], [new Reference("qa.Comment", 1), new Reference("qa.Comment", 2)]),
        (error) => {
          assert.ok(error instanceof Error);
          assert.equal(Reflect.get(error, "code"), "ERR_DATABASE_UNREACHABLE");
          assert.ok(error.message.includes("qa.Comment"), error.message);
          assert.ok(error.message.includes(harness.adapter.name), error.message);
          assert.ok(error.cause instanceof Error);
          return true;
        },
      );
    },
  },
];

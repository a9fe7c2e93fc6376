/** The contract's rules about references and keys. */
import assert from "node:assert/strict";
import { Reference, ref } from "../../model/ref.ts";
import type { OrmFeature } from "../../model/adapter.ts";
import type { ContractModelName, ContractRows, OrmContractCase, OrmContractHarness } from "./harness.ts";
import { loadOne } from "./rows.ts";

export const referenceCases: readonly OrmContractCase[] = [
  {
    name: "a reference by row, by key and by name are equal",
    async run({ adapter, handle, targets, insert }) {
      const [comment] = await insert(handle, "qa.Comment", [{ id: 7, body: "first" }]);
      assert.ok(comment);
      const reference = ref(targets["qa.Comment"], comment);
      assert.deepEqual(reference, new Reference("qa.Comment", 7));
      assert.deepEqual(ref(targets["qa.Comment"], 7), reference);
      assert.deepEqual(ref(targets["qa.Comment"], { id: 7 }), reference);
      assert.equal(adapter.keyOf("qa.Comment", comment), 7);
    },
  },
  {
    name: "a reference to a row with a text key",
    async run({ handle, targets, insert }) {
      const [tag] = await insert(handle, "qa.Tag", [{ name: "type script", body: "a language" }]);
      assert.ok(tag);
      assert.deepEqual(ref(targets["qa.Tag"], tag), new Reference("qa.Tag", "type script"));
      assert.deepEqual(ref(targets["qa.Tag"], "type script"), new Reference("qa.Tag", "type script"));
    },
  },
  {
    name: "a reference to a row with a key of two attributes",
    async run({ handle, targets, insert }) {
      const key = { userId: 3, groupName: "staff" };
      const [membership] = await insert(handle, "qa.Membership", [{ ...key, body: "since May" }]);
      assert.ok(membership);
      const reference = new Reference("qa.Membership", key);
      assert.deepEqual(ref(targets["qa.Membership"], membership), reference);
      assert.deepEqual(ref(targets["qa.Membership"], key), reference);
      assert.deepEqual(ref(targets["qa.Membership"], { groupName: "staff", userId: 3 }), reference);
    },
  },
  {
    name: "a row that was not saved yet is refused",
    async run({ targets, unsavedComment = () => ({ body: "a draft" }) }) {
      const comment = unsavedComment();
      assert.throws(() => ref(targets["qa.Comment"], comment), {
        code: "ERR_REFERENCE_KEY",
        message: /qa\.Comment.*"id"/s,
      });
    },
  },
  {
    name: "a row knows its model exactly where the adapter says so",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const [inserted] = await insert(handle, "qa.Comment", [{ id: 7, body: "first" }]);
      assert.ok(inserted);
      const known = adapter.capabilities.recognisesRows === false ? undefined : "qa.Comment";
      assert.equal(adapter.modelOf(inserted), known);
      assert.equal(adapter.modelOf(await loadOne(harness, "qa.Comment", 7)), known);
    },
  },
  {
    name: "what is no row of a model is not taken for one",
    async run({ adapter, handle, targets }) {
      class Comment {
        id = 7;
        body = "of another class";
      }
      const others: object[] = [{ id: 7, body: "first" }, new Comment(), [], new Date(), new Map(), /x/];
      others.push(Object.create(null) as object, () => undefined, new Error("x"), adapter, handle);
      others.push(...Object.values(targets));
      for (const other of others) assert.equal(adapter.modelOf(other), undefined);
    },
  },
  {
    name: "the adapter names its models, their targets and their keys",
    async run({ adapter, targets }: OrmContractHarness) {
      const models = new Map(adapter.models.map((model) => [model.name, model]));
      assert.deepEqual([...models.keys()].sort(), [
        "qa.Author",
        "qa.Comment",
        "qa.Membership",
        "qa.Post",
        "qa.Sample",
        "qa.Tag",
      ]);
      assert.deepEqual(models.get("qa.Comment")?.key, ["id"]);
      assert.deepEqual(models.get("qa.Tag")?.key, ["name"]);
      assert.deepEqual(models.get("qa.Membership")?.key, ["userId", "groupName"]);
      assert.deepEqual(models.get("qa.Author")?.key, ["id"]);
      assert.deepEqual(models.get("qa.Post")?.key, ["id"]);
      assert.deepEqual(models.get("qa.Sample")?.key, ["id"]);
      assert.equal(models.get("qa.Post")?.version, "revision");
      for (const model of models.values()) {
        assert.equal(model.target, new Map<string, object>(Object.entries(targets)).get(model.name));
      }
    },
  },
  {
    name: "the columns that the adapter tells of are all that there are",
    skip: ({ adapter }) =>
      adapter.models.some((model) => model.fields !== undefined) ? undefined : "it tells of no columns",
    async run({ adapter }) {
      for (const { name, fields } of adapter.models) {
        if (fields === undefined) continue;
        const told = fields.map((field) => (name === "qa.Post" && field === "author" ? "authorId" : field));
        assert.deepEqual(told.toSorted(), attributes[name as ContractModelName].toSorted(), name);
      }
    },
  },
  {
    name: "what the adapter says that it lacks are features, each with a reason",
    async run({ adapter }) {
      for (const [feature, reason] of Object.entries(adapter.capabilities.lacks)) {
        assert.ok(features.includes(feature), `${feature} is no feature`);
        assert.ok(reason.length >= 20, `${feature}: a sentence was to say why, and what to write instead`);
      }
      assert.equal(adapter.sql === undefined, adapter.capabilities.lacks.sql !== undefined);
    },
  },
  {
    name: "the database that the adapter was made with is its own, and no transaction",
    async run({ adapter }) {
      assert.equal(adapter.owns(adapter.database), true);
      assert.equal(adapter.isTransaction(adapter.database), false);
      for (const handle of [adapter.database, {}, () => undefined])
        assert.equal(adapter.transactionOf(handle), undefined);
    },
  },
  {
    name: "says that SQLite's transactions are one after another",
    skip: ({ adapter }) =>
      adapter.sql?.dialect === "sqlite" ? undefined : "it is not SQLite, as far as the adapter tells",
    async run({ adapter }) {
      assert.equal(adapter.capabilities.serialTransactions, true);
    },
  },
];

const features: readonly string[] = [
  "transaction",
  "savepoints",
  "ownTransaction",
  "relations",
  "replica",
  "saveEvents",
  "sql",
] satisfies OrmFeature[];

const attributes: { readonly [Model in ContractModelName]: readonly (keyof ContractRows[Model])[] } = {
  "qa.Comment": ["id", "body"],
  "qa.Tag": ["name", "body"],
  "qa.Membership": ["userId", "groupName", "body"],
  "qa.Author": ["id", "name"],
  "qa.Post": ["id", "title", "authorId", "revision", "deletedAt"],
  "qa.Sample": ["id", "big", "price", "bytes", "data", "at"],
};

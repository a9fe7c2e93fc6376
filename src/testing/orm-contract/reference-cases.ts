/** The contract's rules about references and keys. */
import assert from "node:assert/strict";
import { Reference, ref } from "../../model/ref.ts";
import { snapshot } from "../../model/snapshot.ts";
import type { OrmContractCase, OrmContractHarness } from "./harness.ts";

export const referenceCases: readonly OrmContractCase[] = [
  {
    name: "a reference by row, by key and by name are equal",
    async run({ adapter, handle, targets, insert }) {
      const [comment] = await insert(handle, "qa.Comment", [{ id: 7, body: "first" }]);
      assert.ok(comment);
      const reference = ref(targets["qa.Comment"], comment);
      assert.deepEqual(reference, new Reference("qa.Comment", 7));
      assert.deepEqual(ref(targets["qa.Comment"], 7), reference);
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
    name: "a row's columns, by attribute, as they are in memory; of what is no column, nothing",
    async run({ adapter, handle, insert, targets }) {
      const [comment] = await insert(handle, "qa.Comment", [{ id: 7, body: "first" }]);
      assert.ok(comment);
      assert.deepEqual(adapter.fieldsOf("qa.Comment", comment), { id: 7, body: "first" });
      const shown = Object.assign(
        Object.create(Object.getPrototypeOf(comment) as object) as object,
        comment,
        {
          toJSON: () => "never this",
        },
      );
      const taken = snapshot(targets["qa.Comment"], shown);
      assert.deepEqual(
        [taken.model, taken.pk, { ...taken.fields }],
        ["qa.Comment", 7, { id: 7, body: "first" }],
      );
    },
  },
  {
    name: "a row knows its model exactly where the adapter says so",
    async run({ adapter, handle, insert }) {
      const [comment] = await insert(handle, "qa.Comment", [{ id: 7, body: "first" }]);
      assert.ok(comment);
      assert.equal(adapter.modelOf(comment), adapter.capabilities.recognisesRows ? "qa.Comment" : undefined);
      assert.equal(adapter.modelOf({ id: 7, body: "first" }), undefined);
    },
  },
  {
    name: "the adapter names its models, their targets and their keys",
    async run({ adapter, targets }: OrmContractHarness) {
      const models = new Map(adapter.models.map((model) => [model.name, model]));
      assert.deepEqual([...models.keys()].sort(), ["qa.Comment", "qa.Membership", "qa.Tag"]);
      assert.deepEqual(models.get("qa.Comment")?.key, ["id"]);
      assert.deepEqual(models.get("qa.Tag")?.key, ["name"]);
      assert.deepEqual(models.get("qa.Membership")?.key, ["userId", "groupName"]);
      for (const model of models.values()) {
        assert.equal(model.target, new Map<string, object>(Object.entries(targets)).get(model.name));
      }
    },
  },
];

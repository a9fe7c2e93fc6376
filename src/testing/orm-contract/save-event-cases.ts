/** The contract's rules about which saves observers are told of, and what. */
import assert from "node:assert/strict";
import { type ContractModelName, type OrmContractCase, type OrmContractHarness, bodyOf } from "./harness.ts";
import { anyOf, needs, needsPart } from "./needs.ts";
import { Recorder } from "./recorder.ts";
import { bodies, insertComments, insertPosts, presentIds } from "./rows.ts";
import { observed, writes } from "./saves.ts";

const skip = needs("saveEvents");

export const saveEventCases: readonly OrmContractCase[] = [
  {
    name: "an insert is told once, with its key",
    skip,
    async run(harness) {
      const recorder = observed(harness);
      await writes(harness).insert(harness.handle, "qa.Comment", { id: 1, body: "first" });
      assertTold(harness, recorder, ["insert", "qa.Comment", 1, "first"]);
    },
  },
  {
    name: "an update is told once, with its key",
    skip,
    async run(harness) {
      const row = await writes(harness).insert(harness.handle, "qa.Comment", { id: 1, body: "first" });
      const recorder = observed(harness);
      await writes(harness).update(harness.handle, "qa.Comment", row, { body: "edited" });
      assertTold(harness, recorder, ["update", "qa.Comment", 1, "edited"]);
      assert.deepEqual(await bodies(harness, "qa.Comment", [1]), ["edited"]);
    },
  },
  {
    name: "a delete is told once, with its key",
    skip,
    async run(harness) {
      const row = await writes(harness).insert(harness.handle, "qa.Comment", { id: 1, body: "first" });
      const recorder = observed(harness);
      await writes(harness).delete(harness.handle, "qa.Comment", row);
      assertTold(harness, recorder, ["delete", "qa.Comment", 1, "first"]);
      assert.deepEqual(await presentIds(harness), []);
    },
  },
  {
    name: "saves are told with keys of text and of two attributes",
    skip,
    async run(harness) {
      const { handle } = harness;
      const recorder = observed(harness);
      const key = { userId: 3, groupName: "staff" };
      const tag = await writes(harness).insert(handle, "qa.Tag", { name: "a", body: "tag a" });
      const member = await writes(harness).insert(handle, "qa.Membership", { ...key, body: "since May" });
      await writes(harness).update(handle, "qa.Membership", member, { body: "since June" });
      await writes(harness).delete(handle, "qa.Membership", member);
      await writes(harness).delete(handle, "qa.Tag", tag);
      assertTold(
        harness,
        recorder,
        ["insert", "qa.Tag", "a", "tag a"],
        ["insert", "qa.Membership", key, "since May"],
        ["update", "qa.Membership", key, "since June"],
        ["delete", "qa.Membership", key, "since June"],
        ["delete", "qa.Tag", "a", "tag a"],
      );
    },
  },
  {
    name: "saves of rows with a version and a foreign key are told once",
    skip,
    async run(harness) {
      const { handle } = harness;
      await harness.insert(handle, "qa.Author", [{ id: 1, name: "author 1" }]);
      const recorder = observed(harness);
      const post = await writes(harness).insert(handle, "qa.Post", { id: 1, title: "first", authorId: 1 });
      await writes(harness).update(handle, "qa.Post", post, { title: "edited" });
      const told = recorder.saves.map(({ operation, model, key }) => [operation, model, key]);
      assert.deepEqual(told, [
        ["insert", "qa.Post", 1],
        ["update", "qa.Post", 1],
      ]);
    },
  },
  {
    name: "a write of many rows is told once, without a key",
    skip: anyOf(skip, ({ hooked }) =>
      hooked?.updateAll === undefined ? "it tells of no writes of many rows" : undefined,
    ),
    async run(harness) {
      await insertComments(harness, [1, 2]);
      const recorder = observed(harness);
      await writes(harness).updateAll?.(harness.handle, "qa.Comment", { body: "edited" });
      const told = recorder.saves.map(({ operation, model, key }) => [operation, model, key]);
      assert.deepEqual(told, [["update", "qa.Comment", undefined]]);
      assert.deepEqual(await bodies(harness, "qa.Comment", [1, 2]), ["edited", "edited"]);
    },
  },
  {
    name: "a save is told to every observer, until its end",
    skip,
    async run(harness) {
      const { handle } = harness;
      const [first, second] = [new Recorder(), new Recorder()];
      const end = harness.adapter.observe(first);
      harness.adapter.observe(second);
      const row = await writes(harness).insert(handle, "qa.Comment", { id: 1, body: "first" });
      end();
      await writes(harness).update(handle, "qa.Comment", row, { body: "edited" });
      assert.deepEqual([first.saves.length, second.saves.length], [1, 2]);
    },
  },
  {
    name: "a save is told by two adapters of one connection, each once",
    skip: anyOf(skip, needsPart("another", "the harness makes no second adapter")),
    async run(harness) {
      const { adapter, handle } = harness;
      const other = harness.another?.(["qa.Comment"]);
      assert.ok(other);
      const [first, second] = [new Recorder(), new Recorder()];
      const end = adapter.observe(first);
      other.observe(second);
      const row = await writes(harness).insert(handle, "qa.Comment", { id: 1, body: "first" });
      end();
      await writes(harness).update(handle, "qa.Comment", row, { body: "edited" });
      const told = [first, second].map(({ saves }) => saves.map(({ operation }) => operation));
      assert.deepEqual(told, [["insert"], ["insert", "update"]]);
    },
  },
  {
    name: "saves of models that an adapter does not name are not told",
    skip: anyOf(skip, needsPart("another", "the harness makes no second adapter")),
    async run(harness) {
      const { handle } = harness;
      const other = harness.another?.(["qa.Comment"]);
      assert.ok(other);
      const recorder = new Recorder();
      other.observe(recorder);
      const tag = await writes(harness).insert(handle, "qa.Tag", { name: "a", body: "tag a" });
      await writes(harness).update(handle, "qa.Tag", tag, { body: "edited" });
      await writes(harness).insert(handle, "qa.Comment", { id: 1, body: "first" });
      assert.deepEqual(
        recorder.saves.map(({ model }) => model),
        ["qa.Comment"],
      );
    },
  },
  {
    name: "what is only read is not told",
    async run(harness) {
      await insertPosts(harness, 2);
      const recorder = observed(harness);
      await harness.adapter.load("qa.Post", [1, 2, 3]);
      await harness.adapter.load("qa.Author", [1, 2, 3]);
      assert.deepEqual(recorder.saves, []);
    },
  },
];

type Told = readonly [operation: string, model: ContractModelName, key: unknown, body: string];

/** That these were told and no others. Where rows are given, the last is as it is expected: it may be all of them. */
function assertTold(
  { adapter }: OrmContractHarness,
  { saves }: Recorder,
  ...expected: readonly Told[]
): void {
  assert.deepEqual(
    saves.map(({ operation, model, key }) => [operation, model, key]),
    expected.map(([operation, model, key]) => [operation, model, key]),
  );
  const [last, [, , key, body] = []] = [saves.at(-1), expected.at(-1)];
  if (last?.row === undefined) return;
  assert.equal(bodyOf(last.row), body);
  // Some ORMs take the key off what they have deleted.
  if (last.operation !== "delete") assert.deepEqual(adapter.keyOf(last.model, last.row), key);
}

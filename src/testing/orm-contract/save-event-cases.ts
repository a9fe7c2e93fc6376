/** The contract's rules about what observers are told of saved rows. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import {
  type ContractModelName,
  type ContractWrites,
  type OrmContractCase,
  type OrmContractHarness,
  attributeOf,
  bodyOf,
} from "./harness.ts";
import { anyOf, needs, needsPart } from "./needs.ts";
import { Recorder } from "./recorder.ts";
import { bodies, insertComments, insertPosts, presentIds } from "./rows.ts";

const skip = needs("saveEvents");
const skipTransaction = needs("saveEvents", "transaction");

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
    name: "a save in a transaction is told with it, before its commit",
    skip: skipTransaction,
    async run(harness) {
      const { adapter, handle } = harness;
      const recorder = observed(harness);
      await adapter.transaction(handle, async (outer) => {
        const row = await writes(harness).insert(outer, "qa.Comment", { id: 1, body: "first" });
        await adapter.transaction(outer, (inner) =>
          writes(harness).update(inner, "qa.Comment", row, { body: "edited" }),
        );
        await writes(harness).delete(outer, "qa.Comment", row);
      });
      const told = recorder.saves.map(({ operation, transaction }) => [
        operation,
        recorder.numberOf(transaction),
      ]);
      assert.deepEqual(told, [
        ["insert", 1],
        ["update", 2],
        ["delete", 1],
      ]);
      const nested = ["begun 2 in 1", "saved", "committed 2"];
      assert.deepEqual(recorder.log, ["begun 1", "saved", ...nested, "saved", "committed 1"]);
    },
  },
  {
    name: "a save in the ORM's own transaction is told with it, before its commit",
    skip: needs("saveEvents", "transaction", "ownTransaction"),
    async run(harness) {
      const recorder = observed(harness);
      await harness.ownTransaction?.(harness.handle, async (transaction) => {
        await writes(harness).insert(transaction, "qa.Comment", { id: 1, body: "first" });
      });
      assert.deepEqual(recorder.log, ["begun 1", "saved", "committed 1"]);
      assert.equal(recorder.numberOf(recorder.saves[0]?.transaction), 1);
    },
  },
  {
    name: "a save that is rolled back is told, and the rollback after it",
    skip: skipTransaction,
    async run(harness) {
      const { adapter, handle } = harness;
      const recorder = observed(harness);
      const outcome = adapter.transaction(handle, async (transaction) => {
        await writes(harness).insert(transaction, "qa.Comment", { id: 1, body: "first" });
        throw new TypeError("changed my mind");
      });
      await assert.rejects(outcome, TypeError);
      assert.deepEqual(recorder.log, ["begun 1", "saved", "rolled back 1"]);
      assert.deepEqual(await presentIds(harness), []);
    },
  },
  {
    name: "a save without a transaction is told without one, or with one that the ORM opened and committed",
    skip,
    async run(harness) {
      const recorder = observed(harness);
      await writes(harness).insert(harness.handle, "qa.Comment", { id: 1, body: "first" });
      const [event] = recorder.saves;
      const { log } = recorder;
      assert.equal(log.filter((entry) => entry === "saved").length, 1);
      if (event?.transaction === undefined)
        assert.ok(!log.slice(0, log.indexOf("saved")).includes("begun 1"));
      else assert.deepEqual(log, ["begun 1", "saved", "committed 1"]);
      if (event?.transaction !== undefined) assert.equal(recorder.numberOf(event.transaction), 1);
      assert.deepEqual(await presentIds(harness), [1]);
    },
  },
  {
    name: "a save is told after the write, in its transaction, and awaited",
    skip: skipTransaction,
    async run(harness) {
      const { adapter, handle } = harness;
      const seen: (readonly string[])[] = [];
      const recorder: Recorder = new Recorder({
        async saved({ transaction }) {
          const within = transaction === undefined ? undefined : recorder.handleOf(transaction);
          await turn();
          seen.push(await bodies(harness, "qa.Comment", [1], { transaction: within }));
        },
      });
      adapter.observe(recorder);
      await adapter.transaction(handle, async (transaction) => {
        const row = await writes(harness).insert(transaction, "qa.Comment", { id: 1, body: "first" });
        assert.deepEqual(seen, [["first"]]);
        await writes(harness).update(transaction, "qa.Comment", row, { body: "edited" });
        assert.deepEqual(seen, [["first"], ["edited"]]);
        await writes(harness).delete(transaction, "qa.Comment", row);
        assert.deepEqual(seen, [["first"], ["edited"], []]);
      });
    },
  },
  {
    name: 'a "saved" that rejects rejects the write, and so rolls back',
    skip: skipTransaction,
    async run(harness) {
      const { adapter, handle } = harness;
      const failure = new Error("the listener's");
      const recorder = new Recorder({
        async saved() {
          await turn();
          throw failure;
        },
      });
      adapter.observe(recorder);
      const outcome = adapter.transaction(handle, async (transaction) => {
        await writes(harness).insert(transaction, "qa.Comment", { id: 1, body: "first" });
      });
      await assert.rejects(outcome, (error) => isOrWraps(error, failure));
      assert.deepEqual(recorder.log, ["begun 1", "saved", "rolled back 1"]);
      assert.deepEqual(await presentIds(harness), []);
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

function observed({ adapter }: OrmContractHarness): Recorder {
  const recorder = new Recorder();
  adapter.observe(recorder);
  return recorder;
}

function writes(harness: OrmContractHarness): ContractWrites {
  assert.ok(harness.hooked, "the harness was to have hooked writes, or the adapter to lack saveEvents");
  return harness.hooked;
}

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

/** Whether an error is this one, or has it among its causes: some ORMs wrap what a hook throws. */
function isOrWraps(error: unknown, failure: Error): boolean {
  for (let each = error, depth = 0; depth < 5; depth += 1) {
    if (each === failure) return true;
    if (typeof each !== "object" || each === null) return false;
    each = attributeOf(each, "cause");
  }
  return false;
}

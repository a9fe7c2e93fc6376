/** The contract's rules about what observers are told of saves and the transactions that they are made in. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { type OrmContractCase, attributeOf } from "./harness.ts";
import { needs } from "./needs.ts";
import { Recorder } from "./recorder.ts";
import { bodies, presentIds } from "./rows.ts";
import { observed, writes } from "./saves.ts";

const skip = needs("saveEvents");
const skipTransaction = needs("saveEvents", "transaction");

export const saveTransactionCases: readonly OrmContractCase[] = [
  {
    name: "a save in a transaction is told with it, before its commit",
    skip: skipTransaction,
    async run(harness) {
      const { adapter, handle } = harness;
      const recorder = observed(harness);
      await adapter.transaction(handle, async (transaction) => {
        const row = await writes(harness).insert(transaction, "qa.Comment", { id: 1, body: "first" });
        await writes(harness).update(transaction, "qa.Comment", row, { body: "edited" });
        await writes(harness).delete(transaction, "qa.Comment", row);
      });
      const told = recorder.saves.map(({ operation, transaction }) => [
        operation,
        recorder.numberOf(transaction),
      ]);
      assert.deepEqual(told, [
        ["insert", 1],
        ["update", 1],
        ["delete", 1],
      ]);
      assert.deepEqual(recorder.log, ["begun 1", "saved", "saved", "saved", "committed 1"]);
    },
  },
  {
    name: "a save in a savepoint is told with it, before its end",
    skip: needs("saveEvents", "transaction", "savepoints"),
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
      const told = recorder.saves.map(({ transaction }) => recorder.numberOf(transaction));
      assert.deepEqual(told, [1, 2, 1]);
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
];

/** Whether an error is this one, or has it among its causes: some ORMs wrap what a hook throws. */
function isOrWraps(error: unknown, failure: Error): boolean {
  for (let each = error, depth = 0; depth < 5; depth += 1) {
    if (each === failure) return true;
    if (typeof each !== "object" || each === null) return false;
    each = attributeOf(each, "cause");
  }
  return false;
}

/** The contract's rules about ends that are to come, commits that fail, and who is told of an end. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import type { OrmContractCase, OrmContractHarness } from "./harness.ts";
import { type Reason, anyOf, needs, needsPart } from "./needs.ts";
import { Recorder } from "./recorder.ts";
import { presentIds } from "./rows.ts";
import { ways } from "./ways.ts";

export const endedTellingCases: readonly OrmContractCase[] = ways.flatMap(
  ({ name: way, skip, run }): readonly OrmContractCase[] => [
    {
      name: `${way}: its commit and its rollback wait for what "ending" does in it`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const outcomes: string[] = [];
        let open: unknown;
        const recorder = new Recorder({
          async ending({ outcome }) {
            await turn();
            await insert(open, "qa.Comment", [{ id: outcomes.push(outcome), body: outcome }]);
          },
        });
        adapter.observe(recorder);
        await run(harness, handle, async (transaction) => void (open = transaction));
        assert.deepEqual([outcomes, await presentIds(harness)], [["commit"], [1]]);
        const failing = run(harness, handle, async (transaction) => {
          open = transaction;
          throw new TypeError("changed my mind");
        });
        await assert.rejects(failing, TypeError);
        assert.deepEqual([outcomes, await presentIds(harness)], [["commit", "rollback"], [1]]);
      },
    },
    {
      name: `${way}: an "ending" that rejects reaches the caller, and nothing is committed`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const failure = new Error("a task could not be written");
        const recorder = new Recorder({
          async ending() {
            await turn();
            throw failure;
          },
        });
        adapter.observe(recorder);
        const outcome = run(harness, handle, (transaction) =>
          insert(transaction, "qa.Comment", [{ id: 1, body: "lost" }]),
        );
        await assert.rejects(outcome, (error) => error === failure);
        assert.deepEqual(recorder.transactions, ["begun 1", "rolled back 1"]);
        assert.deepEqual(await presentIds(harness), []);
      },
    },
    {
      name: `${way}: a "committed" that rejects reaches the caller, and the data is there`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const failure = new Error("could not be sent");
        const recorder = new Recorder({
          async committed() {
            await turn();
            throw failure;
          },
        });
        adapter.observe(recorder);
        const outcome = run(harness, handle, (transaction) =>
          insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]),
        );
        await assert.rejects(outcome, (error) => error === failure);
        assert.deepEqual(recorder.transactions, ["begun 1", "committed 1"]);
        assert.deepEqual(await presentIds(harness), [1]);
      },
    },
    {
      name: `${way} whose commit fails is told as rolled back, and the connection is of use after it`,
      skip: anyOf(skip, needs("sql"), ({ adapter }) =>
        adapter.sql?.dialect === "mysql" ? "MySQL defers no constraints" : undefined,
      ),
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const { sql } = adapter;
        assert.ok(sql);
        if (sql.dialect === "sqlite") await sql.query("pragma foreign_keys = on", []);
        await sql.query(
          "create table contract_deferred (id integer primary key, " +
            "parent integer references contract_deferred (id) deferrable initially deferred)",
          [],
        );
        const recorder = new Recorder();
        adapter.observe(recorder);
        let reachedItsEnd = false;
        const outcome = run(harness, handle, async (transaction) => {
          const within = { transaction: transaction as object };
          await insert(transaction, "qa.Comment", [{ id: 1, body: "lost" }]);
          await sql.query("insert into contract_deferred (id, parent) values (1, 99)", [], within);
          reachedItsEnd = true;
        });
        await assert.rejects(outcome);
        assert.ok(reachedItsEnd);
        assert.deepEqual(recorder.transactions, ["begun 1", "rolled back 1"]);
        await run(harness, handle, (transaction) =>
          insert(transaction, "qa.Comment", [{ id: 2, body: "kept" }]),
        );
        assert.deepEqual(recorder.transactions.slice(2), ["begun 2", "committed 2"]);
        assert.deepEqual(await presentIds(harness), [2]);
      },
    },
    {
      name: `${way} is told by two adapters of one connection, each once`,
      skip: skipTwo(skip),
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const { recorders, other, end } = observedTwice(harness);
        await run(harness, handle, async (transaction) => {
          assert.equal(adapter.transactionOf(transaction as object), recorders[0].begins[0]?.transaction);
          assert.equal(other.transactionOf(transaction as object), recorders[1].begins[0]?.transaction);
          for (const recorder of recorders) assert.equal(recorder.current, 1);
          await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
        });
        const told = ["begun 1", "committed 1"];
        for (const recorder of recorders) assert.deepEqual(recorder.transactions, told);

        end();
        const outcome = run(harness, handle, async () => {
          throw new TypeError("changed my mind");
        });
        await assert.rejects(outcome, TypeError);
        assert.deepEqual(recorders[0].transactions, told);
        assert.deepEqual(recorders[1].transactions, [...told, "begun 2", "rolled back 2"]);
      },
    },
    {
      name: `${way}, nested, is told by two adapters of one connection, each once`,
      skip: anyOf(skipTwo(skip), needs("savepoints")),
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const { recorders, other } = observedTwice(harness);
        await run(harness, handle, (outer) =>
          run(harness, outer, async (inner) => {
            assert.equal(adapter.transactionOf(inner as object), recorders[0].begins[1]?.transaction);
            assert.equal(other.transactionOf(inner as object), recorders[1].begins[1]?.transaction);
            for (const recorder of recorders) assert.equal(recorder.current, 2);
            await insert(inner, "qa.Comment", [{ id: 1, body: "first" }]);
          }),
        );
        const told = ["begun 1", "begun 2 in 1", "committed 2", "committed 1"];
        for (const recorder of recorders) assert.deepEqual(recorder.transactions, told);
      },
    },
  ],
);

/** What one adapter begins is for the other as what the ORM begins. */
function skipTwo(skip: Reason): Reason {
  return anyOf(skip, needs("ownTransaction"), needsPart("another", "the harness makes no second adapter"));
}

/** A recorder for the adapter, whose observing can be ended, and one for another of the same connection. */
function observedTwice(harness: OrmContractHarness) {
  const other = harness.another?.(["qa.Comment"]);
  assert.ok(other);
  const recorders = [new Recorder(), new Recorder()] as const;
  const end = harness.adapter.observe(recorders[0]);
  other.observe(recorders[1]);
  return { recorders, other, end };
}

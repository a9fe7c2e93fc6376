/** The contract's rules about commits that fail, and about who is told of an end. */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import type { OrmContractCase } from "./harness.ts";
import { anyOf, needs, needsPart } from "./needs.ts";
import { Recorder } from "./recorder.ts";
import { presentIds } from "./rows.ts";
import { ways } from "./ways.ts";

export const endedTellingCases: readonly OrmContractCase[] = ways.flatMap(
  ({ name: way, skip, run }): readonly OrmContractCase[] => [
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
      // What one adapter begins is for the other as what the ORM begins.
      skip: anyOf(skip, needs("ownTransaction"), needsPart("another", "the harness makes no second adapter")),
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const other = harness.another?.(["qa.Comment"]);
        assert.ok(other);
        const recorders = [new Recorder(), new Recorder()] as const;
        const end = adapter.observe(recorders[0]);
        other.observe(recorders[1]);
        await run(harness, handle, async (outer) => {
          assert.equal(adapter.transactionOf(outer as object), recorders[0].begins[0]?.transaction);
          assert.equal(other.transactionOf(outer as object), recorders[1].begins[0]?.transaction);
          await run(harness, outer, async (inner) => {
            for (const recorder of recorders) assert.equal(recorder.current, 2);
            await insert(inner, "qa.Comment", [{ id: 1, body: "first" }]);
          });
        });
        const told = ["begun 1", "begun 2 in 1", "committed 2", "committed 1"];
        for (const recorder of recorders) assert.deepEqual(recorder.transactions, told);

        end();
        await assert.rejects(
          run(harness, handle, async () => {
            throw new TypeError("changed my mind");
          }),
          TypeError,
        );
        assert.deepEqual(recorders[0].transactions, told);
        assert.deepEqual(recorders[1].transactions, [...told, "begun 3", "rolled back 3"]);
      },
    },
  ],
);

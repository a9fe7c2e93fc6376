/** The contract's rules about what observers are told of savepoints. */
import assert from "node:assert/strict";
import type { OrmContractCase } from "./harness.ts";
import { anyOf, needs } from "./needs.ts";
import { Recorder } from "./recorder.ts";
import { presentIds } from "./rows.ts";
import { ways } from "./ways.ts";

export const nestedTellingCases: readonly OrmContractCase[] = ways.flatMap(
  ({ name: way, skip, run }): readonly OrmContractCase[] => [
    {
      name: `${way}, nested: each savepoint is told, within its parent`,
      skip: anyOf(skip, needs("savepoints")),
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const recorder = new Recorder();
        adapter.observe(recorder);
        const failure = new Error("this one only");
        await run(harness, handle, async (outer) => {
          await run(harness, outer, async (inner) => {
            assert.equal(recorder.current, 2);
            assert.equal(adapter.transactionOf(inner as object), recorder.begins[1]?.transaction);
            await insert(inner, "qa.Comment", [{ id: 1, body: "kept" }]);
            assert.equal(recorder.current, 2);
          });
          assert.equal(recorder.current, 1);
          assert.equal(adapter.transactionOf(outer as object), recorder.begins[0]?.transaction);
          const rolledBack = run(harness, outer, async (inner) => {
            assert.equal(recorder.current, 3);
            await insert(inner, "qa.Comment", [{ id: 2, body: "lost" }]);
            throw failure;
          });
          await assert.rejects(rolledBack, (error) => error === failure);
          assert.equal(recorder.current, 1);
          await insert(outer, "qa.Comment", [{ id: 3, body: "kept" }]);
        });
        const inner = ["begun 2 in 1", "committed 2", "begun 3 in 1", "rolled back 3"];
        assert.deepEqual(recorder.transactions, ["begun 1", ...inner, "committed 1"]);
        assert.deepEqual(await presentIds(harness), [1, 3]);
      },
    },
    {
      name: `${way}, nested: what the outer one rolls back is told of the outer one`,
      skip: anyOf(skip, needs("savepoints")),
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const recorder = new Recorder();
        adapter.observe(recorder);
        const outcome = run(harness, handle, async (outer) => {
          await run(harness, outer, (inner) => insert(inner, "qa.Comment", [{ id: 1, body: "lost" }]));
          throw new TypeError("the outer one");
        });
        await assert.rejects(outcome, TypeError);
        const told = ["begun 1", "begun 2 in 1", "committed 2", "rolled back 1"];
        assert.deepEqual(recorder.transactions, told);
        assert.deepEqual(await presentIds(harness), []);
      },
    },
    {
      name: `${way}, nested three deep: an error that passes through is told of each`,
      skip: anyOf(skip, needs("savepoints")),
      async run(harness) {
        const { adapter, handle } = harness;
        const recorder = new Recorder();
        adapter.observe(recorder);
        const failure = new Error("from the depth");
        const outcome = run(harness, handle, (outer) =>
          run(harness, outer, (middle) =>
            run(harness, middle, async () => {
              assert.equal(recorder.current, 3);
              throw failure;
            }),
          ),
        );
        await assert.rejects(outcome, (error) => error === failure);
        const begun = ["begun 1", "begun 2 in 1", "begun 3 in 2"];
        const ended = ["rolled back 3", "rolled back 2", "rolled back 1"];
        assert.deepEqual(recorder.transactions, [...begun, ...ended]);
      },
    },
  ],
);

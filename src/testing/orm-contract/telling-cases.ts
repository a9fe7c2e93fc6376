/** The contract's rules about what observers are told of transactions, begun by the adapter or by the ORM itself. */
import assert from "node:assert/strict";
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import type { OrmContractCase } from "./harness.ts";
import { anyOf } from "./needs.ts";
import { Recorder } from "./recorder.ts";
import { presentIds } from "./rows.ts";
import { ways } from "./ways.ts";

export const tellingCases: readonly OrmContractCase[] = ways.flatMap(
  ({ name: way, skip, run }): readonly OrmContractCase[] => [
    {
      name: `${way} is told: begun before its work, committed when it can be seen`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        let seen: readonly number[] = [];
        const recorder = new Recorder({
          async committed() {
            await turn();
            seen = await presentIds(harness);
          },
        });
        adapter.observe(recorder);
        const result = await run(harness, handle, async (transaction) => {
          assert.deepEqual(recorder.transactions, ["begun 1"]);
          await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          assert.deepEqual(recorder.transactions, ["begun 1"]);
          return "done";
        });
        assert.equal(result, "done");
        assert.deepEqual(recorder.transactions, ["begun 1", "committed 1"]);
        assert.deepEqual(seen, [1]);
      },
    },
    {
      name: `${way} that nobody observes can be worked in`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        await run(harness, handle, async (each) => {
          const transaction = each as object;
          assert.equal(adapter.owns(transaction), true);
          assert.equal(adapter.isTransaction(transaction), true);
          await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          await adapter.save("qa.Comment", { id: 2, body: "saved" }, { transaction });
          assert.deepEqual(await presentIds(harness, { transaction }), [1, 2]);
        });
        assert.deepEqual(await presentIds(harness), [1, 2]);
      },
    },
    {
      name: `${way} that throws is told as rolled back, and its error arrives itself`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const recorder = new Recorder();
        adapter.observe(recorder);
        const failure = new Error("changed my mind");
        const outcome = run(harness, handle, async (transaction) => {
          await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          throw failure;
        });
        await assert.rejects(outcome, (error) => error === failure);
        assert.deepEqual(recorder.transactions, ["begun 1", "rolled back 1"]);
        assert.deepEqual(await presentIds(harness), []);
      },
    },
    {
      name: `${way} after another is told as one of its own`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const recorder = new Recorder();
        adapter.observe(recorder);
        for (const id of [1, 2])
          await run(harness, handle, (transaction) => insert(transaction, "qa.Comment", [{ id, body: "x" }]));
        assert.deepEqual(recorder.transactions, ["begun 1", "committed 1", "begun 2", "committed 2"]);
        assert.deepEqual(await presentIds(harness), [1, 2]);
      },
    },
    {
      name: `${way}: its work is inside, after awaits and timers too, and what is done beside it is not`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const recorder = new Recorder();
        adapter.observe(recorder);
        const started = Promise.withResolvers<void>();
        const looked = Promise.withResolvers<void>();
        const deeper = async (): Promise<number | undefined> => {
          await turn();
          return recorder.current;
        };
        const open = run(harness, handle, async (transaction) => {
          assert.equal(recorder.current, 1);
          started.resolve();
          await looked.promise;
          assert.equal(recorder.current, 1);
          await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          assert.equal(recorder.current, 1);
          await pause(1);
          assert.deepEqual(await Promise.all([deeper(), deeper().then(() => recorder.current)]), [1, 1]);
        });
        await Promise.race([started.promise, open]);
        // Before anything is asserted it goes on, for an open transaction would keep the harness from closing.
        const beside = [recorder.current, adapter.transactionOf(handle), adapter.isTransaction(handle)];
        looked.resolve();
        await open;
        assert.deepEqual(beside, [undefined, undefined, false]);
        assert.equal(recorder.current, undefined);
        assert.deepEqual(recorder.transactions, ["begun 1", "committed 1"]);
      },
    },
    {
      name: `${way}: its handle leads to what was told`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const recorder = new Recorder();
        adapter.observe(recorder);
        assert.equal(adapter.transactionOf(handle), undefined);
        await run(harness, handle, async (transaction) => {
          const [begun] = recorder.begins;
          assert.ok(begun);
          assert.equal(adapter.transactionOf(transaction as object), begun.transaction);
          assert.equal(adapter.transactionOf(begun.handle), begun.transaction);
          for (const each of [transaction as object, begun.handle]) {
            assert.equal(adapter.owns(each), true);
            assert.equal(adapter.isTransaction(each), true);
          }
          await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          await adapter.save("qa.Comment", { id: 2, body: "saved" }, { transaction: begun.handle });
          assert.deepEqual(await presentIds(harness, { transaction: begun.handle }), [1, 2]);
          assert.deepEqual(await presentIds(harness, { transaction: transaction as object }), [1, 2]);
        });
        assert.equal(adapter.transactionOf(handle), undefined);
        assert.deepEqual(await presentIds(harness), [1, 2]);
      },
    },
    {
      name: `${way}: those at the same time do not mix`,
      skip: anyOf(skip, ({ adapter }) =>
        adapter.capabilities.serialTransactions ? "its transactions are one after another" : undefined,
      ),
      async run(harness) {
        const { adapter, handle, insert } = harness;
        const recorder = new Recorder();
        adapter.observe(recorder);
        const ids = [1, 2, 3, 4, 5, 6];
        const numbers = new Map<number, number>();
        const outcomes = await Promise.allSettled(
          ids.map((id) =>
            run(harness, handle, async (transaction) => {
              const number = recorder.numberOf(adapter.transactionOf(transaction as object));
              numbers.set(id, number);
              assert.equal(recorder.current, number);
              await insert(transaction, "qa.Comment", [{ id, body: "at the same time" }]);
              assert.equal(recorder.current, number);
              await pause((id * 7) % 5);
              assert.equal(recorder.current, number);
              if (id % 2 === 0) throw new TypeError("this one only");
            }),
          ),
        );
        for (const [index, id] of ids.entries()) {
          const outcome = outcomes[index];
          if (outcome?.status === "rejected" && !(outcome.reason instanceof TypeError)) throw outcome.reason;
          assert.equal(outcome?.status, id % 2 === 0 ? "rejected" : "fulfilled");
          const ended = `${id % 2 === 0 ? "rolled back" : "committed"} ${numbers.get(id)}`;
          assert.equal(recorder.log.filter((entry) => entry === ended).length, 1, ended);
        }
        assert.deepEqual([...numbers.values()].sort(), ids);
        assert.equal(recorder.transactions.length, 12);
        assert.deepEqual(await presentIds(harness), [1, 3, 5]);
      },
    },
  ],
);

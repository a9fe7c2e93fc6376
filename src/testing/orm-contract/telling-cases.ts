/** The contract's rules about what observers are told of transactions, begun by the adapter or by the ORM itself. */
import assert from "node:assert/strict";
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import type { OrmContractCase, OrmContractHarness } from "./harness.ts";
import { anyOf, needs } from "./needs.ts";
import { Recorder } from "./recorder.ts";
import { presentIds } from "./rows.ts";

/** A way to run something in a transaction. */
interface Way {
  readonly name: string;
  readonly skip: (harness: OrmContractHarness) => string | undefined;
  run<Result>(
    harness: OrmContractHarness,
    handle: unknown,
    work: (transaction: unknown) => Promise<Result>,
  ): Promise<Result>;
}

/** Both ways that there are. */
export const ways: readonly Way[] = [
  {
    name: "a transaction",
    skip: needs("transaction"),
    run: ({ adapter }, handle, work) => adapter.transaction(handle, work),
  },
  {
    name: "the ORM's own transaction",
    skip: needs("transaction", "ownTransaction"),
    run(harness, handle, work) {
      const why = "the harness was to have ownTransaction, or the adapter to lack it";
      assert.ok(harness.ownTransaction, why);
      return harness.ownTransaction(handle, work);
    },
  },
];

export const tellingCases: readonly OrmContractCase[] = ways.flatMap(
  ({ name: way, skip, run }): readonly OrmContractCase[] => [
    {
      name: `${way} is told: begun before its work, committed when it can be seen`,
      skip,
      async run(harness) {
        const { adapter, handle, insert } = harness;
        let seen: readonly number[] = [];
        const recorder = new Recorder({
          committed: async () => void (seen = await presentIds(harness)),
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
      name: `${way}, nested: each savepoint is told, within its parent`,
      skip,
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
      skip,
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
      skip,
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
      skip: anyOf(skip, ({ another }) =>
        another === undefined ? "the harness makes no second adapter" : undefined,
      ),
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

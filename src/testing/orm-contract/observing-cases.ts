/** The contract's rules about observers: from when and until when, how many, and what else they are told. */
import assert from "node:assert/strict";
import type { ContractTransaction, OrmContractCase, OrmContractHarness } from "./harness.ts";
import { anyOf, needs, needsPart } from "./needs.ts";
import { Recorder } from "./recorder.ts";
import { presentIds } from "./rows.ts";
import { ways } from "./ways.ts";

const noBegin = needsPart("begin", "the harness begins no transaction by hand");

export const observingCases: readonly OrmContractCase[] = [
  {
    name: "nothing is told before observe, nor after its end",
    async run(harness) {
      const { adapter, insert, handle } = harness;
      const recorder = new Recorder();
      await runEveryWay(harness, 1);
      const end = adapter.observe(recorder);
      end();
      end();
      await runEveryWay(harness, 3);
      await insert(handle, "qa.Comment", [{ id: 5, body: "first" }]);
      await harness.hooked?.insert(handle, "qa.Comment", { id: 6, body: "hooked" });
      assert.deepEqual(recorder.log, []);
    },
  },
  {
    name: "what is observed again is told once",
    async run(harness) {
      const { adapter } = harness;
      const former = new Recorder();
      adapter.observe(former)();
      const recorder = new Recorder();
      adapter.observe(recorder);
      const count = await runEveryWay(harness, 1);
      assert.equal(recorder.transactions.length, 2 * count);
      assert.deepEqual(former.log, []);
    },
  },
  {
    name: "every observer is told, each until its own end",
    skip: needs("transaction"),
    async run(harness) {
      const { adapter, handle } = harness;
      const [first, second] = [new Recorder(), new Recorder()];
      const end = adapter.observe(first);
      adapter.observe(second);
      await adapter.transaction(handle, async () => {
        assert.deepEqual([first.current, second.current], [1, 1]);
      });
      end();
      await adapter.transaction(handle, async () => {
        assert.deepEqual([first.current, second.current], [undefined, 2]);
      });
      assert.deepEqual(first.transactions, ["begun 1", "committed 1"]);
      assert.deepEqual(second.transactions, ["begun 1", "committed 1", "begun 2", "committed 2"]);
    },
  },
  {
    name: "a transaction that cannot begin is not told as committed",
    skip: needs("transaction"),
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const recorder = new Recorder();
      adapter.observe(recorder);
      await harness.breakDatabase();
      const outcome = adapter.transaction(handle, (transaction) =>
        insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]),
      );
      await assert.rejects(outcome);
      // Some drivers try again.
      const attempts = Array.from({ length: recorder.transactions.length / 2 }, (_, index) => index + 1);
      const expected = attempts.flatMap((number) => [`begun ${number}`, `rolled back ${number}`]);
      assert.deepEqual(recorder.transactions, expected);
    },
  },
  {
    name: "a transaction of what is not this connection's is refused, and nothing is told",
    skip: needs("transaction"),
    async run({ adapter }) {
      const recorder = new Recorder();
      adapter.observe(recorder);
      let ran = false;
      const outcome = adapter.transaction({}, async () => void (ran = true));
      await assert.rejects(outcome, { code: "ERR_TRANSACTION_UNSUPPORTED" });
      assert.deepEqual([ran, recorder.log], [false, []]);
    },
  },
  {
    name: "a transaction that is begun by hand is told, and its commit",
    skip: anyOf(needs("ownTransaction"), noBegin),
    run: (harness) =>
      byHand(harness, async (transaction, recorder) => {
        const { adapter, insert } = harness;
        assert.deepEqual(recorder.transactions, ["begun 1"]);
        assert.equal(adapter.transactionOf(transaction.handle), recorder.begins[0]?.transaction);
        assert.equal(adapter.isTransaction(transaction.handle), true);
        await insert(transaction.handle, "qa.Comment", [{ id: 1, body: "first" }]);
        assert.deepEqual(await presentIds(harness, { transaction: transaction.handle }), [1]);
        await transaction.commit();
        assert.deepEqual(recorder.transactions, ["begun 1", "committed 1"]);
        assert.deepEqual(await presentIds(harness), [1]);
      }),
  },
  {
    name: "a transaction that is begun by hand is told, and its rollback",
    skip: anyOf(needs("ownTransaction"), noBegin),
    run: (harness) =>
      byHand(harness, async (transaction, recorder) => {
        await harness.insert(transaction.handle, "qa.Comment", [{ id: 1, body: "first" }]);
        await transaction.rollback();
        assert.deepEqual(recorder.transactions, ["begun 1", "rolled back 1"]);
        assert.deepEqual(await presentIds(harness), []);
      }),
  },
  {
    name: "a savepoint in a transaction that is begun by hand is told within it",
    skip: anyOf(needs("ownTransaction", "transaction", "savepoints"), noBegin),
    run: (harness) =>
      byHand(harness, async (transaction, recorder) => {
        const { adapter, insert } = harness;
        await adapter.transaction(transaction.handle, async (inner) => {
          assert.equal(recorder.current, 2);
          await insert(inner, "qa.Comment", [{ id: 1, body: "first" }]);
        });
        await transaction.commit();
        const told = ["begun 1", "begun 2 in 1", "committed 2", "committed 1"];
        assert.deepEqual(recorder.transactions, told);
        assert.deepEqual(await presentIds(harness), [1]);
      }),
  },
];

/** Begins a transaction by hand, observed. It is rolled back when `work` fails, so that the harness can close. */
async function byHand(
  harness: OrmContractHarness,
  work: (transaction: ContractTransaction, recorder: Recorder) => Promise<void>,
): Promise<void> {
  const recorder = new Recorder();
  harness.adapter.observe(recorder);
  const transaction = await harness.begin?.();
  assert.ok(transaction);
  try {
    await work(transaction, recorder);
  } catch (error) {
    await transaction.rollback().catch(() => undefined);
    throw error;
  }
}

/** Runs a transaction of each way that applies, with a comment each, and tells how many. */
async function runEveryWay(harness: OrmContractHarness, firstId: number): Promise<number> {
  let count = 0;
  for (const { skip, run } of ways) {
    if (skip(harness) !== undefined) continue;
    await run(harness, harness.handle, (transaction) =>
      harness.insert(transaction, "qa.Comment", [{ id: firstId + count, body: "first" }]),
    );
    count += 1;
  }
  return count;
}

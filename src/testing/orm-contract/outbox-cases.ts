/** The contract's rules about the outbox: a table in the user's database, through the user's connection. */
import assert from "node:assert/strict";
import { Reference } from "../../model/ref.ts";
import { outboxTable } from "../../task/outbox.ts";
import { withApp, type ContractApp } from "./app.ts";
import type { OrmContractCase, OrmContractHarness } from "./harness.ts";
import { errorWith, lacks, needs } from "./needs.ts";

export const outboxCases: readonly OrmContractCase[] = [
  {
    name: "what is enqueued in a transaction is in the outbox with its commit, and is sent in its order",
    skip: needs("transaction", "sql"),
    run: (harness) =>
      withOutbox(harness, async ({ app, enqueue, tester, seen }) => {
        const { handle, insert } = harness;
        await app.transaction(handle, async (transaction) => {
          await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          for (let number = 1; number <= 3; number++) await enqueue({ number });
          const undone = app.transaction(transaction as object, async () => {
            await enqueue({ number: 4 });
            throw new Error("this one alone");
          });
          await assert.rejects(undone);
          await app.transaction(transaction as object, () => enqueue({ number: 5 }));
        });
        await tester.drain();
        assert.deepEqual(
          seen,
          [1, 2, 3, 5].map((number) => ({ number })),
        );
        assert.deepEqual(await waiting(harness), []);
      }),
  },
  {
    name: "what a rolled back transaction enqueued was never in the outbox",
    skip: needs("transaction", "sql"),
    run: (harness) =>
      withOutbox(harness, async ({ app, enqueue, sent, tester }) => {
        const failing = app.transaction(harness.handle, async (transaction) => {
          await harness.insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          await enqueue({ number: 1 });
          throw new Error("all of it");
        });
        await assert.rejects(failing, /all of it/);
        await tester.drain();
        assert.deepEqual([await sent(), await waiting(harness)], [0, []]);
      }),
  },
  {
    name: "what is in the outbox already is sent once, however often; what nobody can read is set aside",
    skip: needs("sql"),
    run: (harness) =>
      withOutbox(harness, async ({ sent, tester, seen }) => {
        const { query, dialect } = harness.adapter.sql!;
        const marks = dialect === "postgres" ? "$1, $2" : "?, ?";
        const put = (id: string, text: string) =>
          query(`insert into petiole_outbox (id, outgoing) values (${marks})`, [id, text]);
        const message = {
          id: "one",
          task: "contract",
          queue: "default",
          payload: '"ü 🌱"',
          headers: { wire: 1 },
        };
        await put("broken", "{");
        await put("one", JSON.stringify({ message, runAt: 0 }));
        await put("other", '{"message": {}}');
        await tester.drain();
        await put("one", JSON.stringify({ message, runAt: 0 }));
        await tester.drain();
        assert.deepEqual([await sent(), seen], [1, ["ü 🌱"]]);
        assert.deepEqual(await waiting(harness), [
          ["broken", "this is not a message of Petiole's"],
          ["other", "this is not a message of Petiole's"],
        ]);
      }),
  },
  {
    name: "a task of a transaction that is cancelled before the commit is never sent",
    skip: needs("transaction", "sql"),
    run: (harness) =>
      withOutbox(harness, async ({ app, tester, seen }) => {
        const task = app.task("cancelled", () => seen.push("ran"));
        await app.transaction(harness.handle, async () => {
          const handle = await task.enqueue(undefined);
          assert.equal(await handle.cancel(), true);
        });
        await tester.drain();
        assert.deepEqual([seen, await waiting(harness)], [[], []]);
      }),
  },
  {
    name: "an outbox is refused where there is no SQL, with the reason",
    skip: (harness) => needs("transaction")(harness) ?? lacks("sql")(harness),
    run: (harness) =>
      withApp(
        harness,
        async ({ app, enqueue }) => {
          const { sql = "" } = harness.adapter.capabilities.lacks;
          const outcome = app.transaction(harness.handle, () =>
            enqueue({ post: new Reference("qa.Comment", 1) }),
          );
          await assert.rejects(outcome, errorWith("ERR_TRANSACTION_UNSUPPORTED", sql));
        },
        { transactions: "outbox" },
      ),
  },
];

async function withOutbox(
  harness: OrmContractHarness,
  run: (app: ContractApp) => Promise<void>,
): Promise<void> {
  const { query, dialect } = harness.adapter.sql!;
  await query(outboxTable(dialect).replace(/;$/, ""), []);
  await withApp(harness, run, { transactions: "outbox" });
}

/** What is in the outbox, with its error. */
async function waiting({ adapter }: OrmContractHarness): Promise<readonly unknown[]> {
  const rows = await adapter.sql!.query("select id, error from petiole_outbox order by sequence", []);
  return rows.map(({ id, error }) => [id, error]);
}

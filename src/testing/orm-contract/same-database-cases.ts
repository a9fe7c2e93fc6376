/**
 * The contract's rules about sending in the same database: an engine's own rows, written through the user's transaction.
 */
import assert from "node:assert/strict";
import type { Engine, SentWithin, TransactionSql } from "../../engine.ts";
import { memory } from "../../engine/memory.ts";
import { Petiole } from "../../task/petiole.ts";
import type { Task } from "../../task/task.ts";
import type { OrmContractCase, OrmContractHarness } from "./harness.ts";
import { anyOf, errorWith, lacks, needs, needsPart } from "./needs.ts";

export const sameDatabaseCases: readonly OrmContractCase[] = [
  {
    name: "what is enqueued in a transaction is the engine's with its commit, and wakes workers then",
    skip: needs("transaction", "sql"),
    run: (harness) =>
      withRows(harness, async ({ app, task, rows, woken }) => {
        const { handle, insert } = harness;
        const handles = await app.transaction(handle, async (transaction) => {
          await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          const one = await task.enqueue(1);
          const many = await task.enqueueMany([2, 3]);
          assert.equal(woken.length, 0);
          return [one, ...many];
        });
        assert.deepEqual(
          await rows(),
          handles.map(({ id }, index) => [id, String(index + 1)]),
        );
        assert.equal(woken.length, 2);
      }),
  },
  {
    name: "what a transaction that was rolled back has enqueued was never there",
    skip: needs("transaction", "sql"),
    run: (harness) =>
      withRows(harness, async ({ app, task, rows, woken }) => {
        const failing = app.transaction(harness.handle, async (transaction) => {
          await harness.insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          await task.enqueue(1);
          throw new Error("all of it");
        });
        await assert.rejects(failing, /all of it/);
        assert.deepEqual([await rows(), woken], [[], []]);
        assert.deepEqual(await harness.adapter.load("qa.Comment", [1]), []);
      }),
  },
  {
    name: "what a savepoint has enqueued follows it, however deep",
    skip: needs("transaction", "savepoints", "sql"),
    run: (harness) =>
      withRows(harness, async ({ app, task, rows, woken }) => {
        await app.transaction(harness.handle, async (outer) => {
          await task.enqueue(1);
          const undone = app.transaction(outer as object, async (inner) => {
            await task.enqueue(2);
            await app.transaction(inner as object, () => task.enqueue(3));
            throw new Error("this one and what is in it");
          });
          await assert.rejects(undone, /this one/);
          await app.transaction(outer as object, async (inner) => {
            await task.enqueue(4);
            await app.transaction(inner as object, () => task.enqueue(5));
          });
          await task.enqueue(6);
        });
        assert.deepEqual(
          (await rows()).map(([, payload]) => payload),
          ["1", "4", "5", "6"],
        );
        assert.equal(woken.length, 4);
      }),
  },
  {
    name: "what is enqueued in the ORM's own transaction is part of it",
    skip: needs("transaction", "ownTransaction", "sql"),
    run: (harness) =>
      withRows(harness, async ({ task, rows }) => {
        await harness.ownTransaction!(harness.handle, () => task.enqueue(1));
        const failing = harness.ownTransaction!(harness.handle, async () => {
          await task.enqueue(2);
          throw new Error("undone");
        });
        await assert.rejects(failing, /undone/);
        assert.deepEqual(
          (await rows()).map(([, payload]) => payload),
          ["1"],
        );
      }),
  },
  {
    name: "a task can be enqueued in a transaction that is ended by hand, given by its handle",
    skip: anyOf(
      needs("transaction", "sql"),
      needsPart("begin", "transactions that are ended by hand are not seen"),
    ),
    run: (harness) =>
      withRows(harness, async ({ task, rows }) => {
        const committed = await harness.begin!();
        await task.enqueue(1, { transaction: committed.handle });
        await committed.commit();
        const undone = await harness.begin!();
        await task.enqueue(2, { transaction: undone.handle });
        await undone.rollback();
        assert.deepEqual(
          (await rows()).map(([, payload]) => payload),
          ["1"],
        );
      }),
  },
  {
    name: "transactions at the same time are each their own",
    skip: (harness) =>
      needs("transaction", "sql")(harness) ??
      (harness.adapter.capabilities.serialTransactions ? "transactions run one after another" : undefined),
    run: (harness) =>
      withRows(harness, async ({ app, task, rows }) => {
        const both = Promise.withResolvers<void>();
        const late = setTimeout(() => both.reject(new Error("the second did not begin")), 5000);
        let open = 0;
        const outcomes = await Promise.allSettled(
          [1, 2].map((number) =>
            app.transaction(harness.handle, async () => {
              await task.enqueue(number);
              if (++open === 2) both.resolve();
              await both.promise;
              assert.deepEqual(await rows(), [], "nothing is seen before a commit");
              if (number === 2) throw new Error("this one");
            }),
          ),
        );
        clearTimeout(late);
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          ["fulfilled", "rejected"],
        );
        assert.deepEqual(
          (await rows()).map(([, payload]) => payload),
          ["1"],
        );
      }),
  },
  {
    name: "what is cancelled before the commit is not there, also from a savepoint in which it was not enqueued",
    skip: needs("transaction", "savepoints", "sql"),
    run: (harness) =>
      withRows(harness, async ({ app, task, rows }) => {
        await app.transaction(harness.handle, async (transaction) => {
          const [one, two] = await task.enqueueMany([1, 2, 3]);
          assert.equal(await one!.cancel(), true);
          await app.transaction(transaction as object, () => two!.cancel());
          await assert.rejects(two!.result(), errorWith("ERR_TASK_NOT_SENT", "cancelled"));
        });
        assert.deepEqual(
          (await rows()).map(([, payload]) => payload),
          ["3"],
        );
      }),
  },
  {
    name: "the SQLite engine takes part where the connection is a node:sqlite one, and refuses another library's",
    skip: (harness) =>
      needs("transaction", "sql")(harness) ??
      (harness.adapter.sql?.dialect === "sqlite" ? undefined : "the database is no SQLite file"),
    async run({ adapter, handle }) {
      const [row] = await adapter.sql!.query("select file from pragma_database_list where name = 'main'", []);
      // Loaded here alone: not every platform has node:sqlite.
      const { sqlite } = await import("../../engine/sqlite.ts");
      const engine = sqlite(String(row?.["file"]), { sameDatabase: true });
      const message = { id: "1", task: "t", queue: "default", payload: "1", headers: { wire: 1 } };
      // Until the engine has its tables there, a send only finds out whether they could be used.
      const send = (): Promise<unknown> =>
        adapter.transaction(handle, async (transaction) => {
          const { query, dialect } = adapter.sql!;
          const within: TransactionSql["query"] = (text, values) =>
            query(text, values, { transaction: transaction as object });
          return engine.sendWithin!([{ message, runAt: 0 }], { dialect, query: within });
        });
      try {
        const refused = await send().catch((error: unknown) => error);
        if (Reflect.get(refused as Error, "code") === "ERR_ENGINE_FILE_SHARED") {
          errorWith("ERR_ENGINE_FILE_SHARED", "another SQLite library", '"outbox"')(refused);
          return;
        }
        errorWith("ERR_TRANSACTION_UNSUPPORTED", "app.engine.open()")(refused);
        await engine.open();
        await send();
        assert.equal((await engine.find("1"))?.state, "waiting");
      } finally {
        await engine.close();
      }
    },
  },
  {
    name: "it is refused where there is no SQL, with the reason",
    skip: (harness) => needs("transaction")(harness) ?? lacks("sql")(harness),
    run: (harness) =>
      withApp(harness, [], async ({ app, task }) => {
        const { sql = "" } = harness.adapter.capabilities.lacks;
        const outcome = app.transaction(harness.handle, () => task.enqueue(1));
        await assert.rejects(outcome, errorWith("ERR_TRANSACTION_UNSUPPORTED", sql));
      }),
  },
];

interface CaseApp {
  readonly app: Petiole;
  readonly task: Task<number, unknown>;
  /** For each send that workers were woken for, its ids. */
  readonly woken: (readonly string[])[];
}

/** Runs something with an app whose engine keeps its tasks in the database under test. `rows`: its ids and payloads. */
async function withRows(
  harness: OrmContractHarness,
  run: (app: CaseApp & { readonly rows: () => Promise<readonly (readonly unknown[])[]> }) => Promise<void>,
): Promise<void> {
  const { query, dialect } = harness.adapter.sql!;
  const [id, text] = dialect === "mysql" ? ["varchar(100)", "longtext"] : ["text", "text"];
  await query(`create table engine_rows (place integer, id ${id} primary key, payload ${text})`, []);
  const rows = async (): Promise<readonly (readonly unknown[])[]> =>
    (await query("select id, payload from engine_rows order by place", [])).map((row) => [
      row["id"],
      row["payload"],
    ]);
  await withApp(harness, [], (parts) => run({ ...parts, rows }));
}

async function withApp(
  { adapter }: OrmContractHarness,
  woken: (readonly string[])[],
  run: (app: CaseApp) => Promise<void>,
): Promise<void> {
  const app = new Petiole({ engine: engineOfRows(woken), models: [adapter], transactions: "same-database" });
  const task = app.task<number, unknown>("contract");
  try {
    await run({ app: app as unknown as Petiole, task: task as unknown as CaseApp["task"], woken });
  } finally {
    await app.close();
  }
}

/** An engine that knows nothing but to send within a transaction. */
function engineOfRows(woken: (readonly string[])[]): Engine {
  const engine = memory();
  let place = 0;
  const marks = ({ dialect }: TransactionSql, count: number): string[] =>
    Array.from({ length: count }, (_, index) => (dialect === "postgres" ? `$${index + 1}` : "?"));
  const sendWithin: Engine["sendWithin"] = async (batch, sql): Promise<SentWithin> => {
    const ids = batch.map(({ message }) => message.id);
    const otherwise = sql.dialect === "mysql" ? "on duplicate key update id = id" : "on conflict do nothing";
    const values = marks(sql, 3).join(", ");
    const statement = `insert into engine_rows (place, id, payload) values (${values}) ${otherwise}`;
    for (const { message } of batch) await sql.query(statement, [++place, message.id, message.payload]);
    return {
      ids,
      committed: () => void woken.push(ids),
      withdraw: async (given, within) => {
        for (const id of given) {
          await within.query(`delete from engine_rows where id = ${marks(within, 1).join("")}`, [id]);
        }
      },
    };
  };
  return Object.assign(engine, { sendWithin, capabilities: { ...engine.capabilities, lacks: {} } });
}

import { describe, expect, test, vi } from "vitest";
import { memory } from "../engine/memory.ts";
import { sqlite } from "../engine/sqlite.ts";
import type { Engine, Outgoing, Reason } from "../engine.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { stubAdapter, stubTransactions } from "../testing/stub-adapter.ts";
import { testApp } from "../testing/test-app.ts";
import { Petiole } from "./petiole.ts";

/** An engine that notes what is sent within transactions, and an app of it on transactions in memory. */
function make(settings: { readonly sending?: Promise<void>; readonly open?: () => Promise<void> } = {}) {
  const log: string[] = [];
  const cancelled: string[] = [];
  const holders = new Map<string, string>();
  const engine = memory();
  const noting: Partial<Engine> = {
    capabilities: { ...engine.capabilities, lacks: {} },
    open: settings.open ?? (async () => void log.push("open")),
    cancel: async (ids: readonly string[], _reason: Reason) => {
      cancelled.push(...ids);
      return ids.length;
    },
    async sendWithin(batch: readonly Outgoing[], sql) {
      await sql.query("insert", []);
      await settings.sending;
      const ids = batch.map(({ message, unique }) => {
        const holder = unique && holders.get(unique.key);
        if (unique && !holder) holders.set(unique.key, message.id);
        return holder ?? message.id;
      });
      return {
        ids,
        committed: () => void log.push(`woken for ${ids.length}`),
        withdraw: async (given, { query }) => {
          await query(`withdraw ${given.length}`, []);
        },
      };
    },
  };
  Object.assign(engine, noting);
  const transactions = stubTransactions();
  const sql: OrmAdapter["sql"] = {
    dialect: "postgres",
    async query(text, _parameters, within) {
      const { number } = (within?.transaction ?? { number: "none" }) as { readonly number: unknown };
      log.push(`${text} in ${String(number)}`);
      return [];
    },
  };
  const adapter = stubAdapter({}, {}, { ...transactions.overrides, sql });
  const app = new Petiole({ engine, models: [adapter], transactions: "same-database" });
  const task = app.task("t", (number: number) => number);
  return { app, task, engine, log, cancelled, holders, database: transactions.database };
}

describe("the setting", () => {
  test("an engine that lacks it is refused, with its own reason and what to use instead", () => {
    const refusal = (engine: Engine, ...words: readonly string[]) =>
      expect(() => new Petiole({ engine, transactions: "same-database" })).toThrow(
        expect.objectContaining({
          code: "ERR_OPTION_INVALID",
          message: expect.stringMatching(new RegExp([...words, 'transactions: "outbox"'].join(".*"))),
        }),
      );
    refusal(memory(), "memory", "what it holds is in no database");
    refusal(sqlite("tasks.db"), "sqlite", "its file is its own", "sameDatabase: true");
    const without = memory();
    refusal(
      Object.assign(without, { capabilities: { ...without.capabilities, lacks: {} } }),
      "it has no sendWithin",
    );
  });

  test("under testApp, whose engine is in memory, what is enqueued waits there for the commit", async () => {
    const { app, task, database, log } = make();
    const tester = testApp(app);
    await app.transaction(database, async () => {
      await task.enqueue(1, { unique: "k" });
      const cancelled = await task.enqueue(2);
      expect(await cancelled.cancel()).toBe(true);
      expect(await tester.enqueued(task)).toEqual([]);
    });
    const failing = app.transaction(database, async () => {
      await task.enqueue(3);
      throw new Error("undone");
    });
    await expect(failing).rejects.toThrow("undone");
    expect((await tester.enqueued(task)).map(({ payload }) => payload)).toEqual([1]);
    expect(log.filter((line) => line.startsWith("insert"))).toEqual([]);
    await tester.close();
  });
});

describe("sending within a transaction", () => {
  test("the engine is opened before app.transaction begins, and told after the outermost commit", async () => {
    const { app, task, database, log } = make();
    await app.transaction(database, async (outer) => {
      await task.enqueue(1);
      await app.transaction(outer as object, () => task.enqueueMany([2, 3]));
      log.push("end");
    });
    const looked = "select 1 in 1";
    expect(log).toEqual(["open", "insert in 1", "insert in 2", "end", looked, "woken for 1", "woken for 2"]);
  });

  test("a transaction does not begin when the engine cannot be opened", async () => {
    const { app, database } = make({ open: () => Promise.reject(new Error("no such server")) });
    const work = app.transaction(database, async () => expect.unreachable());
    await expect(work).rejects.toThrow("no such server");
  });

  test("outside of any transaction it is sent as always", async () => {
    const { task, engine, log } = make();
    await task.enqueue(1);
    expect([await engine.counts(), log]).toEqual([[{ queue: "default", state: "waiting", count: 1 }], []]);
  });

  test("what the engine refuses rejects where it is enqueued, and the transaction may go on", async () => {
    const { app, task, engine, database } = make();
    Object.assign(engine, { sendWithin: () => Promise.reject(new Error("not this database")) });
    await app.transaction(database, async () => {
      await expect(task.enqueue(1)).rejects.toThrow("not this database");
    });
  });

  test("a send that is not awaited is waited for before its transaction ends", async () => {
    for (const outcome of ["commits", "rolls back"]) {
      const sending = Promise.withResolvers<void>();
      const { app, task, database, log } = make({ sending: sending.promise });
      let late: Promise<{ result: () => Promise<unknown> }> | undefined;
      const transaction = app.transaction(database, async () => {
        late = task.enqueue(1);
        await vi.waitFor(() => expect(log).toContain("insert in 1"));
        if (outcome === "rolls back") throw new Error(outcome);
      });
      setImmediate(() => sending.resolve());
      await transaction.catch(() => {});
      const handle = await late!;
      if (outcome === "commits") expect(log.at(-1)).toBe("woken for 1");
      else await expect(handle.result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
    }
  });
});

describe("cancelling before the commit", () => {
  test("is done in the transaction that has it by then; what a rolled back savepoint brings back, before the commit", async () => {
    const { app, task, database, log, cancelled } = make();
    const [released, brought] = await app.transaction(database, async (outer) => {
      const released = await app.transaction(outer as object, () => task.enqueue(1));
      expect(await released.cancel()).toBe(true);
      const brought = await task.enqueue(2);
      const undone = app.transaction(outer as object, async () => {
        expect(await brought.cancel()).toBe(true);
        throw new Error("undone");
      });
      await expect(undone).rejects.toThrow("undone");
      return [released, brought];
    });
    // Both are withdrawn again after the rollback: which of them it has brought back is not known.
    expect(log.filter((line) => line.startsWith("withdraw"))).toEqual(
      Array.from({ length: 4 }, () => "withdraw 1 in 1"),
    );
    expect(cancelled).toEqual([]);
    for (const handle of [released, brought]) {
      await expect(handle.result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
    }
  });

  test("in a savepoint that is rolled back frees the key before it is asked for again", async () => {
    const { app, task, database, log } = make();
    await app.transaction(database, async (outer) => {
      const first = await task.enqueue(1);
      const undone = app.transaction(outer as object, async () => {
        await first.cancel();
        throw new Error("undone");
      });
      await expect(undone).rejects.toThrow("undone");
      await task.enqueue(2);
    });
    expect(log.slice(1, -2)).toEqual([
      "insert in 1",
      "withdraw 1 in 1",
      "withdraw 1 in 1",
      "insert in 1",
      "select 1 in 1",
      // Once more, as the savepoint might have undone it.
      "insert in 1",
    ]);
  });

  test("of a duplicate: its holder is taken back where this transaction sent it, else called off by the engine", async () => {
    const { app, task, database, holders, cancelled, log } = make();
    holders.set("held", "elsewhere");
    await app.transaction(database, async () => {
      const first = await task.enqueue(1, { unique: "k" });
      const second = await task.enqueue(2, { unique: "k" });
      expect(second.id).toBe(first.id);
      expect(await second.cancel()).toBe(true);
      await expect(first.result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
      expect(log.at(-1)).toBe("withdraw 1 in 1");
      const third = await task.enqueue(3, { unique: "held" });
      expect(third.id).toBe("elsewhere");
      expect(await third.cancel()).toBe(true);
      expect(cancelled).toEqual(["elsewhere"]);
    });
  });
});

import { AsyncLocalStorage } from "node:async_hooks";
import { type Model, type ModelStatic, Sequelize, Transaction } from "sequelize";
import { afterEach, describe, expect, test, vi } from "vitest";
import { defineModels, onEachDatabase } from "../../../test/orm/sequelize.ts";
import type { OrmObserver } from "../../model/observer.ts";
import { sequelize } from "../sequelize.ts";

/** Writes down what it is told, with a letter for each transaction. */
function recorder() {
  const told: string[] = [];
  const letters = new Map<object, string>();
  const inside = new AsyncLocalStorage<string>();
  const letter = (transaction: object | undefined): string =>
    (transaction && letters.get(transaction)) ?? "-";
  const observer: OrmObserver = {
    begun({ transaction, parent }) {
      letters.set(transaction, String.fromCodePoint(97 + letters.size));
      told.push(`${letter(transaction)} begun${parent ? ` in ${letter(parent)}` : ""}`);
    },
    inside: (transaction, run) => inside.run(letter(transaction), run),
    async committed(transaction) {
      told.push(`${letter(transaction)} committed`);
    },
    rolledBack: (transaction) => void told.push(`${letter(transaction)} rolled back`),
    async saved({ operation, model, key, transaction }) {
      told.push(`${operation} ${model} ${String(key)} in ${letter(transaction)}`);
    },
  };
  return { told, observer, letter, whereabouts: () => inside.getStore() };
}

afterEach(() => vi.restoreAllMocks());

onEachDatabase((open, dialect) => {
  async function observed(options = {}) {
    const { db } = await open(options);
    const models = defineModels(db);
    const adapter = sequelize(db, models);
    const record = recorder();
    const end = adapter.observe(record.observer);
    return { db, adapter, end, Comment: models["qa.Comment"], models, ...record };
  }
  const ids = async (Comment: ModelStatic<Model>): Promise<unknown[]> =>
    (await Comment.findAll({ order: ["id"] })).map((comment) => comment.get("id"));

  test("a managed transaction is told, with and without options, and its result and error are kept", async () => {
    const { db, adapter, told, letter, whereabouts } = await observed();
    const result = await db.transaction(async (t) => {
      expect(letter(adapter.transactionOf(t))).toBe("a");
      await db.query("select 1", { transaction: t });
      return whereabouts();
    });
    expect(result).toBe("a");
    const type = Transaction.TYPES.IMMEDIATE;
    const typed = await db.transaction({ type }, async (t) => (t as unknown as { options: object }).options);
    expect(typed).toMatchObject({ type });
    const failure = new Error("no");
    await expect(db.transaction(() => Promise.reject(failure))).rejects.toBe(failure);
    const lines = ["a begun", "a committed", "b begun", "b committed", "c begun", "c rolled back"];
    expect(told).toEqual(lines);
    expect(adapter.transactionOf(db)).toBeUndefined();
    expect(whereabouts()).toBeUndefined();
  });

  test("a transaction that is ended by hand is told", async () => {
    const { db, adapter, told, letter, Comment } = await observed();
    const first = await db.transaction();
    await Comment.create({ id: 1, body: "kept" }, { transaction: first });
    expect(letter(adapter.transactionOf(first))).toBe("a");
    await first.commit();
    const second = await db.transaction({ readOnly: false });
    await Comment.create({ id: 2, body: "gone" }, { transaction: second });
    await second.rollback();
    await expect(second.rollback()).rejects.toThrow(/cannot be rolled back/);
    await expect(first.commit()).rejects.toThrow(/cannot be committed/);
    expect(told.filter((line) => !line.startsWith("insert"))).toEqual([
      "a begun",
      "a committed",
      "b begun",
      "b rolled back",
    ]);
    expect(await ids(Comment)).toEqual([1]);
  });

  test("one that is ended by hand inside its callback is told as it ended", async () => {
    const { db, told } = await observed();
    await expect(db.transaction((t) => t.commit())).rejects.toThrow(/cannot be committed/);
    await expect(db.transaction((t) => t.rollback())).rejects.toThrow(/cannot be committed/);
    expect(told).toEqual(["a begun", "a committed", "b begun", "b rolled back"]);
  });

  test("trap: a savepoint's own afterCommit fires though the outer transaction rolls back; we tell both", async () => {
    const { db, told, Comment } = await observed();
    const fired: string[] = [];
    const outcome = db.transaction(async (outer) => {
      await db.transaction({ transaction: outer }, async (inner) => {
        inner.afterCommit(() => void fired.push("afterCommit"));
        await Comment.create({ id: 1, body: "inner" }, { transaction: inner });
      });
      throw new Error("no");
    });
    await expect(outcome).rejects.toThrow("no");
    expect(fired).toEqual(["afterCommit"]);
    expect(await ids(Comment)).toEqual([]);
    expect(told).toEqual([
      "a begun",
      "b begun in a",
      "insert qa.Comment 1 in b",
      "b committed",
      "a rolled back",
    ]);
  });

  test("a savepoint that is rolled back leaves the outer transaction", async () => {
    const { db, told, Comment } = await observed();
    await db.transaction(async (outer) => {
      const inner = await db.transaction({ transaction: outer });
      await Comment.create({ id: 1, body: "inner" }, { transaction: inner });
      await inner.rollback();
      await Comment.create({ id: 2, body: "outer" }, { transaction: outer });
    });
    expect(await ids(Comment)).toEqual([2]);
    expect(told.filter((line) => !line.startsWith("insert"))).toEqual([
      "a begun",
      "b begun in a",
      "b rolled back",
      "a committed",
    ]);
  });

  test("trap: findOrCreate in a transaction leaves a savepoint open, which ends with the transaction", async () => {
    const { db, told, Comment } = await observed();
    const find = (id: number, transaction?: Transaction) =>
      Comment.findOrCreate({ where: { id }, defaults: { body: "b" }, ...(transaction && { transaction }) });
    await db.transaction((t) => find(1, t));
    expect(told).toEqual([
      "a begun",
      "b begun in a",
      "insert qa.Comment 1 in b",
      "b committed",
      "a committed",
    ]);
    told.length = 0;
    const failed = db.transaction(async (t) => {
      await find(2, t);
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(told).toEqual([
      "c begun",
      "d begun in c",
      "insert qa.Comment 2 in d",
      "d rolled back",
      "c rolled back",
    ]);
    told.length = 0;
    await find(3);
    expect(told).toEqual(["e begun", "insert qa.Comment 3 in e", "e committed"]);
  });

  test("trap: afterCommit fires when the commit failed; we tell a rollback", async () => {
    const { db, told } = await observed();
    vi.spyOn(console, "warn").mockImplementation(() => {});
    await db.query("create table parents (id integer primary key)");
    await db.query(
      "create table children (parent integer references parents (id) deferrable initially deferred)",
    );
    const fired: string[] = [];
    const outcome = db.transaction(async (t) => {
      t.afterCommit(() => void fired.push("afterCommit"));
      await db.transaction({ transaction: t });
      await db.query("insert into children values (1)", { transaction: t });
    });
    await expect(outcome).rejects.toThrow(/foreign key/i);
    expect(fired).toEqual(["afterCommit"]);
    expect(told).toEqual(["a begun", "b begun in a", "b rolled back", "a rolled back"]);
  });

  test("trap: a commit that failed leaves SQLite's file locked, unless the transaction is given up", async () => {
    const { db } = await open();
    const adapter = sequelize(db, {});
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const reference = "references parents (id) deferrable initially deferred";
    await db.query("create table parents (id integer primary key)");
    await db.query(`create table children (parent integer ${reference})`);
    const fail = (transaction: unknown) =>
      db.query("insert into children values (1)", { transaction: transaction as Transaction });
    await expect(adapter.transaction(db, fail)).rejects.toThrow(/foreign key/i);
    await db.query("insert into parents values (1)");
    await adapter.transaction(db, fail);
    expect(await adapter.sql?.query("select parent from children", [])).toEqual([{ parent: 1 }]);
  });

  test("an afterCommit of the user's that throws does not undo what is committed", async () => {
    const { db, told, Comment } = await observed();
    const outcome = db.transaction(async (t) => {
      t.afterCommit(() => Promise.reject(new Error("mine")));
      await Comment.create({ id: 1, body: "kept" }, { transaction: t });
    });
    await expect(outcome).rejects.toThrow("mine");
    expect(told.at(-1)).toBe("a committed");
    expect(await ids(Comment)).toEqual([1]);
  });

  test("what an observer rejects with after the commit reaches the caller", async () => {
    const { db, observer, Comment } = await observed();
    observer.committed = () => Promise.reject(new Error("not sent"));
    await expect(
      db.transaction((t) => Comment.create({ id: 1, body: "b" }, { transaction: t })),
    ).rejects.toThrow("not sent");
    const byHand = await db.transaction();
    await expect(byHand.commit()).rejects.toThrow("not sent");
    expect(await ids(Comment)).toEqual([1]);
  });

  test("the error of the work arrives even when rolling back fails", async () => {
    const { db, adapter, told } = await observed();
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const failure = new Error("the cause");
    const outcome = adapter.transaction(db, async (t) => {
      if (dialect === "postgres") (t as { connection: { end(): void } }).connection.end();
      else await db.query("rollback", { transaction: t as Transaction });
      throw failure;
    });
    await expect(outcome).rejects.toBe(failure);
    expect(told).toEqual(["a begun", "a rolled back"]);
  });

  test("concurrent transactions are told apart", async () => {
    const { db, whereabouts, adapter, letter } = await observed();
    const one = async (t: object): Promise<boolean> => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return whereabouts() === letter(adapter.transactionOf(t));
    };
    expect(await Promise.all([db.transaction(one), db.transaction(one), db.transaction(one)])).toEqual([
      true,
      true,
      true,
    ]);
  });

  test("a CLS namespace keeps its transaction, and its hooks' writes belong to it", async () => {
    const { db, told, Comment } = await observed();
    const storage = new AsyncLocalStorage<Map<string, unknown>>();
    const namespace = {
      get: (name: string) => storage.getStore()?.get(name),
      set: (name: string, value: unknown) => void storage.getStore()?.set(name, value),
      run: (work: (context: object) => unknown) => {
        const context = new Map<string, unknown>();
        storage.run(context, () => work(context));
      },
      bind: (work: unknown) => work,
    };
    Sequelize.useCLS(namespace);
    try {
      const outcome = db.transaction(async () => {
        await Comment.create({ id: 1, body: "without its transaction named" });
        throw new Error("no");
      });
      await expect(outcome).rejects.toThrow("no");
    } finally {
      Reflect.deleteProperty(Sequelize, "_cls");
    }
    expect(told).toEqual(["a begun", "insert qa.Comment 1 in a", "a rolled back"]);
    expect(await ids(Comment)).toEqual([]);
  });

  test("the adapter's own loads are outside of a CLS namespace's transaction, unless told", async () => {
    const { db, adapter, Comment } = await observed();
    let current: unknown;
    const namespace = {
      get: () => current,
      set: (_: string, value: unknown) => void (current = value),
      run: (work: (context: object) => unknown) => void work({}),
      bind: (work: unknown) => work,
    };
    Sequelize.useCLS(namespace);
    try {
      await db.transaction(async (transaction) => {
        await Comment.create({ id: 1, body: "inside" });
        expect(await adapter.load("qa.Comment", [1])).toEqual([]);
        expect(await adapter.load("qa.Comment", [1], { transaction })).toHaveLength(1);
      });
    } finally {
      Reflect.deleteProperty(Sequelize, "_cls");
    }
  });

  test("nothing is changed without observers, nor after the last of them has left", async () => {
    const { db } = await open();
    const models = defineModels(db);
    const adapter = sequelize(db, models);
    const { observer, told } = recorder();
    expect(Object.hasOwn(db, "transaction")).toBe(false);
    await adapter.transaction(db, async (t) => {
      expect(adapter.isTransaction(t as object)).toBe(true);
      expect(adapter.transactionOf(t as object)).toBeUndefined();
    });
    const ends = [adapter.observe(observer), adapter.observe(recorder().observer)];
    expect(Object.hasOwn(db, "transaction")).toBe(true);
    for (const end of ends) end();
    expect(Object.hasOwn(db, "transaction")).toBe(false);
    expect(db.hasHook("afterCreate")).toBe(false);
    await db.transaction((t) => models["qa.Comment"].create({ id: 1, body: "b" }, { transaction: t }));
    expect(told).toEqual([]);
  });

  test("two adapters of one Sequelize are both told, once each", async () => {
    const { db, adapter, told, end } = await observed();
    const other = sequelize(db, {}, { connection: "other" });
    const second = recorder();
    other.observe(second.observer);
    await adapter.transaction(db, async (t) => {
      expect(other.owns(t)).toBe(true);
      await other.transaction(t, async () => {});
    });
    const lines = ["a begun", "b begun in a", "b committed", "a committed"];
    expect([told, second.told]).toEqual([lines, lines]);
    end();
    await db.transaction(async () => {});
    expect(told).toHaveLength(4);
    expect(second.told).toHaveLength(6);
  });

  test("only this Sequelize and its transactions are its own", async () => {
    const { db, adapter, Comment } = await observed();
    const { db: other } = await open();
    await other.transaction(async (foreign) => {
      for (const handle of [other, foreign, Comment, Comment.build(), {}, null]) {
        expect(adapter.owns(handle)).toBe(false);
        const refused = adapter.transaction(handle, async () => {});
        await expect(refused).rejects.toMatchObject({ code: "ERR_TRANSACTION_UNSUPPORTED" });
      }
      const unsupported = { code: "ERR_TRANSACTION_UNSUPPORTED" };
      const within = { transaction: foreign };
      await expect(adapter.load("qa.Comment", [1], within)).rejects.toMatchObject(unsupported);
      await expect(adapter.save("qa.Comment", { id: 1, body: "b" }, within)).rejects.toMatchObject(
        unsupported,
      );
      await expect(adapter.sql?.query("select 1", [], within)).rejects.toMatchObject(unsupported);
    });
    expect(adapter.owns(db)).toBe(true);
  });

  describe("writes", () => {
    test("a global write inside a transaction is in none, and survives its rollback", async () => {
      const { db, told, Comment } = await observed();
      const outcome = db.transaction(async () => {
        await Comment.create({ id: 1, body: "on another connection" });
        throw new Error("no");
      });
      await expect(outcome).rejects.toThrow("no");
      expect(told).toEqual(["a begun", "insert qa.Comment 1 in -", "a rolled back"]);
      expect(await ids(Comment)).toEqual([1]);
    });
  });
});

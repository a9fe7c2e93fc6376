import { describe, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { stubAdapter, stubTransactions } from "../testing/stub-adapter.ts";
import { Petiole } from "./petiole.ts";

class Row {
  id = 0;
}

function makeApp() {
  const { database, log, overrides } = stubTransactions();
  const adapter = stubAdapter({ "qa.Row": [Row, ["id"]] }, {}, overrides);
  const app = new Petiole({ engine: memory(), models: [adapter] });
  const task = app.task("t", (_n: number) => {});
  const sent = async () => (await app.engine.list({})).records.map(({ message }) => message.payload);
  return { app, database, task, sent, log };
}

describe("transactions of a database that takes several at once", () => {
  test("one inside another, on the database, commits on its own, and its tasks are sent", async () => {
    const { app, database, task, sent, log } = makeApp();
    const outer = app.transaction(database, async () => {
      await task.enqueue(1);
      await app.transaction(database, () => task.enqueue(2));
      throw new Error("outer");
    });
    await expect(outer).rejects.toThrow("outer");
    expect(log).toStrictEqual(["begin 1", "begin 2", "commit 2", "rollback 1"]);
    expect(await sent()).toStrictEqual(["2"]);
  });

  test("a savepoint that ends after its transaction was rolled back sends nothing", async () => {
    const { app, database, task, sent } = makeApp();
    let slow: Promise<unknown> | undefined;
    const gate = Promise.withResolvers<void>();
    const outer = app.transaction(database, async (tx) => {
      slow = app.transaction(tx as object, async () => {
        await task.enqueue(1);
        await gate.promise;
      });
      throw new Error("failing");
    });
    await expect(outer).rejects.toThrow("failing");
    gate.resolve();
    await expect(slow).rejects.toThrow(expect.objectContaining({ code: "ERR_TRANSACTION_CLOSED" }));
    expect(await sent()).toStrictEqual([]);
  });

  test("what is not awaited is sent, whenever the transaction commits meanwhile", async () => {
    const { app, database, task, sent } = makeApp();
    const all: string[] = [];
    for (let ticks = 0; ticks < 40; ticks++) {
      let enqueued: Promise<unknown> | undefined;
      await app.transaction(database, async () => {
        enqueued = (async () => {
          for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
          await task.enqueue(ticks);
        })();
      });
      await enqueued;
      all.push(String(ticks));
    }
    expect(await sent()).toStrictEqual(all);
  });

  test("one that commits after the app was closed says that nothing was sent", async () => {
    const { app, database, task } = makeApp();
    const run = app.transaction(database, async () => {
      await task.enqueue(1);
      await app.close();
    });
    await expect(run).rejects.toThrow(expect.objectContaining({ code: "ERR_TASK_NOT_SENT" }));
  });

  test("a row that was saved is that of the transaction's connection, where several have its model", async () => {
    const [eu, us] = ["eu", "us"].map((connection) => {
      const { database, overrides } = stubTransactions();
      return {
        database,
        adapter: stubAdapter({ "qa.Row": [Row, ["id"]] }, {}, { ...overrides, connection }),
      };
    });
    const app = new Petiole({ engine: memory(), models: [eu!.adapter, us!.adapter] });
    const seen: unknown[] = [];
    app.onSave(Row, (reference) => void seen.push(reference.details?.connection));
    await app.transaction(us!.database, () => app.saved(Row, { id: 1 }));
    await app.transaction(eu!.database, () => app.saved(Row, { id: 1 }));
    expect(seen).toStrictEqual(["us", "eu"]);
    await expect(app.saved(Row, { id: 1 })).rejects.toMatchObject({ code: "ERR_MODEL_UNKNOWN" });
  });

  test("a transaction that is over takes no savepoint", async () => {
    const { app, database } = makeApp();
    const tx = (await app.transaction(database, async (transaction) => transaction)) as object;
    await expect(app.transaction(tx, async () => {})).rejects.toThrow(/was given a transaction that is over/);
  });
});

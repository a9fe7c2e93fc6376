import { expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { stubAdapter, stubTransactions } from "../testing/stub-adapter.ts";
import { Petiole } from "./petiole.ts";

/** An app over a database of MySQL's kind, which says this of whether a transaction is open. */
function make(isOpen: unknown) {
  const { database, log, overrides } = stubTransactions();
  const asked: string[] = [];
  const query = async (text: string) => {
    asked.push(text);
    return [{ is_open: isOpen }];
  };
  const models = [stubAdapter({}, {}, { ...overrides, sql: { dialect: "mysql", query } })];
  const app = new Petiole({ engine: memory(), models });
  const task = app.task("t", () => 1);
  return { app, asked, log, commit: () => app.transaction(database, () => task.enqueue(undefined)) };
}

test.each([[0], ["0"], [0n]])("a transaction that MariaDB has ended (%o) sends nothing", async (isOpen) => {
  const { app, log, commit } = make(isOpen);
  await expect(commit()).rejects.toMatchObject({
    code: "ERR_TRANSACTION_CLOSED",
    message: expect.stringMatching(/a deadlock.*nothing was sent/),
  });
  expect(log).toEqual(["begin 1", "rollback 1"]);
  expect(await app.engine.counts()).toEqual([]);
});

test.each([[1], ["1"], [1n]])(
  "one that is open (%o) is committed, and its tasks are sent",
  async (isOpen) => {
    const { app, asked, log, commit } = make(isOpen);
    await commit();
    expect(log).toEqual(["begin 1", "commit 1"]);
    // For MySQL, which has no such variable, it is a comment.
    expect(asked).toEqual([expect.stringMatching(/^select 1 \/\*M! and @@in_transaction \*\//)]);
    expect(await app.engine.counts()).toMatchObject([{ count: 1 }]);
  },
);

import { DataSource, EntitySchema, type EntitySubscriberInterface } from "typeorm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { memory } from "../../engine/memory.ts";
import { outboxTable } from "../../task/outbox.ts";
import { Petiole } from "../../task/petiole.ts";
import { typeorm } from "../typeorm.ts";

class Post {
  id!: number;
}
const schema = new EntitySchema<Post>({
  name: "Post",
  target: Post,
  columns: { id: { type: Number, primary: true } },
});

let db: DataSource;

beforeEach(async () => {
  db = new DataSource({
    type: "better-sqlite3",
    database: ":memory:",
    entities: [schema],
    synchronize: true,
  });
  await db.initialize();
  await db.query(outboxTable("sqlite"));
});
afterEach(() => db.destroy());

/** An app, and a subscriber of the user's that enqueues in the transaction of its event. */
function makeApp(moment: "beforeTransactionCommit" | "beforeTransactionRollback") {
  const engine = memory();
  const app = new Petiole({ engine, models: [typeorm(db, { "qa.Post": Post })], transactions: "outbox" });
  const task = app.task("t", (_: string) => {});
  let isFirst = true;
  const subscriber: EntitySubscriberInterface = {
    [moment]: async ({ manager }: { manager: object }) => {
      // The relay has transactions, too.
      if (!isFirst) return;
      isFirst = false;
      await task.enqueue("hook", { transaction: manager });
    },
  };
  db.subscribers.push(subscriber);
  const sent = async () => (await engine.list({})).records.map(({ message }) => message.payload);
  return { app, task, sent };
}

test("what a subscriber enqueues before the commit is part of the transaction, and nobody waits for it in vain", async () => {
  const { app, task, sent } = makeApp("beforeTransactionCommit");
  await app.transaction(db, () => task.enqueue("work"));
  await expect.poll(sent).toEqual(['"work"', '"hook"']);
  await app.close();
});

test("what a subscriber enqueues before the rollback is rolled back with it", async () => {
  const { app, task, sent } = makeApp("beforeTransactionRollback");
  const outcome = app.transaction(db, async () => {
    await task.enqueue("work");
    throw new Error("undone");
  });
  await expect(outcome).rejects.toThrow("undone");
  expect(await db.query("select id from petiole_outbox")).toEqual([]);
  expect(await sent()).toEqual([]);
  await app.close();
});

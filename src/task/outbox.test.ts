import { createClient } from "@libsql/client";
import { drizzle as connect } from "drizzle-orm/libsql";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import type { Outgoing } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import { drizzle } from "../orm/drizzle.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import { outboxTable } from "./outbox.ts";
import { Petiole } from "./petiole.ts";

const posts = sqliteTable("posts", { id: integer().primaryKey(), body: text().notNull() });

let folder: string;
let client: ReturnType<typeof createClient>;
let setup: ReturnType<typeof make>;

function make() {
  const db = connect(client);
  const engine = memory();
  const app = new Petiole({
    engine,
    models: [drizzle(db, { "qa.Post": posts })],
    transactions: { outbox: "outgoing" },
  });
  const ran: number[] = [];
  const task = app.task("t", (n: number) => {
    ran.push(n);
    return n;
  });
  const worker = app.worker({ logger: { info() {}, warn() {}, error() {} } });
  const left = async () => (await client.execute("select error from outgoing order by sequence")).rows;
  return { db, engine, app, task, ran, worker, left };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "petiole-"));
  client = createClient({ url: `file:${folder}/qa.db` });
  await client.execute("pragma journal_mode = wal");
  await client.execute("create table posts (id integer primary key, body text not null)");
  await client.execute(outboxTable("sqlite", "outgoing"));
  setup = make();
});

afterEach(async () => {
  await setup.worker.stop({ timeout: 0 });
  await setup.app.close();
  client.close();
  rmSync(folder, { recursive: true });
});

describe("the outbox", () => {
  test("a result may be waited for as soon as the transaction is committed", async () => {
    const { app, db, task, worker } = setup;
    await worker.start();
    const handle = await app.transaction(db, async () => {
      const handle = await task.enqueue(1);
      await expect(handle.result()).rejects.toMatchObject({ code: "ERR_TASK_NOT_SENT" });
      return handle;
    });
    expect(await handle.result()).toBe(1);
    const told = await app.transaction(db, () => task.enqueue(2));
    const heard: unknown[] = [];
    for await (const progress of told.progress()) heard.push(progress);
    expect(heard).toStrictEqual([]);
  });

  test("while the engine is out of reach the rows wait, in their order; the result is waited for as long as told", async () => {
    const { app, db, engine, task, worker, ran, left } = setup;
    const { send } = engine;
    engine.send = () => Promise.reject(new PetioleError("ERR_ENGINE_BUSY", "busy"));
    const handle = await app.transaction(db, async () => {
      await task.enqueue(1);
      return task.enqueue(2);
    });
    await expect(handle.result({ timeout: 100 })).rejects.toMatchObject({ code: "ERR_RESULT_TIMEOUT" });
    expect(await left()).toHaveLength(2);
    engine.send = send;
    await worker.start();
    expect(await handle.result()).toBe(2);
    expect(ran).toStrictEqual([1, 2]);
    expect(await left()).toHaveLength(0);
  });

  test("what the engine refuses for good is set aside, and holds up nothing", async () => {
    const { app, db, engine, task, worker, left } = setup;
    const { send } = engine;
    engine.send = async (batch: readonly Outgoing[]) => {
      if (batch.some(({ message }) => message.payload === "2"))
        throw new PetioleError("ERR_PAYLOAD_LIMIT", "too large for this engine");
      return send.call(engine, batch);
    };
    const handles = await app.transaction(db, async () => [
      await task.enqueue(1),
      await task.enqueue(2),
      await task.enqueue(3),
    ]);
    await worker.start();
    expect([await handles[0]!.result(), await handles[2]!.result()]).toStrictEqual([1, 3]);
    expect(await left()).toMatchObject([{ error: "too large for this engine" }]);
  });

  test("a duplicate that shows only when it is sent leads to the holder", async () => {
    const { app, db, task, worker } = setup;
    const holder = await task.enqueue(1, { unique: "key" });
    const duplicate = await app.transaction(db, () => task.enqueue(2, { unique: "key" }));
    expect(duplicate.id).not.toBe(holder.id);
    await worker.start();
    expect(await duplicate.result()).toBe(1);
  });

  test("a table that is not there fails the transaction, and a worker says so", async () => {
    const { app, db, task } = setup;
    await client.execute("drop table outgoing");
    await expect(app.transaction(db, () => task.enqueue(1))).rejects.toThrow(/outgoing/);
    const warnings: string[] = [];
    const worker = app.worker({ logger: { info() {}, warn: (text) => warnings.push(text), error() {} } });
    await worker.start();
    await expect.poll(() => warnings).toMatchObject([expect.stringContaining("The outbox of drizzle")]);
    await worker.stop();
  });

  test("outside of a transaction a task is sent at once", async () => {
    const { task, engine, left } = setup;
    await task.enqueue(1);
    expect([(await engine.counts()).length, await left()]).toStrictEqual([1, []]);
  });
});

describe("the setting", () => {
  test.each(["sometimes", { outbox: "a b" }, { outbox: 7 }, {}, null])("%j is refused", (transactions) => {
    const make = () => new Petiole({ engine: memory(), transactions: transactions as never });
    expect(make).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
  });

  test("an app without an outbox, or without SQL, has no relay and no table", () => {
    const buffered = new Petiole({ engine: memory() });
    expect(() => buffered.relay()).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
    expect(() => buffered.outboxSql()).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
    const without = new Petiole({
      engine: memory(),
      models: [stubAdapter({})],
      transactions: "outbox",
    });
    expect(() => without.outboxSql()).toThrow(/a database that can have an outbox/);
  });
});

import { AsyncResource } from "node:async_hooks";
import { createClient } from "@libsql/client";
import { eq } from "drizzle-orm";
import { drizzle as connect } from "drizzle-orm/libsql";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { memory } from "../engine/memory.ts";
import type { Engine } from "../engine.ts";
import { PetioleError, TaskError } from "../errors.ts";
import { ref } from "../model/ref.ts";
import { drizzle } from "../orm/drizzle.ts";
import { Petiole } from "./petiole.ts";

const questions = sqliteTable("questions", { id: integer().primaryKey(), body: text().notNull() });
const comments = sqliteTable("comments", { id: integer().primaryKey(), body: text().notNull() });
type Post = typeof questions.$inferSelect | typeof comments.$inferSelect;

let folder: string;
let client: ReturnType<typeof createClient>;
let setup: ReturnType<typeof make>;

function make() {
  const db = connect(client);
  const engine = memory();
  const seen: unknown[] = [];
  const app = new Petiole({
    engine,
    models: [drizzle(db, { "qa.Question": questions, "qa.Comment": comments })],
  });
  const index = app.task("posts.index", ({ post }: { post: Post }, job) => {
    const is = job.isModel(post, "qa.Comment");
    seen.push(job.modelOf(post), is, post);
    return post.body;
  });
  const worker = app.worker({ logger: { info() {}, warn() {}, error() {} } });
  return { db, engine, app, index, worker, seen };
}

async function sent(engine: Engine): Promise<number> {
  return (await engine.counts()).reduce((sum, { count }) => sum + count, 0);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "petiole-"));
  client = createClient({ url: `file:${folder}/qa.db` });
  for (const table of ["questions", "comments"]) {
    await client.execute(`create table ${table} (id integer primary key, body text not null)`);
  }
  setup = make();
});

afterEach(async () => {
  await setup.worker.stop({ timeout: 0 });
  await setup.app.close();
  client.close();
  rmSync(folder, { recursive: true });
});

describe("rows by reference", () => {
  test("arrive as they are now, one object for one row, told apart by modelOf", async () => {
    const { db, app, index, worker, seen } = setup;
    const [question] = await db.insert(questions).values({ id: 1, body: "Q" }).returning();
    await db.insert(comments).values({ id: 1, body: "C" });
    const handles = [
      await index.enqueue({ post: ref(questions, question!) }),
      await index.enqueue({ post: ref(comments, 1) }),
      await index.enqueue({ post: app.ref("qa.Comment", 1) }),
    ];
    await db.update(questions).set({ body: "Q, edited" });
    await worker.start();
    expect(await Promise.all(handles.map((handle) => handle.result()))).toStrictEqual([
      "Q, edited",
      "C",
      "C",
    ]);
    expect(seen).toStrictEqual([
      "qa.Question",
      false,
      { id: 1, body: "Q, edited" },
      "qa.Comment",
      true,
      { id: 1, body: "C" },
      "qa.Comment",
      true,
      { id: 1, body: "C" },
    ]);
    const both = app.task("both", ({ a, b }: { a: Post; b: Map<string, Post[]> }) => a === b.get("x")?.[0]);
    expect(
      await (await both.enqueue({ a: ref(comments, 1), b: new Map([["x", [ref(comments, 1)]]]) })).result(),
    ).toBe(true);
  });

  test("missing: fail, or skip", async () => {
    const { app, index, worker } = setup;
    const lenient = app.task("lenient", (_payload: { post: Post }) => {}, { ifMissing: "skip" });
    await worker.start();
    const failed = await index.enqueue({ post: ref(comments, 99) });
    await expect(failed.result()).rejects.toMatchObject({
      code: "ERR_TASK_FAILED",
      reason: { code: "ERR_ROW_MISSING", message: "there is no qa.Comment with the key 99" },
    });
    await expect((await lenient.enqueue({ post: ref(comments, 99) })).result()).rejects.toMatchObject({
      code: "ERR_TASK_SKIPPED",
    });
  });

  test("a database that cannot be reached is a retry that counts no attempt, never a missing row", async () => {
    const { db, index, worker, engine } = setup;
    await db.insert(comments).values({ id: 1, body: "C" });
    const handle = await index.enqueue({ post: ref(comments, 1) });
    await client.execute("alter table comments rename to hidden");
    await worker.start();
    const deferred = async () => ((await engine.find(handle.id))?.deferrals ?? 0) > 0;
    while (!(await deferred())) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await engine.find(handle.id)).toMatchObject({
      attempts: 0,
      reason: { code: "ERR_DATABASE_UNREACHABLE" },
    });
    await client.execute("alter table hidden rename to comments");
    expect(await handle.result()).toBe("C");
  });
});

describe("app.transaction", () => {
  test("sends after the commit, never before, with the id known at once", async () => {
    const { db, app, index, engine, worker } = setup;
    let id = "";
    const handle = await app.transaction(db, async (tx) => {
      expectTypeOf(tx).not.toBeUnknown();
      const [row] = await tx.insert(comments).values({ body: "new" }).returning();
      const inside = await index.enqueue({ post: ref(comments, row!) });
      id = inside.id;
      await expect(inside.result()).rejects.toThrow(expect.objectContaining({ code: "ERR_TASK_NOT_SENT" }));
      expect(await sent(engine)).toBe(0);
      return inside;
    });
    expect(handle.id).toBe(id);
    expect(await engine.find(id)).toMatchObject({ state: "waiting" });
    await worker.start();
    expect(await handle.result()).toBe("new");
  });

  test("sends nothing after a rollback, and says so", async () => {
    const { db, app, index, engine } = setup;
    const problem = new Error("no");
    let handle: Awaited<ReturnType<typeof index.enqueue>> | undefined;
    const run = app.transaction(db, async (tx) => {
      await tx.insert(comments).values({ body: "new" });
      handle = await index.enqueue({ post: ref(comments, 1) });
      throw problem;
    });
    await expect(run).rejects.toBe(problem);
    expect(await sent(engine)).toBe(0);
    expect(await db.select().from(comments)).toStrictEqual([]);
    await expect(handle!.result()).rejects.toThrow(/was not sent: its transaction was rolled back/);
  });

  test("a savepoint that is rolled back drops only its own", async () => {
    const { db, app, index, engine } = setup;
    await app.transaction(db, async (tx) => {
      await index.enqueue({ post: ref(comments, 1) });
      await app.transaction(tx, () => index.enqueue({ post: ref(comments, 2) }));
      const inner = app.transaction(tx, async () => {
        await index.enqueue({ post: ref(comments, 3) });
        throw new Error("inner");
      });
      await expect(inner).rejects.toThrow("inner");
      expect(await sent(engine)).toBe(0);
    });
    const { records } = await engine.list({});
    expect(records.map(({ message }) => /"pk":(\d)/.exec(message.payload)?.[1])).toStrictEqual(["1", "2"]);
  });

  test("concurrent transactions of one handle run one after another and do not mix", async () => {
    const { db, app, index, engine } = setup;
    const order: string[] = [];
    const one = (name: string, fails: boolean) =>
      app.transaction(db, async (tx) => {
        order.push(`${name} begins`);
        await tx.insert(questions).values({ body: name });
        await index.enqueueMany([{ post: ref(questions, 1) }, { post: ref(questions, 2) }]);
        await new Promise((resolve) => setTimeout(resolve, 10));
        order.push(`${name} ends`);
        if (fails) throw new Error(name);
      });
    const results = await Promise.allSettled([one("a", false), one("b", true), one("c", false)]);
    expect(results.map(({ status }) => status)).toStrictEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(order).toStrictEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
    expect(await sent(engine)).toBe(4);
    expect((await db.select().from(questions).where(eq(questions.body, "b"))).length).toBe(0);
  });

  test("an enqueue in a transaction that is left open is not sent, and says so", async () => {
    const { db, app, index, engine } = setup;
    const begun = Promise.withResolvers<Awaited<ReturnType<typeof index.enqueue>>>();
    const end = Promise.withResolvers<void>();
    const transaction = app.transaction(db, async () => {
      begun.resolve(await index.enqueue({ post: ref(comments, 1) }));
      await end.promise;
    });
    const handle = await begun.promise;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await sent(engine)).toBe(0);
    await expect(handle.result({ timeout: 1 })).rejects.toThrow(
      /its transaction is open: it is sent when that commits/,
    );
    end.resolve();
    await transaction;
    expect(await sent(engine)).toBe(1);
  });

  test("on the database inside its own transaction it is refused, for it would wait for itself", async () => {
    const { db, app } = setup;
    const nested = app.transaction(db, () => app.transaction(db, async () => {}));
    await expect(nested).rejects.toThrow(/would wait for itself: give it the transaction/);
  });

  test("an enqueue that comes after the end", async () => {
    const { db, app, index, engine } = setup;
    const late: (() => Promise<unknown>)[] = [];
    const gate = Promise.withResolvers<void>();
    const begin = () => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      void gate.promise.then(() => index.enqueue({ post: ref(comments, 1) })).then(resolve, reject);
      late.push(() => promise);
    };
    await app.transaction(db, async () => begin());
    await app
      .transaction(db, async () => {
        begin();
        throw new Error("rolled back");
      })
      .catch(() => {});
    gate.resolve();
    await late[0]!();
    expect(await sent(engine)).toBe(1);
    await expect(late[1]!()).rejects.toThrow(expect.objectContaining({ code: "ERR_TRANSACTION_CLOSED" }));
  });

  test("an engine that cannot accept after the commit is told, by name", async () => {
    const { db, app, index, engine } = setup;
    engine.send = () => Promise.reject(new PetioleError("ERR_ENGINE_DISK_FULL", "full"));
    let id = "";
    const run = app.transaction(db, async (tx) => {
      await tx.insert(comments).values({ body: "kept" });
      ({ id } = await index.enqueue({ post: ref(comments, 1) }));
    });
    const error = await run.catch((thrown: unknown) => thrown as PetioleError);
    expect(error).toMatchObject({ code: "ERR_TASK_NOT_SENT", cause: { code: "ERR_ENGINE_DISK_FULL" } });
    expect((error as PetioleError).message).toContain(`posts.index (${id})`);
    expect(await db.select().from(comments)).toHaveLength(1);
  });

  test("one that was begun by the ORM itself is seen, and takes savepoints", async () => {
    const { db, app, index, engine } = setup;
    await db.transaction(async (tx) => {
      await index.enqueue({ post: ref(comments, 1) });
      await app.transaction(tx, () => index.enqueue({ post: ref(comments, 1) }));
      const failing = app.transaction(tx, async () => {
        await index.enqueue({ post: ref(comments, 1) });
        throw new Error("this one alone");
      });
      await expect(failing).rejects.toThrow("this one alone");
      expect(await sent(engine)).toBe(0);
    });
    expect(await sent(engine)).toBe(2);
  });

  test("a send is part of the transaction that it is given, wherever it is called", async () => {
    const { db, app, index, engine } = setup;
    const resource = new AsyncResource("elsewhere");
    await app.transaction(db, async (tx) => {
      await resource.runInAsyncScope(() => index.enqueue({ post: ref(comments, 1) }, { transaction: tx }));
      expect(await sent(engine)).toBe(0);
    });
    expect(await sent(engine)).toBe(1);
    for (const transaction of [{}, db]) {
      await expect(index.enqueue({ post: ref(comments, 1) }, { transaction })).rejects.toMatchObject({
        code: "ERR_TRANSACTION_UNSUPPORTED",
      });
    }
  });

  test("what is enqueued outside of any context belongs to nobody; a savepoint is known by its transaction", async () => {
    const { db, app, index, engine } = setup;
    const resource = new AsyncResource("elsewhere");
    await app
      .transaction(db, async (tx) => {
        await resource.runInAsyncScope(() =>
          app.transaction(tx, () => index.enqueue({ post: ref(comments, 1) })),
        );
        expect(await sent(engine)).toBe(0);
        throw new Error("rolled back");
      })
      .catch(() => {});
    expect(await sent(engine)).toBe(0);
  });

  test("a worker that is started in one is not part of it", async () => {
    const { db, app, index, worker, engine } = setup;
    await db.insert(comments).values({ id: 1, body: "C" });
    const parent = app.task("parent", async () => (await index.enqueue({ post: ref(comments, 1) })).id);
    await app
      .transaction(db, async () => {
        await worker.start();
        throw new Error("rolled back");
      })
      .catch(() => {});
    const child = await (await parent.enqueue()).result();
    expect((await engine.ended(child))?.state).toBe("succeeded");
  });

  test("a handle that no adapter knows", async () => {
    await expect(setup.app.transaction({}, async () => {})).rejects.toThrow(
      expect.objectContaining({ code: "ERR_TRANSACTION_UNSUPPORTED" }),
    );
  });
});

describe("app.saved", () => {
  test("runs what onSave was given, by reference, after the commit", async () => {
    const { db, app, index, worker, seen, engine } = setup;
    app.onSave(comments, (post) => index.enqueue({ post }));
    const stop = app.onSave(questions, (post) => index.enqueue({ post }));
    await app.transaction(db, async (tx) => {
      const [row] = await tx.insert(comments).values({ body: "said" }).returning();
      await app.saved(comments, row!);
      expect(await sent(engine)).toBe(0);
    });
    stop();
    const [question] = await db.insert(questions).values({ body: "unheard" }).returning();
    await app.saved(questions, question!);
    expect(await sent(engine)).toBe(1);
    await worker.start();
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(seen[0]).toBe("qa.Comment");
  });

  test("of a table that is no model, or a row without its key", async () => {
    const other = sqliteTable("other", { id: integer().primaryKey() });
    await expect(setup.app.saved(other, { id: 1 })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" }),
    );
    expect(() => setup.app.onSave(other, () => {})).toThrow(
      expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" }),
    );
    await expect(setup.app.saved(comments, { body: "new" })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_REFERENCE_KEY" }),
    );
  });
});

test("failed results are errors with all that is known", () => {
  const error = new TaskError("ERR_TASK_PARKED", {
    id: "i",
    task: "t",
    reason: { code: "X", message: "why" },
  });
  expect([error.message, error.name]).toStrictEqual(["Task t (i) was parked: why", "TaskError"]);
});

/** Several ORMs, and several connections of one, in one app, on PostgreSQL; and `xmin` as the version of rows. */
import { eq } from "drizzle-orm";
import { drizzle as connect, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { customType, integer, pgTable, text } from "drizzle-orm/pg-core";
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";
import { DataSource, EntitySchema } from "typeorm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memory } from "../src/engine/memory.ts";
import { Petiole, type TaskError, ref } from "../src/index.ts";
import { drizzle } from "../src/orm/drizzle.ts";
import { kysely } from "../src/orm/kysely.ts";
import { typeorm } from "../src/orm/typeorm.ts";
import { outboxTable } from "../src/task/outbox.ts";
import { testApp } from "../src/testing/index.ts";
import { describePostgres } from "./services/describe-postgres.ts";

const questions = pgTable("questions", { id: integer().primaryKey(), body: text().notNull() });
class Answer {
  declare id: number;
  declare body: string;
  shout(): string {
    return this.body.toUpperCase();
  }
}
const answers = new EntitySchema<Answer>({
  name: "Answer",
  target: Answer,
  tableName: "answers",
  columns: { id: { type: "integer", primary: true }, body: { type: "text" } },
});
interface Tables {
  comments: { id: number; body: string };
}

const statements = ["questions", "answers", "comments"].map(
  (table) => `create table ${table} (id integer primary key, body text not null)`,
);

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function openDatabase(url: string) {
  const pool = new Pool({ connectionString: url });
  for (const statement of [...statements, outboxTable("postgres")]) await pool.query(statement);
  const dataSource = new DataSource({ type: "postgres", url, entities: [answers] });
  await dataSource.initialize();
  const comments = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString: url }) }),
  });
  closing.push(
    () => pool.end(),
    () => dataSource.destroy(),
    () => comments.destroy(),
  );
  return { db: connect(pool), dataSource, comments };
}

describePostgres("on PostgreSQL", (createDatabase) => {
  const open = async () => openDatabase(await createDatabase());

  test("rows of three ORMs in one payload, each in one query, told apart by their models", async () => {
    const { db, dataSource, comments } = await open();
    const thirdModels = kysely(comments, { "qa.Comment": { table: "comments", key: ["id"] } });
    const app = new Petiole({
      engine: memory(),
      models: [
        drizzle(db, { "qa.Question": questions }),
        typeorm(dataSource, { "qa.Answer": Answer }),
        thirdModels,
      ],
      transactions: "outbox",
    });
    type Post = typeof questions.$inferSelect | Answer | Tables["comments"];
    const index = app.task("posts.index", ({ posts }: { posts: Post[] }, job) =>
      posts.map((post) => {
        if (job.isModel(post, "qa.Answer")) return post.shout();
        return `${job.modelOf(post)} ${post.body}`;
      }),
    );
    const tester = testApp(app);
    const [question] = await db.insert(questions).values({ id: 1, body: "why" }).returning();
    await comments.insertInto("comments").values({ id: 1, body: "thanks" }).execute();
    const handle = await dataSource.transaction(async (manager) => {
      const answer = await manager.save(Object.assign(new Answer(), { id: 1, body: "because" }));
      return index.enqueue({
        posts: [ref(questions, question!), answer, ref(thirdModels.target("qa.Comment"), 1)],
      });
    });
    await tester.drain();
    expect(await handle.result()).toStrictEqual(["qa.Question why", "BECAUSE", "qa.Comment thanks"]);

    // Each transaction's sends are in its own database's outbox, and a rolled back one's are not.
    const undone = app.transaction(comments, async (transaction) => {
      await transaction.insertInto("comments").values({ id: 2, body: "undone" }).execute();
      await index.enqueue({ posts: [] });
      throw new Error("undone");
    });
    await expect(undone).rejects.toThrow("undone");
    await app.transaction(db, () => index.enqueue({ posts: [] }));
    await tester.drain();
    expect(await tester.enqueued(index)).toHaveLength(2);
    await tester.close();
    await app.close();
  });

  test("one model on two connections: references say which", async () => {
    // Not the table object of other tests, which is known without a connection.
    const questions = pgTable("questions", { id: integer().primaryKey(), body: text().notNull() });
    const [europe, america] = [(await open()).db, (await open()).db];
    await europe.insert(questions).values({ id: 1, body: "Warum?" });
    await america.insert(questions).values({ id: 1, body: "Why?" });
    const models = { "qa.Question": questions };
    const app = new Petiole({
      engine: memory(),
      models: [drizzle(europe, models, { connection: "eu" }), drizzle(america, models, { connection: "us" })],
    });
    const read = app.task("read", ({ all }: { all: (typeof questions.$inferSelect)[] }) =>
      all.map(({ body }) => body),
    );
    const tester = testApp(app);
    const all = [
      ref(questions, 1, { connection: "eu" }),
      ref(questions, 1, { connection: "us" }),
      app.ref("qa.Question", 1, { connection: "eu" }),
    ];
    expect(await tester.run(read, { all })).toStrictEqual(["Warum?", "Why?", "Warum?"]);
    for (const wrong of [
      () => ref(questions, 1),
      () => ref(questions, 1, { connection: "asia" }),
      () => app.ref("qa.Question", 1),
    ]) {
      expect(wrong).toThrow(expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" }));
    }
    expect(
      () => new Petiole({ engine: memory(), models: [drizzle(europe, models), drizzle(america, models)] }),
    ).toThrow(expect.objectContaining({ code: "ERR_MODEL_DEFINITION" }));
    await tester.close();
    await app.close();
  });

  test("savepoints that run at the same time undo each other's work: the database nests them", async () => {
    const { db } = await open();
    const written = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    await db.transaction(async (tx) => {
      const failing = tx.transaction(async (inner) => {
        await inner.insert(questions).values({ id: 1, body: "undone" });
        written.resolve();
        await over.promise;
        throw new Error("this one alone?");
      });
      await written.promise;
      await tx.transaction((inner) => inner.insert(questions).values({ id: 2, body: "released" }));
      over.resolve();
      await expect(failing).rejects.toThrow("this one alone?");
    });
    expect(await db.select().from(questions)).toStrictEqual([]);
  });

  describe("xmin", () => {
    let db: NodePgDatabase;
    let app: ReturnType<typeof makeApp>;

    function makeApp() {
      const made = new Petiole({
        engine: memory(),
        models: [drizzle(db, { "qa.Question": { table: questions, version: "xmin" } })],
      });
      const read = made.task(
        "read",
        ({ question }: { question: typeof questions.$inferSelect }) => question.body,
        { ifChanged: "skip" },
      );
      return { made, read, tester: testApp(made) };
    }

    beforeEach(async () => {
      db = (await open()).db;
      await db.insert(questions).values([
        { id: 1, body: "one" },
        { id: 2, body: "two" },
      ]);
      app = makeApp();
    });
    afterEach(async () => {
      await app.tester.close();
      await app.made.close();
    });

    test("tells whether a row was written, also with the same values", async () => {
      const { tester, read } = app;
      const [changed, same] = [
        await read.enqueue({ question: ref(questions, 1) }),
        await read.enqueue({ question: ref(questions, { id: 2, body: "two" }) }),
      ];
      await db.update(questions).set({ body: "one" }).where(eq(questions.id, 1));
      await tester.drain();
      expect(await same.result()).toBe("two");
      const error = await changed.result().catch((thrown: unknown) => thrown as TaskError);
      expect(error).toMatchObject({ code: "ERR_TASK_SKIPPED", reason: { code: "ERR_ROW_CHANGED" } });
    });

    test("is read in the transaction that the send is part of", async () => {
      const { made, tester, read } = app;
      const handle = await made.transaction(db, async (tx) => {
        await tx.update(questions).set({ body: "new" }).where(eq(questions.id, 1));
        return read.enqueue({ question: ref(questions, 1) });
      });
      await tester.drain();
      expect(await handle.result()).toBe("new");
    });

    test.each([
      ["a uuid in capitals", "uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"],
      ["a text without its column's blanks", "char(4)", "ab"],
      ["a number for a text", "text", 7],
    ] as const)("is read by a key that is %s", async (_, type, key) => {
      const keyed = pgTable("keyed", {
        id: customType<{ data: string }>({ dataType: () => type })().primaryKey(),
        body: text().notNull(),
      });
      await db.execute(`create table keyed (id ${type} primary key, body text not null)`);
      await db.execute(`insert into keyed values ('${key}', 'there')`);
      const made = new Petiole({
        engine: memory(),
        models: [drizzle(db, { "qa.Keyed": { table: keyed, version: "xmin" } })],
      });
      const tester = testApp(made);
      const read = made.task("read", ({ row }: { row: typeof keyed.$inferSelect }) => row.body, {
        ifChanged: "skip",
      });
      const same = await read.enqueue({ row: ref(keyed, key) });
      await tester.drain();
      expect(await same.result()).toBe("there");
      const changed = await read.enqueue({ row: ref(keyed, key) });
      await db.execute("update keyed set body = 'edited'");
      await tester.drain();
      await expect(changed.result()).rejects.toMatchObject({ code: "ERR_TASK_SKIPPED" });
      await tester.close();
      await made.close();
    });

    test("a row that is not there is refused at the send", async () => {
      await expect(app.read.enqueue({ question: ref(questions, 99) })).rejects.toMatchObject({
        code: "ERR_ROW_MISSING",
      });
    });
  });
});

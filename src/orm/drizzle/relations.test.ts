import { relations } from "drizzle-orm";
import { drizzle as libsql } from "drizzle-orm/libsql";
import * as pg from "drizzle-orm/pg-core";
import * as sqlite from "drizzle-orm/sqlite-core";
import { drizzle as nodePostgres } from "drizzle-orm/node-postgres";
import { expect, test } from "vitest";
import { describeDatabases } from "../../../test/orm/drizzle-databases.ts";
import { drizzle } from "../drizzle.ts";

const bytea = pg.customType<{ data: Uint8Array }>({ dataType: () => "bytea" });

describeDatabases("relations", ({ dialect, models, run, query }) => {
  const authors = models["qa.Author"];
  const posts = models["qa.Post"];
  const seed = async (db: Parameters<Parameters<typeof run>[0]>[0]): Promise<void> => {
    await db.insert(authors).values([
      { id: 1, name: "Ann" },
      { id: 2, name: "Bob" },
    ]);
    await db.insert(posts).values([
      { id: 1, title: "a", authorId: 1 },
      { id: 2, title: "b", authorId: 1 },
      { id: 3, title: "c" },
    ]);
  };

  test(
    "are loaded with the rows, in one query",
    run(async (db) => {
      await seed(db);
      const adapter = drizzle(db, models);
      const rows = await adapter.load("qa.Post", [1, 3, 99], { with: ["author"] });
      expect(rows).toMatchObject([
        { id: 1, authorId: 1, author: { id: 1, name: "Ann" } },
        { id: 3, authorId: null, author: null },
      ]);
      expect(Object.keys(adapter.fieldsOf("qa.Post", rows[0] ?? {}))).not.toContain("author");
      expect(adapter.keyOf("qa.Post", rows[0] ?? {})).toBe(1);
    }),
  );

  test(
    "are loaded by paths, which may share their beginning in any order",
    run(async (db) => {
      await seed(db);
      const adapter = drizzle(db, models);
      for (const paths of [
        ["author", "author.posts.author"],
        ["author.posts.author", "author", "author.posts"],
      ]) {
        const [row] = await adapter.load("qa.Post", [1], { with: paths });
        expect(row).toMatchObject({
          author: {
            posts: [
              { id: 1, author: { name: "Ann" } },
              { id: 2, author: { name: "Ann" } },
            ],
          },
        });
      }
    }),
  );

  test(
    "are loaded in the transaction, for thousands of keys too",
    run(async (db) => {
      const adapter = drizzle(db, models);
      await db.transaction(async (tx) => {
        await seed(tx as never);
        const ids = Array.from({ length: 12_000 }, (_, index) => index + 1);
        const rows = await adapter.load("qa.Post", ids, { with: ["author"], transaction: tx });
        expect(rows).toHaveLength(3);
        expect(rows[0]).toMatchObject({ author: { name: "Ann" } });
      });
    }),
  );

  test(
    "that there are not are refused, and those that are too far away",
    run(async (db) => {
      const adapter = drizzle(db, models);
      const refused = (path: string) => adapter.load("qa.Post", [1], { with: [path] });
      const code = "ERR_MODEL_DEFINITION";
      for (const [path, message] of [
        ["writer", /"qa\.Post".*"writer".*It has author/],
        ["author.nope", /"author\.nope".*"nope".*It has posts/],
        ["constructor", /"constructor"/],
        ["__proto__", /"__proto__"/],
        ["", /""/],
        ["author.", /"author\."/],
        ["title", /"title"/],
        ["author.posts.author.posts.author", /more than 4 relations deep/],
      ] as const) {
        await expect(refused(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
      }
      await expect(refused(7 as never)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(/number 7/),
      });
      await expect(refused("author.posts.author.posts")).resolves.toEqual([]);
    }),
  );

  test(
    "are refused for a db that was made without them, with what to write instead",
    run(async (db) => {
      const client = (db as unknown as { $client: never }).$client;
      const bare: object = dialect === "sqlite" ? libsql(client) : nodePostgres(client);
      const adapter = drizzle(bare as typeof db, models);
      expect(adapter.capabilities.lacks.relations).toMatch("drizzle(client, { schema })");
      await expect(adapter.load("qa.Post", [1], { with: ["author"] })).rejects.toMatchObject({
        code: "ERR_MODEL_UNSUPPORTED",
        message: `drizzle: ${adapter.capabilities.lacks.relations}`,
      });
      expect(drizzle(db, models).capabilities.lacks.relations).toBeUndefined();
    }),
  );

  test(
    "are refused for a table that is not in the schema",
    run(async (db) => {
      await expect(drizzle(db, models).load("qa.Comment", [1], { with: ["author"] })).rejects.toMatchObject({
        code: "ERR_MODEL_UNSUPPORTED",
        message: expect.stringMatching(/"qa\.Comment".*\{ schema \}/),
      });
    }),
  );

  test(
    "trap: what a row is related to travels through JSON in Drizzle, and loses what JSON cannot hold",
    run(async (db) => {
      const client = (db as unknown as { $client: never }).$client;
      if (dialect === "sqlite") {
        const files = sqlite.sqliteTable("files", {
          id: sqlite.integer().primaryKey(),
          bytes: sqlite.blob(),
        });
        const ofFiles = relations(files, ({ one }) => ({
          same: one(files, { fields: [files.id], references: [files.id] }),
        }));
        await query(db, "create table files (id integer primary key, bytes blob)");
        await query(db, "insert into files values (1, x'00ff')");
        const adapter = drizzle(libsql(client, { schema: { files, ofFiles } }), { "x.File": files });
        await expect(adapter.load("x.File", [1], { with: ["same"] })).rejects.toMatchObject({
          cause: { message: expect.stringContaining("JSON cannot hold BLOB values") },
        });
        return;
      }
      const numbers = pg.pgTable("numbers", {
        id: pg.bigint({ mode: "bigint" }).primaryKey(),
        bytes: bytea(),
      });
      const ofNumbers = relations(numbers, ({ one }) => ({
        same: one(numbers, { fields: [numbers.id], references: [numbers.id] }),
      }));
      await query(db, "create table numbers (id bigint primary key, bytes bytea)");
      await query(db, "insert into numbers values (9007199254740993, '\\x00ff')");
      const adapter = drizzle(nodePostgres(client, { schema: { numbers, ofNumbers } }), {
        "x.Number": numbers,
      });
      expect(await adapter.load("x.Number", [9007199254740993n], { with: ["same"] })).toEqual([
        {
          id: 9007199254740993n,
          bytes: Buffer.from([0, 255]),
          same: { id: 9007199254740992n, bytes: "\\x00ff" },
        },
      ]);
    }),
  );
});

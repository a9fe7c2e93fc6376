import { AsyncResource } from "node:async_hooks";
import { copyFile } from "node:fs/promises";
import { type Collection, LoadStrategy, MikroORM, defineEntity, p } from "@mikro-orm/sqlite";
import { describe, expect, test } from "vitest";
import { Author, Comment, type Post, Tag, openSqlite, targets } from "../../../test/orm/mikro-orm.ts";
import type { LoadOptions } from "../../model/adapter.ts";
import { mikroOrm } from "../mikro-orm.ts";

/** Two authors with a post each, the second of which is hidden. */
async function open(options: Parameters<typeof openSqlite>[0] = {}) {
  const { orm, close } = await openSqlite(options);
  const adapter = mikroOrm(orm, targets);
  for (const id of [1, 2]) {
    const deletedAt = id === 1 ? null : new Date(0);
    await adapter.save("qa.Author", { id, name: `author ${id}` });
    await adapter.save("qa.Post", { id, title: `post ${id}`, author: id, revision: 1, deletedAt });
    await adapter.save("qa.Comment", { id, body: `comment ${id}` });
  }
  return { orm, adapter, [Symbol.asyncDispose]: close };
}

describe("what is loaded", () => {
  test("is of an entity manager of its own: neither the caller's identity map nor its changes", async () => {
    await using database = await open();
    const { orm, adapter } = database;
    await orm.em.fork().transactional(async (em) => {
      const mine = await em.findOneOrFail(Comment, 1);
      mine.body = "changed, and not flushed yet";
      const [row] = await adapter.load("qa.Comment", [1], { transaction: em });
      expect(row).not.toBe(mine);
      expect(row).toMatchObject({ body: "comment 1" });
      await em.flush();
      expect(await adapter.load("qa.Comment", [1], { transaction: em })).toMatchObject([{ body: mine.body }]);
    });
  });

  test("comes from the database, not from the result cache", async () => {
    await using database = await open({ resultCache: { global: 60_000 } });
    const { orm, adapter } = database;
    const ask = async () => (await orm.em.fork().find(Comment, { id: { $in: [1] } }))[0]?.body;
    await ask();
    await adapter.load("qa.Comment", [1]);
    await adapter.save("qa.Comment", { id: 1, body: "edited" });
    // MikroORM itself is stale, or this test shows nothing.
    expect(await ask()).toBe("comment 1");
    expect(await adapter.load("qa.Comment", [1])).toMatchObject([{ body: "edited" }]);
  });

  test.each(Object.values(LoadStrategy))("has its relations, by the strategy %s", async (loadStrategy) => {
    await using database = await open({ loadStrategy });
    const { adapter } = database;
    const [post] = (await adapter.load("qa.Post", [1], { with: ["author.posts"] })) as [Post];
    expect(post.author?.name).toBe("author 1");
    expect(post.author?.posts.getItems().map(({ title }) => title)).toEqual(["post 1"]);
    const [alone] = (await adapter.load("qa.Post", [1])) as [Post];
    expect(alone.author).toBeInstanceOf(Author);
    expect(alone.author?.name).toBeUndefined();
  });

  test.each(Object.values(LoadStrategy))(
    "has no filters in the scope `all`, by the strategy %s",
    async (loadStrategy) => {
      await using database = await open({ loadStrategy });
      const { adapter } = database;
      expect(await adapter.load("qa.Post", [1, 2])).toMatchObject([{ id: 1 }]);
      expect(await adapter.load("qa.Post", [1, 2], { scope: "all" })).toHaveLength(2);
      const hidden = { with: ["posts"], scope: "all" } as const;
      const [author] = (await adapter.load("qa.Author", [2], hidden)) as [Author];
      expect(author.posts.getItems()).toMatchObject([{ id: 2 }]);
      const [filtered] = (await adapter.load("qa.Author", [2], { with: ["posts"] })) as [Author];
      expect(filtered.posts.getItems()).toEqual([]);
    },
  );

  test.each([
    ["nope", /Post has no relation "nope"\. It has author/],
    ["title", /Post has no relation "title"/],
    ["author.name", /Author has no relation "name"\. It has posts/],
    ["constructor", /no relation "constructor"/],
    ["*", /no relation "\*"/],
    ["", /no relation ""/],
    ["author.posts.author.posts.author", /more than 4 relations deep/],
  ])("is refused with %j", async (path, message) => {
    await using database = await open();
    const outcome = database.adapter.load("qa.Post", [1], { with: [path] });
    await expect(outcome).rejects.toMatchObject({
      code: "ERR_MODEL_DEFINITION",
      message: expect.stringMatching(message),
    });
  });

  test.each([
    [{ with: "author" }, /`with` must be a list.*string "author"/],
    [{ with: [7] }, /`with` must be a list.*number 7 in it/],
    [{ scope: "everything" }, /`scope` must be "default" or "all".*string "everything"/],
    [{ from: "elsewhere" }, /`from` must be "primary" or "replica".*string "elsewhere"/],
  ])("is refused with the options %j", async (options, message) => {
    await using database = await open();
    await expect(database.adapter.load("qa.Post", [1], options as LoadOptions)).rejects.toMatchObject({
      code: "ERR_MODEL_DEFINITION",
      message: expect.stringMatching(message),
    });
  });

  test("is asked of the primary unless a replica is named", async () => {
    await using primary = await open();
    const dbName = String(primary.orm.config.get("dbName"));
    const replica = `${dbName}.replica`;
    await copyFile(dbName, replica);
    const { orm } = primary;
    const replicated = await MikroORM.init({
      entities: [...orm.getMetadata().getAll().values()].map((meta) => meta.class),
      dbName,
      // Relations are loaded by statements of their own.
      loadStrategy: LoadStrategy.SELECT_IN,
      replicas: [{ driverOptions: { dbName: replica } }],
    });
    try {
      const adapter = mikroOrm(replicated, targets);
      expect(adapter.capabilities.lacks.replica).toBeUndefined();
      await adapter.save("qa.Comment", { id: 1, body: "new on the primary" });
      // MikroORM itself reads from the replica, or this test shows nothing.
      expect((await replicated.em.fork().findOneOrFail(Comment, 1)).body).toBe("comment 1");
      const bodies = async (from?: "primary" | "replica") =>
        (await adapter.load("qa.Comment", [1], from && { from })).map((row) => (row as Comment).body);
      expect(await bodies()).toEqual(["new on the primary"]);
      expect(await bodies("primary")).toEqual(["new on the primary"]);
      expect(await bodies("replica")).toEqual(["comment 1"]);
      await adapter.save("qa.Author", { id: 1, name: "new name" });
      const [post] = (await adapter.load("qa.Post", [1], { with: ["author"] })) as [Post];
      expect(post.author?.name).toBe("new name");
    } finally {
      await replicated.close(true);
    }
  });

  test("a replica that there is not is refused", async () => {
    await using database = await open();
    const { adapter } = database;
    expect(adapter.capabilities.lacks.replica).toMatch(/replicas/);
    await expect(adapter.load("qa.Comment", [1], { from: "replica" })).rejects.toMatchObject({
      code: "ERR_MODEL_UNSUPPORTED",
      message: `mikroOrm: ${adapter.capabilities.lacks.replica}`,
    });
  });

  test("a handle that is no transaction is refused where one is asked for", async () => {
    await using database = await open();
    await using other = await open();
    const { orm, adapter } = database;
    for (const transaction of [orm, orm.em, orm.em.fork(), {}, other.orm.em]) {
      const within = { transaction };
      const refused = {
        code: "ERR_TRANSACTION_UNSUPPORTED",
        message: expect.stringMatching(/em\.transactional/),
      };
      await expect(adapter.load("qa.Comment", [1], within)).rejects.toMatchObject(refused);
      await expect(adapter.save("qa.Comment", { id: 1 }, within)).rejects.toMatchObject(refused);
      await expect(adapter.sql?.query("select 1", [], within)).rejects.toMatchObject(refused);
    }
    await other.orm.em.transactional(async (em) => {
      expect(adapter.owns(em)).toBe(false);
      await expect(adapter.load("qa.Comment", [1], { transaction: em })).rejects.toMatchObject({
        code: "ERR_TRANSACTION_UNSUPPORTED",
      });
    });
  });

  test("trap: SQLite has one connection. What would wait for its own transaction is refused", async () => {
    await using database = await open();
    const { orm, adapter } = database;
    const refused = { code: "ERR_TRANSACTION_UNSUPPORTED", message: expect.stringMatching(/wait forever/) };
    let later: (() => Promise<unknown>) | undefined;
    await orm.em.transactional(async () => {
      await expect(adapter.load("qa.Comment", [1])).rejects.toMatchObject(refused);
      await expect(adapter.save("qa.Comment", { id: 1 })).rejects.toMatchObject(refused);
      await expect(adapter.sql?.query("select 1", [])).rejects.toMatchObject(refused);
      later = AsyncResource.bind(() => adapter.load("qa.Comment", [1]));
    });
    // What began inside and goes on after the transaction is free again.
    expect(await later?.()).toHaveLength(1);
    const waiting = orm.em.transactional(() => new Promise((resolve) => setTimeout(resolve, 20)));
    expect(await adapter.load("qa.Comment", [1])).toHaveLength(1);
    await waiting;
  });

  test("long text keys are asked for in statements that SQLite takes", async () => {
    await using database = await open();
    const { orm, adapter } = database;
    const names = Array.from({ length: 3_000 }, (_, index) => `${"名'".repeat(240)}${index}`);
    await orm.em.fork().insertMany(
      Tag,
      names.filter((_, index) => index % 100 === 0).map((name) => ({ name, body: "here" })),
    );
    expect(await adapter.load("qa.Tag", names)).toHaveLength(30);
  });
});

class Note {
  id!: number;
  text!: string;
}
class Reminder extends Note {
  at!: string;
}
class Folder {
  id!: number;
  notes!: Collection<Note>;
}

test("classes in one table are rows of the class that they extend", async () => {
  const NoteSchema = defineEntity({
    class: Note,
    tableName: "notes",
    discriminatorColumn: "kind",
    discriminatorValue: "note",
    properties: { id: p.integer().primary(), text: p.text() },
  });
  const ReminderSchema = defineEntity({
    class: Reminder,
    extends: Note,
    discriminatorValue: "reminder",
    properties: { at: p.text() },
  });
  const FolderSchema = defineEntity({
    class: Folder,
    tableName: "folders",
    properties: { id: p.integer().primary() },
  });
  const { orm, close } = await openSqlite(
    { entities: [NoteSchema, ReminderSchema, FolderSchema] },
    "create table notes (id integer primary key, text text not null, at text, kind text not null);",
  );
  try {
    const adapter = mikroOrm(orm, { "x.Note": Note });
    const em = orm.em.fork();
    em.create(Note, { id: 1, text: "note" });
    em.create(Reminder, { id: 2, text: "reminder", at: "noon" });
    await em.flush();
    const rows = await adapter.load("x.Note", [1, 2]);
    expect(rows.map((row) => [row.constructor, adapter.modelOf(row)])).toEqual([
      [Note, "x.Note"],
      [Reminder, "x.Note"],
    ]);
    const fields = adapter.fieldsOf("x.Note", rows[1] ?? {});
    expect(fields).toEqual({ id: 2, text: "reminder", at: "noon", kind: "reminder" });
    expect(adapter.entityOf("x.Note", fields)).toBeInstanceOf(Reminder);
    await em.nativeDelete(Note, {});
    await adapter.save("x.Note", fields);
    await adapter.save("x.Note", { id: 3, text: "without its kind" });
    const saved = await adapter.load("x.Note", [2, 3]);
    expect(saved.map((row) => row.constructor)).toEqual([Reminder, Note]);
  } finally {
    await close();
  }
});

import { expect, test } from "vitest";
import type { SqliteClient } from "../../../test/orm/prisma/database.ts";
import { onEachDatabase } from "../../../test/orm/prisma/each.ts";
import { contractModels } from "../../../test/orm/prisma/harness.ts";
import { type Recorder, recorder } from "../../../test/orm/prisma/recorder.ts";
import { prisma, rows } from "../prisma.ts";

onEachDatabase((withDatabase) => {
  const withRecorder = (
    run: (db: SqliteClient, observer: Recorder, statements: readonly string[]) => Promise<void>,
  ) =>
    withDatabase(async ({ client, statements }) => {
      const db = client.$extends(rows()) as unknown as SqliteClient;
      const observer = recorder();
      prisma(db, contractModels).observe(observer);
      await run(db, observer, statements);
    });

  test("each row that is written is told once, with its key", () =>
    withRecorder(async (db, { told, events }) => {
      const row = await db.comment.create({ data: { id: 1, body: "first" } });
      await db.comment.update({ where: { id: 1 }, data: { body: "edited" } });
      await db.comment.createManyAndReturn({ data: [2, 3].map((id) => ({ id, body: "many" })) });
      await db.comment.updateManyAndReturn({ where: { id: { gt: 1 } }, data: { body: "more" } });
      await db.comment.delete({ where: { id: 2 } });
      await db.membership.create({ data: { userId: 1, groupName: "a", body: "b" } });
      expect(told).toEqual([
        "insert qa.Comment 1",
        "update qa.Comment 1",
        "insert qa.Comment 2",
        "insert qa.Comment 3",
        "update qa.Comment 2",
        "update qa.Comment 3",
        "delete qa.Comment 2",
        'insert qa.Membership {"userId":1,"groupName":"a"}',
      ]);
      expect(events[0]).toEqual({
        operation: "insert",
        model: "qa.Comment",
        key: 1,
        row,
        transaction: undefined,
      });
      expect(events[0]!.row).toBe(row);
      expect(events[4]!.row).toEqual({ id: 2, body: "more" });
    }));

  test("an upsert is told as what it was", () =>
    withRecorder(async (db, { told }) => {
      const save = (client: Pick<SqliteClient, "comment">, id: number) =>
        client.comment.upsert({ where: { id }, create: { id, body: "new" }, update: { body: "again" } });
      await save(db, 1);
      await save(db, 1);
      await db.$transaction(async (tx) => {
        await save(tx, 2);
        await save(tx, 2);
      });
      expect(told).toEqual([
        "insert qa.Comment 1",
        "update qa.Comment 1",
        "begun 1",
        "insert qa.Comment 2 in 1",
        "update qa.Comment 2 in 1",
        "committed 1",
      ]);
    }));

  test("within their transaction, or the savepoint", () =>
    withRecorder(async (db, { told }) => {
      await db.$transaction(async (tx) => {
        await tx.comment.create({ data: { id: 1, body: "a" } });
        await tx.$transaction((inner) => inner.comment.create({ data: { id: 2, body: "b" } }));
        await tx.comment.delete({ where: { id: 1 } });
      });
      expect(told).toEqual([
        "begun 1",
        "insert qa.Comment 1 in 1",
        "begun 2 in 1",
        "insert qa.Comment 2 in 2",
        "committed 2",
        "delete qa.Comment 1 in 1",
        "committed 1",
      ]);
    }));

  test("a write of many that gives a count is told without a key, and one of nothing not at all", () =>
    withRecorder(async (db, { told, events }) => {
      await db.comment.createMany({ data: [1, 2].map((id) => ({ id, body: "many" })) });
      await db.comment.updateMany({ data: { body: "more" } });
      await db.comment.updateMany({ where: { id: 99 }, data: { body: "more" } });
      await db.comment.deleteMany();
      await db.comment.deleteMany();
      expect(told).toEqual([
        "insert qa.Comment undefined",
        "update qa.Comment undefined",
        "delete qa.Comment undefined",
      ]);
      expect(events[0]).toMatchObject({ key: undefined, row: undefined });
    }));

  test("what was not asked for is not in the result, and the key is told all the same", () =>
    withRecorder(async (db, { told, events }) => {
      const select = { body: true } as const;
      const omit = { id: true } as const;
      const found = [
        await db.comment.create({ data: { id: 1, body: "first" }, select }),
        ...(await db.comment.createManyAndReturn({ data: [{ id: 2, body: "second" }], select })),
        await db.comment.update({ where: { id: 1 }, data: { body: "edited" }, omit }),
        await db.comment.delete({ where: { id: 2 }, omit }),
      ];
      expect(found).toEqual(["first", "second", "edited", "second"].map((body) => ({ body })));
      expect(told).toEqual([
        "insert qa.Comment 1",
        "insert qa.Comment 2",
        "update qa.Comment 1",
        "delete qa.Comment 2",
      ]);
      await db.post.create({ data: { id: 5, title: "t" }, select: { title: true } });
      expect(events.at(-1)).toMatchObject({ key: 5, row: undefined });
    }));

  test("a key that is changed is told as it is now", () =>
    withRecorder(async (db, { told }) => {
      await db.comment.create({ data: { id: 1, body: "first" } });
      await db.comment.update({ where: { id: 1 }, data: { id: 7 } });
      expect(told.at(-1)).toBe("update qa.Comment 7");
    }));

  test("what $transaction([…]) wrote is told after its commit, and nothing of one that failed", () =>
    withRecorder(async (db, { told }) => {
      const create = (id: number) => db.comment.create({ data: { id, body: "one of many" } });
      await db.$transaction([create(1), create(2)]);
      expect(told.toSorted()).toEqual(["insert qa.Comment 1", "insert qa.Comment 2"]);
      await expect(db.$transaction([create(3), create(1)])).rejects.toMatchObject({ code: "P2002" });
      expect(told).toHaveLength(2);
    }));

  test("a write that fails is not told, and what an observer rejects with reaches its caller", () =>
    withRecorder(async (db, observer) => {
      await db.comment.create({ data: { id: 1, body: "first" } });
      await expect(db.comment.create({ data: { id: 1, body: "again" } })).rejects.toMatchObject({
        code: "P2002",
      });
      expect(observer.told).toHaveLength(1);
      observer.fail = (what) => {
        if (what === "saved") throw new Error("the listener's");
      };
      const outcome = db.$transaction((tx) => tx.comment.create({ data: { id: 2, body: "second" } }));
      await expect(outcome).rejects.toThrow("the listener's");
      expect(await db.comment.count()).toBe(1);
    }));

  test("trap: raw SQL is not told", () =>
    withRecorder(async (db, { told }) => {
      await db.author.create({ data: { id: 1, name: "Ada" } });
      await db.$executeRawUnsafe("update authors set name = 'raw'");
      expect(told).toEqual(["insert qa.Author 1"]);
    }));

  test("nested writes are told without their keys, each kind once", () =>
    withRecorder(async (db, { told, events }) => {
      const { author, post } = db;
      const posts = [1, 2].map((id) => ({ id, title: "t" }));
      await author.create({ data: { id: 1, name: "Ada", posts: { create: posts } } });
      expect(events.at(-1)).toMatchObject({ key: undefined, row: undefined });
      await post.create({ data: { id: 3, title: "t", author: { create: { id: 2, name: "Ben" } } } });
      await author.update({
        where: { id: 1 },
        data: {
          posts: {
            create: [],
            update: { where: { id: 1 }, data: { title: "edited" } },
            deleteMany: { id: 2 },
          },
        },
      });
      await post.update({ where: { id: 1 }, data: { author: { connect: { id: 1 } } } });
      expect(told).toEqual([
        "insert qa.Author 1",
        "insert qa.Post undefined",
        "insert qa.Post 3",
        "insert qa.Author undefined",
        "update qa.Author 1",
        "update qa.Post undefined",
        "delete qa.Post undefined",
        "update qa.Post 1",
      ]);
    }));

  test("nested writes are told where only their own model has a name", () =>
    withDatabase(async ({ client }) => {
      const db = client.$extends(rows()) as unknown as SqliteClient;
      const observer = recorder();
      prisma(db, { "qa.Post": "post" }).observe(observer);
      await db.author.upsert({
        where: { id: 1 },
        create: { id: 1, name: "Ada", posts: { create: { id: 1, title: "t" } } },
        update: {},
      });
      expect(observer.told).toEqual(["insert qa.Post undefined"]);
    }));

  test("the fluent form of a write tells of it, without its key", () =>
    withRecorder(async (db, { events }) => {
      await db.author.create({ data: { id: 1, name: "Ada" } });
      await db.post.create({ data: { id: 5, title: "t", authorId: 1 } }).author();
      expect(events.at(-1)).toMatchObject({ operation: "insert", model: "qa.Post", key: undefined });
    }));

  test("models without a name are not told, nor is a client that was not extended", () =>
    withDatabase(async ({ client }) => {
      const db = client.$extends(rows());
      const observer = recorder();
      prisma(db, { "qa.Comment": "comment" }).observe(observer);
      await db.author.create({ data: { id: 1, name: "Ada" } });
      await client.comment.create({ data: { id: 1, body: "not through db" } });
      expect(observer.told).toEqual([]);
    }));

  test("without observers, Prisma is asked for nothing more", () =>
    withDatabase(async ({ client, statements }) => {
      const db = client.$extends(rows());
      const stop = prisma(db, contractModels).observe(recorder());
      stop();
      const before = statements.length;
      const save = { where: { id: 1 }, create: { id: 1, body: "new" }, update: { body: "again" } };
      await client.comment.upsert(save);
      const own = statements.length - before;
      await db.comment.upsert(save);
      expect(statements.length - before).toBe(2 * own);
    }));
});

import { describe, expect, test } from "vitest";
import { onEachDatabase } from "../../../test/orm/prisma/each.ts";
import { contractModels } from "../../../test/orm/prisma/harness.ts";
import { prisma, rows } from "../prisma.ts";

describe("rows()", () => {
  onEachDatabase((withDatabase) => {
    test("the rows of every operation know their model", () =>
      withDatabase(async ({ client }) => {
        const db = client.$extends(rows());
        const { modelOf } = prisma(db, contractModels);
        const [where, data] = [{ id: 1 }, { body: "edited" }];
        const found = [
          await db.comment.create({ data: { id: 1, body: "first" } }),
          ...(await db.comment.createManyAndReturn({ data: [{ id: 2, body: "second" }] })),
          await db.comment.upsert({ where, create: { id: 1, ...data }, update: data }),
          await db.comment.update({ where, data }),
          ...(await db.comment.updateManyAndReturn({ where, data })),
          await db.comment.findUnique({ where }),
          await db.comment.findUniqueOrThrow({ where }),
          await db.comment.findFirst({ where }),
          await db.comment.findFirstOrThrow({ where }),
          ...(await db.comment.findMany()),
          ...(await db.$transaction([db.comment.findFirstOrThrow({ where }), db.comment.findFirstOrThrow()])),
          await db.$transaction((tx) => tx.comment.findFirst({ where })),
          await db.$transaction((tx) => tx.$transaction((inner) => inner.comment.findFirst({ where }))),
          await db.comment.delete({ where }),
        ];
        expect(found.map((row) => modelOf(row!))).toEqual(found.map(() => "qa.Comment"));
        expect(found).toHaveLength(16);
      }));

    test("and stay plain: nothing is on them that was not there", () =>
      withDatabase(async ({ client }) => {
        const db = client.$extends(rows());
        const row = await db.comment.create({ data: { id: 1, body: "first" } });
        expect(Reflect.ownKeys(row)).toEqual(["id", "body"]);
        expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
        const { modelOf } = prisma(db, contractModels);
        expect(modelOf({ ...row })).toBeUndefined();
        expect(modelOf(structuredClone(row))).toBeUndefined();
      }));

    test("rows that were loaded with others know theirs as well", () =>
      withDatabase(async ({ client }) => {
        const db = client.$extends(rows());
        const { modelOf } = prisma(db, contractModels);
        await db.author.create({ data: { id: 1, name: "Ada", posts: { create: [{ id: 1, title: "t" }] } } });
        const author = await db.author.findFirstOrThrow({
          include: { posts: { include: { author: true } } },
        });
        expect(modelOf(author)).toBe("qa.Author");
        expect(author.posts.map(modelOf)).toEqual(["qa.Post"]);
        expect(author.posts.map(({ author }) => modelOf(author!))).toEqual(["qa.Author"]);
      }));

    test("trap: the fluent form asks for a post and gives an author", () =>
      withDatabase(async ({ client }) => {
        const db = client.$extends(rows());
        const { modelOf } = prisma(db, contractModels);
        await db.author.create({ data: { id: 1, name: "Ada", posts: { create: [{ id: 1, title: "t" }] } } });
        const author = await db.post.findUniqueOrThrow({ where: { id: 1 } }).author();
        expect(author).toEqual({ id: 1, name: "Ada" });
        expect(modelOf(author!)).toBe("qa.Author");
        const again = await db.post
          .findUniqueOrThrow({ where: { id: 1 } })
          .author()
          .posts();
        expect(again!.map(modelOf)).toEqual(["qa.Post"]);
      }));

    test("without its key, a row is plain data", () =>
      withDatabase(async ({ client }) => {
        const db = client.$extends(rows());
        const { modelOf } = prisma(db, contractModels);
        await db.membership.create({ data: { userId: 1, groupName: "a", body: "b" } });
        const select = { userId: true, body: true };
        expect(modelOf(await db.membership.findFirstOrThrow({ select }))).toBeUndefined();
        expect(modelOf(await db.membership.findFirstOrThrow({ omit: { groupName: true } }))).toBeUndefined();
        const withKey = await db.membership.findFirstOrThrow({ select: { ...select, groupName: true } });
        expect(modelOf(withKey)).toBe("qa.Membership");
      }));

    test("counts and sums are no rows", () =>
      withDatabase(async ({ client }) => {
        const db = client.$extends(rows());
        const { modelOf } = prisma(db, contractModels);
        await db.comment.create({ data: { id: 1, body: "first" } });
        const results: object[] = [
          await db.comment.aggregate({ _max: { id: true } }),
          ...(await db.comment.groupBy({ by: ["id"] })),
          await db.comment.updateMany({ data: { body: "second" } }),
        ];
        expect(results.map(modelOf)).toEqual([undefined, undefined, undefined]);
        expect(await db.comment.count()).toBe(1);
        expect(await db.comment.findFirst({ where: { id: 2 } })).toBeNull();
      }));

    test("holds in a client that is extended further, and before", () =>
      withDatabase(async ({ client }) => {
        const db = client.$extends({ name: "first" }).$extends(rows()).$extends({ name: "last" });
        const adapter = prisma(db, contractModels);
        expect(adapter.capabilities.recognisesRows).toBe("plain");
        expect(adapter.modelOf(await db.comment.create({ data: { id: 1, body: "first" } }))).toBe(
          "qa.Comment",
        );
      }));

    test("rows with fields that an extension computes, which Prisma puts into proxies", () =>
      withDatabase(async ({ client }) => {
        const db = client.$extends(rows()).$extends({
          result: {
            comment: { words: { needs: { body: true }, compute: ({ body }) => body.split(" ").length } },
          },
        });
        const adapter = prisma(db, contractModels);
        const row = await db.comment.create({ data: { id: 1, body: "two words" } });
        expect(row.words).toBe(2);
        expect(adapter.modelOf(row)).toBe("qa.Comment");
        expect(adapter.modelOf(await db.comment.findFirstOrThrow())).toBe("qa.Comment");
        expect(adapter.fieldsOf("qa.Comment", row)).toEqual({ id: 1, body: "two words" });
        expect(JSON.stringify(row)).toBe('{"id":1,"body":"two words","words":2}');
      }));

    test("without it, rows know nothing, and the adapter says so", () =>
      withDatabase(async ({ client }) => {
        const adapter = prisma(client, contractModels);
        expect(adapter.capabilities.recognisesRows).toBe(false);
        expect(adapter.capabilities.lacks.saveEvents).toContain("$extends(rows())");
        expect(adapter.modelOf(await client.comment.create({ data: { id: 1, body: "a" } }))).toBeUndefined();
      }));
  });
});

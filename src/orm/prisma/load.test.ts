import { describe, expect, test } from "vitest";
import type { SqliteClient } from "../../../test/orm/prisma/database.ts";
import { onEachDatabase } from "../../../test/orm/prisma/each.ts";
import { contractModels } from "../../../test/orm/prisma/harness.ts";
import { prisma, rows } from "../prisma.ts";

/** Rows that were deleted softly are hidden, as Prisma's users do it. */
const hidingDeleted = {
  name: "soft delete",
  query: {
    post: {
      findMany: ({ args, query }: { args: { where?: object }; query: (args: never) => Promise<unknown> }) =>
        query({ ...args, where: { AND: [{ deletedAt: null }, args.where ?? {}] } } as never),
    },
  },
};

onEachDatabase((withDatabase) => {
  const withPosts = (
    run: (client: SqliteClient, statements: readonly string[], other: SqliteClient) => Promise<void>,
  ) =>
    withDatabase(async ({ client, statements, connect }) => {
      await client.author.create({ data: { id: 1, name: "Ada" } });
      await client.post.createMany({
        data: [
          { id: 1, title: "first", authorId: 1 },
          { id: 2, title: "second" },
          { id: 3, title: "hidden", authorId: 1, deletedAt: new Date(5) },
        ],
      });
      await run(client, statements, connect());
    });
  const titles = (found: readonly object[]) => found.map((row) => Reflect.get(row, "title")).sort();

  describe("with", () => {
    test("relations are loaded by path, in one query for each", () =>
      withPosts(async (client, statements) => {
        const adapter = prisma(client.$extends(rows()), contractModels);
        const before = statements.length;
        const found = await adapter.load("qa.Post", [1, 2], { with: ["author", "author.posts", "author"] });
        expect(statements.length - before).toBe(3);
        expect(found).toEqual([
          expect.objectContaining({
            id: 1,
            author: {
              id: 1,
              name: "Ada",
              posts: [expect.objectContaining({ id: 1 }), expect.objectContaining({ id: 3 })],
            },
          }),
          expect.objectContaining({ id: 2, author: null }),
        ]);
        expect(adapter.modelOf(Reflect.get(found[0]!, "author"))).toBe("qa.Author");
        expect(await adapter.load("qa.Author", [1], { with: ["posts"] })).toMatchObject([
          { posts: [{}, {}] },
        ]);
        expect(await adapter.load("qa.Author", [1], { with: [] })).toEqual([{ id: 1, name: "Ada" }]);
      }));

    test.each([
      ["nope", /Post has no relation "nope"\. It has author/],
      ["author.nope", /Author has no relation "nope"\. It has posts/],
      ["title", /Post has no relation "title"/],
      ["", /Post has no relation ""/],
      ["__proto__", /no relation "__proto__"/],
      ["author.posts.author.posts.author", /more than 4 relations deep/],
    ])("what is no relation is refused: %s", (path, message) =>
      withDatabase(async ({ client }) => {
        const loading = prisma(client, contractModels).load("qa.Post", [1], { with: [path] });
        await expect(loading).rejects.toMatchObject({
          code: "ERR_MODEL_DEFINITION",
          message: expect.stringMatching(message),
        });
      }),
    );
  });

  test("scope: all goes round the client's extensions, also in a transaction", () =>
    withPosts(async (client) => {
      const db = client.$extends(hidingDeleted as never).$extends(rows()) as unknown as SqliteClient;
      const adapter = prisma(db, contractModels);
      const load = (options: object) => adapter.load("qa.Post", [1, 2, 3], options).then(titles);
      expect(await load({})).toEqual(["first", "second"]);
      expect(await load({ scope: "all" })).toEqual(["first", "hidden", "second"]);
      await db.$transaction(async (transaction) => {
        await transaction.post.create({ data: { id: 4, title: "uncommitted", deletedAt: new Date(5) } });
        expect(await adapter.load("qa.Post", [4], { transaction })).toEqual([]);
        const found = await adapter.load("qa.Post", [4], { transaction, scope: "all" });
        expect(titles(found)).toEqual(["uncommitted"]);
        expect(adapter.modelOf(found[0]!)).toBe("qa.Post");
      });
      await client.$transaction(async (transaction) => {
        expect(titles(await adapter.load("qa.Post", [1], { transaction, scope: "all" }))).toEqual(["first"]);
      });
    }));

  test.each([
    [{ with: "author" }, /`with` must be a list.*received string "author"/],
    [{ scope: "some" }, /`scope` must be "default" or "all"/],
    [{ from: "elsewhere" }, /`from` must be "primary" or "replica"/],
  ])("an option of a wrong kind is refused: %j", (options, message) =>
    withDatabase(async ({ client }) => {
      await expect(
        prisma(client, contractModels).load("qa.Post", [1], options as never),
      ).rejects.toMatchObject({
        code: "ERR_MODEL_DEFINITION",
        message: expect.stringMatching(message),
      });
    }),
  );

  describe("from", () => {
    test("the primary is asked unless told, and the given replica when told", () =>
      withPosts(async (client, _statements, replica) => {
        const asked: string[] = [];
        const watched = replica.$extends({
          query: {
            $allOperations({ operation, args, query }) {
              asked.push(operation);
              return query(args);
            },
          },
        });
        const adapter = prisma(client, contractModels, { replica: watched });
        expect(adapter.capabilities.lacks.replica).toBeUndefined();
        await adapter.load("qa.Post", [1]);
        await adapter.load("qa.Post", [1], { from: "primary" });
        expect(asked).toEqual([]);
        expect(titles(await adapter.load("qa.Post", [1], { from: "replica" }))).toEqual(["first"]);
        expect(asked).toEqual(["findMany"]);
        // In a transaction there is no choice.
        await client.$transaction((transaction) =>
          adapter.load("qa.Post", [1], { from: "replica", transaction }),
        );
        expect(asked).toEqual(["findMany"]);
      }));

    test("with @prisma/extension-read-replicas, $primary and $replica are asked", () =>
      withPosts(async (client, _statements, replica) => {
        // What that extension does: reads go to a replica, unless the primary is asked for.
        const db = client.$extends((base) =>
          base.$extends({
            client: { $primary: () => base, $replica: () => replica },
            query: {
              $allOperations({ model, operation, args, query, ...rest }) {
                const { transaction } = Reflect.get(rest, "__internalParams") as { transaction?: object };
                if (transaction || !operation.startsWith("find")) return query(args);
                stale.push(`${model}.${operation}`);
                return query(args);
              },
            },
          }),
        );
        const stale: string[] = [];
        const adapter = prisma(db.$extends(rows()), contractModels);
        expect(titles(await adapter.load("qa.Post", [1]))).toEqual(["first"]);
        expect(titles(await adapter.load("qa.Post", [1], { from: "replica" }))).toEqual(["first"]);
        expect(stale).toEqual([]);
        await db.post.findMany();
        expect(stale).toEqual(["Post.findMany"]);
      }));

    test("without a replica, it is refused with what to do", () =>
      withPosts(async (client) => {
        const adapter = prisma(client, contractModels);
        const { replica } = adapter.capabilities.lacks;
        expect(replica).toContain("{ replica: otherClient }");
        await expect(adapter.load("qa.Post", [1], { from: "replica" })).rejects.toMatchObject({
          code: "ERR_MODEL_UNSUPPORTED",
          message: expect.stringContaining(replica!),
        });
      }));
  });
});

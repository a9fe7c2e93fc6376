import { describe, expectTypeOf, test } from "vitest";
import {
  Prisma,
  type PrismaClient as PostgresClient,
} from "../../test/orm/prisma/generated/postgresql/client.ts";
import type { Comment, PrismaClient as SqliteClient } from "../../test/orm/prisma/generated/sqlite/client.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { type Reference, ref } from "../model/ref.ts";
import {
  type DecimalClassLike,
  type PrismaClientLike,
  type PrismaDelegateLike,
  type PrismaModelName,
  type PrismaRow,
  prisma,
  rows,
} from "./prisma.ts";

declare const client: SqliteClient;
declare const other: PostgresClient;

const extended = client.$extends(rows());
const computed = client
  .$extends({
    result: { comment: { words: { needs: { body: true }, compute: ({ body }) => body.split(" ").length } } },
  })
  .$extends(rows());

describe("Prisma's real types", () => {
  test("its clients, extended and not, and those of transactions", () => {
    expectTypeOf<SqliteClient>().toExtend<PrismaClientLike>();
    expectTypeOf<PostgresClient>().toExtend<PrismaClientLike>();
    expectTypeOf(extended).toExtend<PrismaClientLike>();
    expectTypeOf(computed).toExtend<PrismaClientLike>();
    void client.$transaction(async (tx) => expectTypeOf(tx).toExtend<PrismaClientLike>());
    void extended.$transaction(async (tx) => expectTypeOf(tx).toExtend<PrismaClientLike>());
  });

  test("its models and its decimals", () => {
    expectTypeOf<SqliteClient["comment"]>().toExtend<PrismaDelegateLike>();
    expectTypeOf(extended.comment).toExtend<PrismaDelegateLike>();
    expectTypeOf(Prisma.Decimal).toExtend<DecimalClassLike>();
    type Names = "comment" | "tag" | "membership" | "author" | "post" | "sample" | "measure";
    expectTypeOf<PrismaModelName<SqliteClient>>().toEqualTypeOf<Names>();
    expectTypeOf<PrismaModelName<typeof extended>>().toEqualTypeOf<Names>();
  });

  test("its rows", () => {
    expectTypeOf<PrismaRow<SqliteClient, "comment">>().toEqualTypeOf<Comment>();
    expectTypeOf<PrismaRow<typeof extended, "comment">>().toEqualTypeOf<Comment>();
    type Sample = Prisma.Result<typeof other.sample, {}, "findFirstOrThrow">;
    expectTypeOf<PrismaRow<PostgresClient, "sample">>().toEqualTypeOf<Sample>();
    expectTypeOf<PrismaRow<typeof computed, "comment">>().toEqualTypeOf<{
      id: number;
      body: string;
      words: number;
    }>();
  });
});

describe("prisma", () => {
  test("an extension with rows() changes no type", async () => {
    const row = await extended.comment.create({ data: { id: 1, body: "first" } });
    expectTypeOf(row).toEqualTypeOf<Comment>();
    const some = await extended.post.findMany({
      select: { title: true, author: { select: { name: true } } },
    });
    expectTypeOf(some).toEqualTypeOf<{ title: string; author: { name: string } | null }[]>();
  });

  test("infers the rows of each model", () => {
    const adapter = prisma(extended, {
      "qa.Comment": "comment",
      "qa.Post": { model: "post", version: "revision" },
      "qa.Member": { model: "membership", key: ["userId", "groupName"] },
    });
    expectTypeOf(adapter).toExtend<OrmAdapter>();
    expectTypeOf(adapter.rows).toEqualTypeOf<
      | {
          "qa.Comment": PrismaRow<SqliteClient, "comment">;
          "qa.Post": PrismaRow<SqliteClient, "post">;
          "qa.Member": PrismaRow<SqliteClient, "membership">;
        }
      | undefined
    >();
  });

  test("a target knows its rows", () => {
    const models = prisma(client, { "qa.Comment": "comment" });
    expectTypeOf(ref(models.target("qa.Comment"), 7)).toEqualTypeOf<Reference<Comment>>();
    expectTypeOf(ref(models.target("qa.Comment"), { id: 7 })).toEqualTypeOf<Reference<Comment>>();
    // @ts-expect-error no such attribute
    ref(models.target("qa.Comment"), { nope: 7 });
    // @ts-expect-error no such model
    models.target("qa.Tag");
  });

  test("refuses what the client does not have", () => {
    // @ts-expect-error no such model
    prisma(client, { "qa.Comment": "comments" });
    // @ts-expect-error no model, but a function of the client
    prisma(client, { "qa.Comment": "$transaction" });
    // @ts-expect-error no such field
    prisma(client, { "qa.Comment": { model: "comment", key: ["nope"] } });
    // @ts-expect-error no such field
    prisma(client, { "qa.Comment": { model: "comment", version: "nope" } });
    // @ts-expect-error no client
    prisma({}, {});
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient as KeysClient, Prisma } from "../../../test/orm/prisma/generated/keys/client.ts";
import { Prisma as SqlitePrisma } from "../../../test/orm/prisma/generated/sqlite/client.ts";
import { onEachDatabase } from "../../../test/orm/prisma/each.ts";
import { contractModels } from "../../../test/orm/prisma/harness.ts";
import { describePostgres } from "../../../test/services/describe-postgres.ts";
import { prisma } from "../prisma.ts";

const everything = {
  id: 1,
  big: 9007199254740993n,
  price: "1234567890123456.7891",
  bytes: new Uint8Array([0, 255, 104]),
  data: { list: [1, "two", null, { deep: true }], text: "O'Brien" },
  at: new Date(1_700_000_000_123),
};
const nothing = { id: 2, big: null, price: null, bytes: null, data: null, at: null };

onEachDatabase((withDatabase, name) => {
  test("what JSON loses is exact from row to fields to row", () =>
    withDatabase(async ({ client }) => {
      const adapter = prisma(client, contractModels);
      await adapter.save("qa.Sample", everything);
      const row = await client.sample.findFirstOrThrow();
      expect(row).toMatchObject({ big: 9007199254740993n, data: everything.data, at: everything.at });
      const fields = adapter.fieldsOf("qa.Sample", row);
      expect(fields).toEqual(everything);
      expect(typeof fields["price"]).toBe("string");

      const detached = adapter.entityOf("qa.Sample", fields);
      expect(adapter.fieldsOf("qa.Sample", detached)).toEqual(everything);
      await client.sample.deleteMany();
      await adapter.save("qa.Sample", adapter.fieldsOf("qa.Sample", detached));
      expect(adapter.fieldsOf("qa.Sample", await client.sample.findFirstOrThrow())).toEqual(everything);
    }));

  test("nulls are saved, of a new row and over what was there", () =>
    withDatabase(async ({ client }) => {
      const adapter = prisma(client, contractModels);
      await adapter.save("qa.Sample", nothing);
      await adapter.save("qa.Sample", { ...everything, id: 3 });
      await adapter.save("qa.Sample", { ...nothing, id: 3 });
      const rows = await client.sample.findMany({ orderBy: { id: "asc" } });
      expect(rows).toEqual([nothing, { ...nothing, id: 3 }]);
      // SQL's null, not JSON's.
      expect(await client.sample.count({ where: { data: { equals: SqlitePrisma.DbNull } } })).toBe(2);
    }));

  test("save leaves alone what is not among the fields, and what is no column of the model", () =>
    withDatabase(async ({ client }) => {
      const adapter = prisma(client, contractModels);
      await adapter.save("qa.Sample", everything);
      await adapter.save("qa.Sample", { id: 1, big: 5n, gone: "a column of yesterday" });
      const row = await client.sample.findFirstOrThrow();
      expect(adapter.fieldsOf("qa.Sample", row)).toEqual({ ...everything, big: 5n });
    }));

  test("save of a part inserts a row where it may, and says what is missing where not", () =>
    withDatabase(async ({ client }) => {
      const adapter = prisma(client, contractModels);
      await adapter.save("qa.Post", { id: 1, title: "new" });
      expect(await client.post.findFirstOrThrow()).toMatchObject({
        title: "new",
        revision: 1,
        authorId: null,
      });
      await adapter.save("qa.Post", { id: 1, revision: 7 });
      expect(await client.post.findFirstOrThrow()).toMatchObject({ title: "new", revision: 7 });
      await expect(adapter.save("qa.Post", { id: 2, revision: 1 })).rejects.toThrow(
        "Argument `title` is missing",
      );
    }));

  test("save with a key of two fields, and in a transaction", () =>
    withDatabase(async ({ client }) => {
      const adapter = prisma(client, contractModels);
      const key = { userId: 1, groupName: "a" };
      await adapter.save("qa.Membership", { ...key, body: "first" });
      await adapter.save("qa.Membership", { ...key, body: "edited" });
      expect(await client.membership.findMany()).toEqual([{ ...key, body: "edited" }]);
      const failed = adapter.transaction(client, async (transaction) => {
        await adapter.save(
          "qa.Membership",
          { ...key, body: "rolled back" },
          { transaction: transaction as object },
        );
        throw new Error("changed my mind");
      });
      await expect(failed).rejects.toThrow("changed my mind");
      expect(await client.membership.findMany()).toEqual([{ ...key, body: "edited" }]);
      await expect(adapter.save("qa.Membership", { userId: 1, body: "no group" })).rejects.toMatchObject({
        code: "ERR_REFERENCE_KEY",
        message: expect.stringContaining('"userId", "groupName"'),
      });
    }));

  test("fields are the columns that are there: no relations, nothing that was not loaded", () =>
    withDatabase(async ({ client }) => {
      const adapter = prisma(client, contractModels);
      await client.author.create({
        data: { id: 1, name: "Ada", posts: { create: [{ id: 5, title: "t" }] } },
      });
      const post = await client.post.findFirstOrThrow({ include: { author: true } });
      const whole = { id: 5, title: "t", authorId: 1, revision: 1, deletedAt: null };
      expect(adapter.fieldsOf("qa.Post", post)).toEqual(whole);
      const part = await client.post.findFirstOrThrow({ select: { id: true, author: true } });
      expect(adapter.fieldsOf("qa.Post", part)).toEqual({ id: 5 });
    }));

  test("SQL runs on the connection, and in a transaction", () =>
    withDatabase(async ({ client }) => {
      const { sql } = prisma(client, contractModels);
      const [one, two] = name === "SQLite" ? ["?", "?"] : ["$1::integer", "$2"];
      const insert = `insert into comments (comment_id, comment_body) values (${one}, ${two})`;
      expect(sql?.dialect).toBe(name === "SQLite" ? "sqlite" : "postgres");
      expect(await sql?.query(insert, [1, "first"])).toEqual([]);
      const failed = client.$transaction(async (transaction) => {
        await sql?.query(insert, [2, "second"], { transaction });
        expect(await sql?.query("select count(*) as n from comments", [], { transaction })).toEqual([
          { n: 2n },
        ]);
        throw new Error("changed my mind");
      });
      await expect(failed).rejects.toThrow("changed my mind");
      expect(await sql?.query(`${insert} returning comment_id`, [3, "O'Brien"])).toEqual([{ comment_id: 3 }]);
      expect(await sql?.query("select * from comments order by 1", [])).toEqual([
        { comment_id: 1, comment_body: "first" },
        { comment_id: 3, comment_body: "O'Brien" },
      ]);
    }));
});

describePostgres("columns of PostgreSQL", (createDatabase) => {
  let client: KeysClient;
  beforeAll(async () => {
    client = new KeysClient({ adapter: new PrismaPg({ connectionString: await createDatabase() }) });
    for (const statement of [
      "create type \"Size\" as enum ('small', 'very large')",
      "create table tokens (id uuid primary key, note text not null)",
      "create table smalls (id smallint primary key, note text not null)",
      "create table bigs (id bigint primary key, note text not null)",
      `create table shirts (size "Size", color text, note text not null, primary key (size, color))`,
      `create table prices (product text, currency text, amount numeric(40, 10) not null, steps numeric(40, 10)[],
        required jsonb not null, tags text[], changed timestamptz not null, unique (product, currency))`,
    ]) {
      await client.$executeRawUnsafe(statement);
    }
  });
  afterAll(async () => {
    await client.$disconnect();
  });

  test("a key that the column cannot hold is a missing row, and fails no other", async () => {
    const adapter = prisma(client, { Token: "token", Small: "small", Big: "big", Shirt: "shirt" });
    const id = "123e4567-e89b-12d3-a456-426614174000";
    await client.token.create({ data: { id, note: "t" } });
    await client.small.create({ data: { id: 7, note: "s" } });
    await client.big.create({ data: { id: 2n ** 62n + 1n, note: "b" } });
    await client.shirt.create({ data: { size: "large", color: "red", note: "l" } });
    const notes = async (model: string, keys: readonly (string | number | bigint | object)[]) =>
      (await adapter.load(model, keys as never)).map((row) => Reflect.get(row, "note"));
    expect(await notes("Token", [id, "nope", "", 7, `${id}0`])).toEqual(["t"]);
    expect(await notes("Small", [7, 40_000, -40_000, "7.5", "x"])).toEqual(["s"]);
    expect(await notes("Big", [2n ** 62n + 1n, 2n ** 63n, String(2n ** 62n)])).toEqual(["b"]);
    const shirts = ["large", "very large", "huge", "small"].map((size) => ({ size, color: "red" }));
    expect(await notes("Shirt", shirts)).toEqual(["l"]);
    expect(await notes("Shirt", [{ size: "large", color: "nul \0" }])).toEqual([]);
  });

  test("decimals, lists, JSON that must not be null, and a key that has a name", async () => {
    const models = {
      Price: { model: "price", key: ["product", "currency"], version: "changed" },
      Shirt: "shirt",
    } as const;
    const adapter = prisma(client, models, { Decimal: Prisma.Decimal });
    const fields = {
      product: "tea",
      currency: "EUR",
      amount: "123456789012345678901234567.0123456789",
      steps: ["0.0000000001", "-5"],
      required: null,
      tags: ["a", "b"],
      changed: new Date(5),
    };
    await adapter.save("Price", fields);
    await adapter.save("Price", { ...fields, tags: ["c"] });
    const row = await client.price.findFirstOrThrow();
    expect(row.amount).toBeInstanceOf(Prisma.Decimal);
    expect(adapter.fieldsOf("Price", row)).toEqual({ ...fields, tags: ["c"] });
    const detached = adapter.entityOf("Price", fields);
    expect(detached).toEqual({ ...row, tags: ["a", "b"] });
    expect(Reflect.get(detached, "amount")).toBeInstanceOf(Prisma.Decimal);
    await adapter.save("Price", detached as Record<string, unknown>);
    expect(await client.price.count()).toBe(1);

    const shirt = { size: "small", color: "blue", note: "s" };
    await adapter.save("Shirt", shirt);
    await adapter.save("Shirt", { ...shirt, note: "edited" });
    expect(await client.shirt.findFirstOrThrow({ where: { size: "small" } })).toEqual({
      ...shirt,
      note: "edited",
    });
  });
});

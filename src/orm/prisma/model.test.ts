import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import { PrismaPg } from "@prisma/adapter-pg";
import { describe, expect, test } from "vitest";
import { openSqlite } from "../../../test/orm/prisma/database.ts";
import { PrismaClient as KeysClient } from "../../../test/orm/prisma/generated/keys/client.ts";
import { PrismaClient as SqliteClient } from "../../../test/orm/prisma/generated/sqlite/client.ts";
import { Reference, ref } from "../../model/ref.ts";
import { prisma, rows } from "../prisma.ts";

// They are never connected.
const client = new SqliteClient({ adapter: new PrismaBetterSqlite3({ url: "file:nowhere.db" }) });
const keys = new KeysClient({ adapter: new PrismaPg({ connectionString: "postgres://nowhere" }) });

describe("a model", () => {
  test("has its key, its columns and its table from the client", () => {
    const [member] = prisma(client, { "qa.Member": "membership" }).models;
    expect(member).toEqual({
      name: "qa.Member",
      target: { model: "qa.Member", delegate: "membership" },
      key: ["userId", "groupName"],
      fields: ["userId", "groupName", "body"],
      table: {
        name: "memberships",
        columns: { userId: "user_id", groupName: "group_name", body: "body" },
      },
    });
    const [post] = prisma(client, { "qa.Post": { model: "post", version: "revision" } }).models;
    expect(post).toMatchObject({ key: ["id"], version: "revision" });
    expect(post?.fields).toEqual(["id", "title", "authorId", "revision", "deletedAt"]);
  });

  test("may have another unique key, and PostgreSQL's xmin for its version", () => {
    const [price] = prisma(keys, {
      Price: { model: "price", key: ["currency", "product"], version: "xmin" },
    }).models;
    expect(price).toMatchObject({ key: ["currency", "product"], version: "xmin" });
  });

  test("may be there under two names, each with its target", () => {
    const models = prisma(client, { "qa.Comment": "comment", "old.Comment": "comment" });
    expect(ref(models.target("qa.Comment"), 7)).toEqual(new Reference("qa.Comment", 7));
    expect(ref(models.target("old.Comment"), { id: 7 })).toEqual(new Reference("old.Comment", 7));
    // @ts-expect-error no such name
    expect(() => models.target("nope")).toThrow(expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" }));
  });

  test.each<[string, unknown, RegExp]>([
    ["what the client does not have", "nope", /received string "nope".*The client's are "comment", "tag"/],
    ["Prisma's own name of it", "Comment", /received string "Comment"/],
    ["a function of the client", "$transaction", /expected the name of a model/],
    ["no name", 7, /received number 7/],
    ["nothing", null, /received null/],
    ["a delegate", client.comment, /expected the name of a model/],
    [
      "a key that is not there",
      { model: "comment", key: ["nope"] },
      /its key names .*"nope".* It has "id", "body"/,
    ],
    ["an empty key", { model: "comment", key: [] }, /State which fields identify a row/],
    ["a key that is a relation", { model: "post", key: ["author"] }, /its key names .*"author"/],
    [
      "a version that is not there",
      { model: "comment", version: "nope" },
      /its version is .*"nope".* It has "id"/,
    ],
    ["xmin on SQLite", { model: "comment", version: "xmin" }, /`xmin` is PostgreSQL's/],
  ])("is refused when it is %s", (_, model, message) => {
    const define = () => prisma(client, { "qa.X": model } as never);
    expect(define).toThrow(expect.objectContaining({ code: "ERR_MODEL_DEFINITION" }));
    expect(define).toThrow(message);
  });

  test("is refused without a primary key, or with one that a reference cannot carry", () => {
    expect(() => prisma(keys, { Price: "price" })).toThrow(
      /the model Price has no primary key\. State which fields.*\{ model: "price", key: \["product", "currency"/,
    );
    expect(() => prisma(keys, { Event: "event" })).toThrow(/its key "at" is a DateTime/);
  });

  test("whose client shows no schema needs its key stated", async () => {
    const database = await openSqlite();
    try {
      const { client } = database;
      Object.assign(Reflect.get(client, "_engineConfig") as object, { inlineSchema: "" });
      expect(() => prisma(client, { "qa.Member": "membership" })).toThrow(
        /does not show its schema.*\{ model: "membership", key: \["userId", "groupName", "body"\] \}/,
      );
      const key = { userId: 1, groupName: "a" };
      const adapter = prisma(client, { "qa.Member": { model: "membership", key: ["userId", "groupName"] } });
      await adapter.save("qa.Member", { ...key, body: "first" });
      expect(await adapter.load("qa.Member", [key])).toEqual([{ ...key, body: "first" }]);
    } finally {
      await database.close();
    }
  });
});

describe("prisma()", () => {
  test("refuses what is no client, or of a transaction", async () => {
    for (const wrong of [undefined, null, {}, "db", () => undefined, client.comment]) {
      const make = () => prisma(wrong as never, {});
      expect(make).toThrow(expect.objectContaining({ code: "ERR_MODEL_DEFINITION" }));
      expect(make).toThrow(/expected a Prisma client as the first parameter; received/);
    }
    expect(() => prisma(client, {}, { replica: {} as never })).toThrow(/`replica` must be/);
    expect(() => prisma(client, {}, { replica: keys })).toThrow(/the same kind of database/);
    expect(() => prisma(client, {}, { connection: "" })).toThrow(
      /`connection` must be a name; received string/,
    );
    expect(() => prisma(client, {}, { decimal: 7 } as never)).toThrow(
      /options are connection, replica, Decimal;/,
    );
    expect(() => prisma(client, {}, { Decimal: 7 as never })).toThrow(/Prisma\.Decimal; received number/);
    const blind = { $transaction: () => 1, $queryRawUnsafe: () => 1, $connect: () => 1 };
    expect(() => prisma(blind, {})).toThrow(/does not describe its models.*_runtimeDataModel/s);
    const database = await openSqlite();
    try {
      await database.client.$transaction(async (tx) => {
        expect(() => prisma(tx, {})).toThrow(/the client of a transaction/);
      });
    } finally {
      await database.close();
    }
  });

  test("a name that is no model of it is refused everywhere", async () => {
    const adapter = prisma(client, { "qa.Comment": "comment" });
    const unknown = expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" });
    await expect(adapter.load("qa.Nope", [1])).rejects.toEqual(unknown);
    await expect(adapter.save("qa.Nope", {})).rejects.toEqual(unknown);
    expect(() => adapter.keyOf("qa.Nope", {})).toThrow(unknown);
    expect(() => adapter.fieldsOf("qa.Nope", {})).toThrow(unknown);
    expect(() => adapter.entityOf("qa.Nope", {})).toThrow(unknown);
  });

  test("says what the database and the driver can do", () => {
    const sqlite = prisma(client.$extends(rows()), {}, { connection: "main" });
    expect(sqlite.connection).toBe("main");
    expect(sqlite.capabilities).toEqual({
      recognisesRows: "plain",
      serialTransactions: true,
      lacks: { replica: expect.any(String) },
    });
    const postgres = prisma(keys, {});
    expect("connection" in postgres).toBe(false);
    expect(postgres.capabilities).toEqual({
      recognisesRows: false,
      serialTransactions: false,
      lacks: { replica: expect.any(String), saveEvents: expect.any(String) },
    });
  });

  test("D1 has no transactions to be used, and says so", async () => {
    const d1 = new SqliteClient({
      adapter: {
        provider: "sqlite",
        adapterName: "@prisma/adapter-d1",
        connect: () => Promise.reject(new Error("no")),
      },
    });
    const adapter = prisma(d1, {});
    expect(adapter.capabilities.lacks.transaction).toContain("$transaction([…])");
    await expect(adapter.transaction(d1, async () => expect.unreachable())).rejects.toMatchObject({
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringContaining("D1"),
    });
  });
});

test("trap: on SQLite a Decimal is a double, and digits are lost", async () => {
  const database = await openSqlite();
  try {
    await database.client.$executeRawUnsafe("create table measures (id integer primary key, price text)");
    const adapter = prisma(database.client, { Measure: "measure" });
    await adapter.save("Measure", { id: 1, price: "1234567890123456.7891" });
    const row = await database.client.measure.findFirstOrThrow();
    expect(adapter.fieldsOf("Measure", row)).toEqual({ id: 1, price: "1234567890123456.8" });
  } finally {
    await database.close();
  }
});

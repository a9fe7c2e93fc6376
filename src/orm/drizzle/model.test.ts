import { drizzle as libsql } from "drizzle-orm/libsql";
import { drizzle as nodePostgres } from "drizzle-orm/node-postgres";
import * as pg from "drizzle-orm/pg-core";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { describe, expect, test } from "vitest";
import { sqliteModels } from "../../../test/orm/drizzle.ts";
import { drizzle } from "../drizzle.ts";

const db = libsql(":memory:");
const posts = sqliteModels["qa.Post"];

describe("a model's description", () => {
  test("has its fields and its table, by the names of both", () => {
    expect(drizzle(db, { "qa.Post": posts }).models).toEqual([
      {
        name: "qa.Post",
        target: posts,
        key: ["id"],
        fields: ["id", "title", "authorId", "revision", "deletedAt"],
        table: {
          name: "posts",
          columns: {
            id: "id",
            title: "title",
            authorId: "author_id",
            revision: "revision",
            deletedAt: "deleted_at",
          },
        },
      },
    ]);
  });

  test("has the schema that a table states, and the names that the db's casing makes", () => {
    const orders = pg.pgSchema("shop").table("orders", {
      orderId: pg.integer().primaryKey(),
      paidAt: pg.timestamp("when_paid"),
    });
    const cased = nodePostgres.mock({ casing: "snake_case" });
    expect(drizzle(cased, { "shop.Order": orders }).models[0]?.table).toEqual({
      schema: "shop",
      name: "orders",
      columns: { orderId: "order_id", paidAt: "when_paid" },
    });
  });

  test("has the version that is stated, with the key or without", () => {
    const named = { table: posts, version: "revision" } as const;
    expect(drizzle(db, { "qa.Post": named }).models[0]).toMatchObject({ version: "revision", key: ["id"] });
    const keyed = { ...named, key: ["title"] } as const;
    expect(drizzle(db, { "qa.Post": keyed }).models[0]).toMatchObject({
      version: "revision",
      key: ["title"],
    });
    expect(drizzle(db, { "qa.Post": posts }).models[0]?.version).toBeUndefined();
  });

  test("has PostgreSQL's own version there alone, or a column of that name anywhere", () => {
    const rows = pg.pgTable("rows", { id: pg.integer().primaryKey() });
    const adapter = drizzle(nodePostgres.mock(), { "x.Row": { table: rows, version: "xmin" } });
    expect(adapter.models[0]?.version).toBe("xmin");
    expect(() => drizzle(db, { "qa.Post": { table: posts, version: "xmin" } })).toThrow(
      /"qa\.Post".*"xmin" is PostgreSQL's own/,
    );
    const own = sqliteTable("rows", { id: integer().primaryKey(), xmin: text() });
    expect(drizzle(db, { "x.Row": { table: own, version: "xmin" } }).models[0]?.version).toBe("xmin");
  });

  test.each([
    ["a version that is no column", { table: posts, version: "nope" }, /"qa\.Post".*string "nope"/],
    ["a version of another kind", { table: posts, version: 7 }, /number 7/],
    ["what is not known", { table: posts, kye: ["id"] }, /\{ table, key\?, version\? \}.*"kye"/],
    ["a table that is none", { table: {} }, /expected a Drizzle table/],
    ["no object", "posts", /expected a Drizzle table; received string "posts"/],
    ["nothing", undefined, /expected a Drizzle table; received undefined/],
    ["no table", { table: null }, /expected a Drizzle table; received null/],
    ["a key of another kind", { table: posts, key: "id" }, /`key`.*array.*string "id"/],
  ])("is refused with %s", (_, model, message) => {
    const define = () => drizzle(db, { "qa.Post": model as never });
    expect(define).toThrow(expect.objectContaining({ code: "ERR_MODEL_DEFINITION" }));
    expect(define).toThrow(message);
  });
});

describe("the adapter's settings", () => {
  test("name the connection", () => {
    expect(drizzle(db, {}, { connection: "archive" }).connection).toBe("archive");
    expect(drizzle(db, {}).connection).toBeUndefined();
    expect("connection" in drizzle(db, {})).toBe(false);
  });

  test.each([
    ["a db that is none", [{}, {}], /expected a database.*received object/],
    ["no db", [undefined, {}], /expected a database.*received undefined/],
    ["a client in the place of the db", [db.$client, {}], /expected a database/],
    ["a table in the place of the db", [posts, {}], /expected a database/],
    ["a connection that has no name", [db, {}, { connection: "" }], /`connection`.*string ""/],
    [
      "an option that there is not",
      [db, {}, { conection: "a" }],
      /options are connection, replica, operators; /,
    ],
    ["a connection of another kind", [db, {}, { connection: 7 }], /`connection`.*number 7/],
    ["a replica that is none", [db, {}, { replica: {} }], /`replica`/],
    ["a replica of another kind", [db, {}, { replica: nodePostgres.mock() }], /`replica`/],
  ])("are refused with %s", (_, parameters, message) => {
    const define = () => Reflect.apply(drizzle, undefined, parameters) as unknown;
    expect(define).toThrow(expect.objectContaining({ code: "ERR_MODEL_DEFINITION" }));
    expect(define).toThrow(message);
  });
});

describe("a row", () => {
  const adapter = drizzle(db, sqliteModels);

  test("has those fields that are columns and were loaded", () => {
    const row = {
      id: 1,
      title: "a",
      authorId: null,
      revision: undefined,
      author: { id: 2 },
      toJSON: () => "no",
    };
    const expected = { id: 1, title: "a", authorId: null };
    expect(adapter.fieldsOf("qa.Post", row)).toEqual(expected);
    expect(Object.keys(adapter.fieldsOf("qa.Post", row))).toEqual(["id", "title", "authorId"]);
    expect(adapter.entityOf("qa.Post", row)).toEqual(expected);
  });

  test("that inherits what a column is called has no such field", () => {
    const odd = sqliteTable("odd", {
      id: integer().primaryKey(),
      constructor: text(),
      ["__proto__"]: text("proto"),
    });
    const fields = drizzle(db, { "x.Odd": odd }).fieldsOf("x.Odd", { id: 1 });
    expect(Object.keys(fields)).toEqual(["id"]);
  });

  test("of a model that is not known is refused", async () => {
    const refused = { code: "ERR_MODEL_UNKNOWN", message: expect.stringContaining('"qa.Nope"') };
    const row = { id: 1 };
    for (const ask of [adapter.keyOf, adapter.fieldsOf, adapter.entityOf]) {
      expect(() => ask("qa.Nope", row)).toThrow(expect.objectContaining(refused));
    }
    await expect(adapter.load("qa.Nope", [1])).rejects.toMatchObject(refused);
    await expect(adapter.save("qa.Nope", row)).rejects.toMatchObject(refused);
  });

  test("is asked for, or saved, in a transaction of this database only", async () => {
    const other = libsql(":memory:");
    const refused = {
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringContaining("this adapter's db"),
    };
    for (const transaction of [other, {}]) {
      await expect(adapter.load("qa.Post", [1], { transaction })).rejects.toMatchObject(refused);
      await expect(adapter.save("qa.Post", { id: 1 }, { transaction })).rejects.toMatchObject(refused);
      await expect(adapter.transaction(transaction, async () => undefined)).rejects.toMatchObject(refused);
    }
  });

  test.each([
    [{ from: "nearest" }, /`from`.*"primary" or "replica".*string "nearest"/],
    [{ scope: "deleted" }, /`scope`.*"default" or "all".*string "deleted"/],
    [{ with: "author" }, /`with` must be a list.*string "author"/],
  ])("is not loaded with %j", async (options, message) => {
    await expect(adapter.load("qa.Post", [1], options as never)).rejects.toMatchObject({
      code: "ERR_MODEL_DEFINITION",
      message: expect.stringMatching(message),
    });
  });
});

import { createRequire } from "node:module";
import { createClient } from "@libsql/client";
import { eq, inArray, sql } from "drizzle-orm";
import type * as drizzleOrm from "drizzle-orm";
import { drizzle as libsql, type LibSQLDatabase } from "drizzle-orm/libsql";
import * as mysql from "drizzle-orm/mysql-core";
import * as pg from "drizzle-orm/pg-core";
import { blob, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { describe, expect, test } from "vitest";
import { openSqlite, sqliteModels } from "../../test/orm/drizzle.ts";
import { sqliteTables } from "../../test/orm/contract-tables.ts";
import { loadReferences } from "../model/loader.ts";
import { Reference, ref } from "../model/ref.ts";
import { type DrizzleOperators, type DrizzleTableLike, drizzle } from "./drizzle.ts";

const { "qa.Comment": comments, "qa.Membership": memberships } = sqliteModels;
const tables = sqliteModels;

describe("the key of a table", () => {
  const db = libsql(":memory:");
  const keyOfModel = (target: DrizzleTableLike) => drizzle(db, { model: target }).models[0]?.key;

  test("is its primary column, by the property's name", () => {
    expect(keyOfModel(comments)).toEqual(["id"]);
    expect(keyOfModel(pg.pgTable("t", { key: pg.uuid("the_key").primaryKey() }))).toEqual(["key"]);
    expect(
      keyOfModel(mysql.mysqlTable("t", { id: mysql.bigint("id", { mode: "bigint" }).primaryKey() })),
    ).toEqual(["id"]);
  });

  test("is read from the table's third argument, of every dialect and in both its forms", () => {
    expect(keyOfModel(memberships)).toEqual(["userId", "groupName"]);
    const objectForm = sqliteTable("t", { a: integer("x"), b: integer("y") }, (table) => ({
      key: primaryKey({ columns: [table.b, table.a], name: "named" }),
    }));
    expect(keyOfModel(objectForm)).toEqual(["b", "a"]);
    const columns = { a: pg.integer("x"), b: pg.integer() };
    const postgres = pg.pgTable("t", columns, (table) => [
      pg.index("by_b").on(table.b),
      pg.primaryKey({ columns: [table.a, table.b] }),
    ]);
    expect(keyOfModel(postgres)).toEqual(["a", "b"]);
    const my = mysql.mysqlTable("t", { a: mysql.int(), b: mysql.int() }, (table) => [
      mysql.primaryKey({ columns: [table.a, table.b] }),
    ]);
    expect(keyOfModel(my)).toEqual(["a", "b"]);
  });

  test.each([mysql.binary({ length: 16 }), mysql.varbinary({ length: 16 })])("bytes are none", (id) => {
    expect(() => keyOfModel(mysql.mysqlTable("t", { id: id.primaryKey() }))).toThrow(
      /\(bytes\).*a customType/,
    );
    const text = mysql.customType<{ data: string }>({ dataType: () => "binary(16)" });
    expect(keyOfModel(mysql.mysqlTable("t", { id: text().primaryKey() }))).toEqual(["id"]);
  });

  test("can be stated", () => {
    const plain = sqliteTable("t", { a: integer(), table: text(), key: text() });
    const adapter = drizzle(db, { "x.Y": { table: plain, key: ["a", "key"] } });
    expect(adapter.models[0]?.key).toEqual(["a", "key"]);
  });

  test("is asked for when there is none", () => {
    const plain = sqliteTable("t", { a: integer() });
    expect(() => drizzle(db, { "x.Y": plain })).toThrow(/"x\.Y": the table has no primary key.*key: \[/);
    expect(() => drizzle(db, { "x.Y": { table: plain, key: ["a"] } })).not.toThrow();
  });

  test.each([
    ["a date", sqliteTable("t", { at: integer({ mode: "timestamp" }).primaryKey() }), /"at".*date/],
    ["a boolean", sqliteTable("t", { on: integer({ mode: "boolean" }).primaryKey() }), /"on".*boolean/],
    ["bytes", sqliteTable("t", { hash: blob({ mode: "buffer" }).primaryKey() }), /"hash".*buffer/],
  ])("is refused when it is %s", (_, table, message) => {
    expect(() => drizzle(db, { "x.Y": table })).toThrow(
      expect.objectContaining({ code: "ERR_MODEL_DEFINITION" }),
    );
    expect(() => drizzle(db, { "x.Y": table })).toThrow(message);
  });

  test("is refused when what is stated is not there, or not a table", () => {
    // @ts-expect-error `nope` is not a column
    expect(() => drizzle(db, { "x.Y": { table: comments, key: ["nope"] } })).toThrow(/"nope"/);
    // @ts-expect-error not a table
    expect(() => drizzle(db, { "x.Y": new Date() })).toThrow(/received Date/);
  });
});

describe("on libsql", () => {
  test("keys wider than a number are exact", async () => {
    const big = sqliteTable("big", { id: blob({ mode: "bigint" }).primaryKey() });
    await withDatabase(async (db) => {
      await db.run(sql`create table big (id blob primary key)`);
      const [row] = await db.insert(big).values({ id: 9007199254740993n }).returning();
      const adapter = drizzle(db, { "x.Big": big });
      const { rowOf, missing } = await loadReferences([adapter], [ref(big, row ?? {})]);
      expect(missing).toEqual([]);
      expect(rowOf(ref(big, 9007199254740993n))).toEqual({ id: 9007199254740993n });
    });
  });

  test("trap: an integer wider than a number cannot be read, and is an error, never another number", async () => {
    const wide = sqliteTable("wide", { id: integer().primaryKey(), big: integer() });
    await withDatabase(async (db) => {
      await db.run(sql`create table wide (id integer primary key, big integer)`);
      await db.run(sql`insert into wide values (1, 9007199254740993)`);
      await expect(drizzle(db, { "x.Wide": wide }).load("x.Wide", [1])).rejects.toThrow();
    });
  });

  test("rows are what a select gives, with dates, booleans and JSON", async () => {
    const rich = sqliteTable("rich", {
      id: integer().primaryKey(),
      at: integer({ mode: "timestamp_ms" }),
      isOpen: integer("is_open", { mode: "boolean" }),
      data: text({ mode: "json" }),
    });
    await withDatabase(async (db) => {
      await db.run(sql`create table rich (id integer primary key, at integer, is_open integer, data text)`);
      await db.insert(rich).values({ id: 1, at: new Date(5), isOpen: true, data: { deep: [1] } });
      const rows = await drizzle(db, { "x.Rich": rich }).load("x.Rich", [1]);
      expect(rows).toEqual(await db.select().from(rich));
    });
  });

  test("a row arrives from the database, not from Drizzle's cache", async () => {
    const cache = new Map<string, unknown[]>();
    const everything = {
      strategy: () => "all" as const,
      get: async (key: string) => cache.get(key),
      put: async (key: string, rows: unknown[]) => void cache.set(key, rows),
      onMutate: async () => undefined,
    };
    await withDatabase(async (plain, client) => {
      const db = libsql(client, { cache: everything });
      const adapter = drizzle(db, tables);
      await plain.insert(comments).values({ id: 1, body: "first" });
      const isFirst = eq(comments.id, 1);
      await db.select().from(comments).where(isFirst);
      await adapter.load("qa.Comment", [1]);
      await plain.update(comments).set({ body: "second" });
      // Drizzle itself is stale, or this test shows nothing.
      expect(await db.select().from(comments).where(isFirst)).toEqual([{ id: 1, body: "first" }]);
      expect(await adapter.load("qa.Comment", [1])).toEqual([{ id: 1, body: "second" }]);
    });
  });

  test("Drizzle's own transactions are owned, another database's are not", async () => {
    await withDatabase(async (db) => {
      const adapter = drizzle(db, tables);
      await db.transaction(async (transaction) => {
        expect(adapter.owns(transaction)).toBe(true);
        await transaction.transaction(async (nested) => expect(adapter.owns(nested)).toBe(true));
      });
      await withDatabase(async (other) => {
        expect(adapter.owns(other)).toBe(false);
        await other.transaction(async (transaction) => expect(adapter.owns(transaction)).toBe(false));
      });
    });
  });

  test("the error of the function arrives even when rolling back fails", async () => {
    await withDatabase(async (db, client) => {
      const failure = new Error("the cause");
      const outcome = drizzle(db, tables).transaction(db, async () => {
        client.close();
        throw failure;
      });
      await expect(outcome).rejects.toBe(failure);
    });
  });

  test("trap: the db inside a transaction is another connection, which cannot write", async () => {
    await withDatabase(async (db) => {
      await drizzle(db, tables).transaction(db, async (transaction) => {
        await (transaction as typeof db).insert(comments).values({ id: 1, body: "inside" });
        expect(await db.select().from(comments)).toEqual([]);
        await expect(db.insert(comments).values({ id: 2, body: "outside" })).rejects.toMatchObject({
          cause: { code: "SQLITE_BUSY" },
        });
      });
      expect(await db.select().from(comments)).toHaveLength(1);
    });
  });

  test("trap: an in-memory database is one connection, which a transaction keeps from everyone", async () => {
    const client = createClient({ url: ":memory:" });
    await client.executeMultiple(sqliteTables);
    const db = libsql(client);
    const adapter = drizzle(db, tables);
    await adapter.transaction(db, async (transaction) => {
      await (transaction as typeof db).insert(comments).values({ id: 1, body: "inside" });
      await expect(loadReferences([adapter], [new Reference("qa.Comment", 1)])).rejects.toMatchObject({
        code: "ERR_DATABASE_UNREACHABLE",
        message: expect.stringContaining("TRANSACTION_ACTIVE"),
      });
    });
    expect(await adapter.load("qa.Comment", [1])).toHaveLength(1);
  });

  test("operators can be given, and be those of another copy of Drizzle", async () => {
    // The CommonJS build has classes of its own.
    const copy = createRequire(import.meta.url)("drizzle-orm") as typeof drizzleOrm;
    expect(copy.inArray).not.toBe(inArray);
    let calls = 0;
    const operators: DrizzleOperators = {
      inArray: (column, values) => {
        calls += 1;
        return copy.inArray(column as typeof comments.id, values);
      },
      eq: copy.eq,
      and: copy.and,
      or: copy.or,
    };
    await withDatabase(async (db) => {
      const adapter = drizzle(db, tables, { operators });
      await db.insert(comments).values({ id: 1, body: "first" });
      await db.insert(memberships).values({ userId: 1, groupName: "a", body: "member" });
      expect(await adapter.load("qa.Comment", [1, 2])).toEqual([{ id: 1, body: "first" }]);
      const keys = [1, 2, 3].map((userId) => ({ userId, groupName: "a" }));
      expect(await adapter.load("qa.Membership", keys)).toHaveLength(1);
    });
    expect(calls).toBe(1);
  });
});

async function withDatabase(
  run: (db: LibSQLDatabase, client: ReturnType<typeof createClient>) => Promise<void>,
): Promise<void> {
  const { client, close } = await openSqlite();
  try {
    await run(libsql(client), client);
  } finally {
    await close();
  }
}

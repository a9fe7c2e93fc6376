import { sql } from "drizzle-orm";
import { drizzle as mysqlProxy } from "drizzle-orm/mysql-proxy";
import * as mysql from "drizzle-orm/mysql-core";
import * as pg from "drizzle-orm/pg-core";
import * as sqlite from "drizzle-orm/sqlite-core";
import { describe, expect, test } from "vitest";
import { describeDatabases } from "../../../test/orm/drizzle-databases.ts";
import { drizzle } from "../drizzle.ts";

describeDatabases("saving", ({ dialect, models, run, query }) => {
  const sample = {
    id: 1,
    big: 9007199254740993n,
    price: "1234567890123456.7890",
    bytes: new Uint8Array([0, 255, 10]),
    data: { deep: [1, null, "ü"], at: "2026-01-02" },
    at: new Date("2026-01-02T03:04:05.678Z"),
  };

  test(
    "inserts, and gives back what was saved, exactly",
    run(async (db) => {
      const adapter = drizzle(db, models);
      const empty = { id: 2, big: null, price: null, bytes: null, data: null, at: null };
      await adapter.save("qa.Sample", adapter.entityOf("qa.Sample", sample) as typeof sample);
      await adapter.save("qa.Sample", empty);
      const rows = await adapter.load("qa.Sample", [1, 2]);
      const fields = rows
        .map((row) => adapter.fieldsOf("qa.Sample", row))
        .sort((a, b) => Number(a["id"]) - Number(b["id"]));
      expect(fields).toEqual([{ ...sample, bytes: Buffer.from(sample.bytes) }, empty]);
    }),
  );

  test(
    "updates the row with the key, and leaves alone what is not among the fields",
    run(async (db) => {
      const adapter = drizzle(db, models);
      await adapter.save("qa.Sample", sample);
      await adapter.save("qa.Sample", { id: 1, price: "5.0000", data: undefined });
      expect(await adapter.load("qa.Sample", [1])).toEqual([
        { ...sample, bytes: Buffer.from(sample.bytes), price: "5.0000" },
      ]);
      // An insert would want the title, which must not be null.
      await adapter.save("qa.Post", { id: 7, title: "first", revision: 3 });
      await adapter.save("qa.Post", { id: 7, revision: 4 });
      expect(await adapter.load("qa.Post", [7])).toMatchObject([
        { title: "first", revision: 4, authorId: null },
      ]);
    }),
  );

  test(
    "with nothing but a key inserts what is not there",
    run(async (db) => {
      const named = tableOf(dialect);
      await query(db, "create table named (name text primary key, note text)");
      const adapter = drizzle(db, { "x.Named": named });
      for (const name of ["a", "a", "b"]) await adapter.save("x.Named", { name });
      await adapter.save("x.Named", { name: "a", note: "kept" });
      await adapter.save("x.Named", { name: "a" });
      expect(await query(db, "select * from named order by name")).toEqual([
        { name: "a", note: "kept" },
        { name: "b", note: null },
      ]);
    }),
  );

  test(
    "goes by all parts of the key",
    run(async (db) => {
      const adapter = drizzle(db, models);
      const key = { userId: 1, groupName: "a" };
      await adapter.save("qa.Membership", { ...key, body: "first" });
      await adapter.save("qa.Membership", { userId: 1, groupName: "b", body: "other" });
      await adapter.save("qa.Membership", { ...key, body: "second" });
      expect(await adapter.load("qa.Membership", [key])).toEqual([{ ...key, body: "second" }]);
      expect(await db.select().from(models["qa.Membership"])).toHaveLength(2);
    }),
  );

  test(
    "is done in the transaction that it is told",
    run(async (db) => {
      const adapter = drizzle(db, models);
      await expect(
        adapter.transaction(db, async (transaction) => {
          await adapter.save("qa.Comment", { id: 1, body: "first" }, { transaction: transaction as object });
          await adapter.save("qa.Comment", { id: 1, body: "second" }, { transaction: transaction as object });
          const inside = await adapter.load("qa.Comment", [1], { transaction: transaction as object });
          expect(inside).toEqual([{ id: 1, body: "second" }]);
          expect(await adapter.load("qa.Comment", [1])).toEqual([]);
          throw new Error("no");
        }),
      ).rejects.toThrow("no");
      expect(await adapter.load("qa.Comment", [1])).toEqual([]);
    }),
  );

  test(
    "leaves out what the database computes",
    run(async (db) => {
      const [columns, type] =
        dialect === "sqlite"
          ? [sqlite, sqlite.sqliteTable]
          : [pg as unknown as typeof sqlite, pg.pgTable as never];
      const squares = type("squares", {
        id: columns.integer().primaryKey(),
        side: columns.integer(),
        area: columns.integer().generatedAlwaysAs(sql`side * side`),
      });
      await query(
        db,
        "create table squares (id integer primary key, side integer, area integer generated always as (side * side) stored)",
      );
      const adapter = drizzle(db, { "x.Square": squares });
      await adapter.save("x.Square", { id: 1, side: 2, area: 5 });
      await adapter.save("x.Square", { id: 1, side: 3, area: 4 });
      expect(await adapter.load("x.Square", [1])).toEqual([{ id: 1, side: 3, area: 9 }]);
    }),
  );

  test(
    "needs the key",
    run(async (db) => {
      const adapter = drizzle(db, models);
      await expect(adapter.save("qa.Membership", { userId: 1, body: "first" })).rejects.toMatchObject({
        code: "ERR_REFERENCE_KEY",
        message: expect.stringMatching(/qa\.Membership.*"userId", "groupName"/),
      });
    }),
  );

  if (dialect === "postgres") {
    test(
      "of the same row by many at once leaves one",
      run(async (db) => {
        const adapter = drizzle(db, models);
        await Promise.all(["a", "b", "c", "d"].map((body) => adapter.save("qa.Comment", { id: 1, body })));
        expect(await adapter.load("qa.Comment", [1])).toHaveLength(1);
      }),
    );

    test(
      "keeps the number of a row whose numbers the database always makes",
      run(async (db) => {
        const numbered = pg.pgTable("numbered", {
          id: pg.integer().primaryKey().generatedAlwaysAsIdentity(),
          body: pg.text(),
        });
        await query(
          db,
          "create table numbered (id integer primary key generated always as identity, body text)",
        );
        const adapter = drizzle(db, { "x.Numbered": numbered });
        await adapter.save("x.Numbered", { id: 7, body: "first" });
        await adapter.save("x.Numbered", { id: 7, body: "second" });
        expect(await query(db, "select * from numbered")).toEqual([{ id: 7, body: "second" }]);
      }),
    );

    test(
      "trap: a JSON text that looks like JSON is saved as it is, and Drizzle reads it as what it looks like",
      run(async (db) => {
        const texts = pg.pgTable("samples", { id: pg.integer().primaryKey(), data: pg.jsonb() });
        const adapter = drizzle(db, { "x.Text": texts });
        await adapter.save("x.Text", { id: 1, data: "5" });
        expect(await query(db, "select jsonb_typeof(data) as type from samples")).toEqual([
          { type: "string" },
        ]);
        expect(await adapter.load("x.Text", [1])).toEqual([{ id: 1, data: 5 }]);
      }),
    );
  }
});

test("a time that no Date holds exactly is refused, with its column", async () => {
  const table = mysql.mysqlTable("events", { id: mysql.int().primaryKey(), at: mysql.timestamp() });
  const db = mysqlProxy(async () => ({ rows: [] }));
  const saved = drizzle(db, { "x.Event": table }).save("x.Event", {
    id: 1,
    at: "2026-01-02T03:04:05.678901+00:00",
  });
  await expect(saved).rejects.toMatchObject({
    code: "ERR_SNAPSHOT_FIELDS",
    message: expect.stringContaining("x.Event.at"),
  });
});

describe("saving on MySQL", () => {
  const table = mysql.mysqlTable("comments", {
    id: mysql.int("comment_id").primaryKey(),
    body: mysql.text(),
  });

  test.each([
    ["a row that is there", 1, 1],
    ["a row that is not", 0, 2],
  ])("%s takes %i of %i statements", async (_, affectedRows, statements) => {
    const sent: string[] = [];
    const db = mysqlProxy(async (text) => {
      sent.push(text);
      return { rows: [{ affectedRows }] as never };
    });
    await drizzle(db, { "qa.Comment": table }).save("qa.Comment", { id: 1, body: "first" });
    expect(sent).toEqual(
      [
        "update `comments` set `body` = ? where `comments`.`comment_id` in (?)",
        "insert into `comments` (`comment_id`, `body`) values (?, ?) on duplicate key update `body` = ?",
      ].slice(0, statements),
    );
  });
});

function tableOf(dialect: "sqlite" | "postgres") {
  return dialect === "sqlite"
    ? sqlite.sqliteTable("named", { name: sqlite.text().primaryKey(), note: sqlite.text() })
    : pg.pgTable("named", { name: pg.text().primaryKey(), note: pg.text() });
}

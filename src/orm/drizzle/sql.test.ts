import { drizzle as mysqlProxy } from "drizzle-orm/mysql-proxy";
import { drizzle as pgProxy } from "drizzle-orm/pg-proxy";
import { describe, expect, test } from "vitest";
import { describeDatabases } from "../../../test/orm/drizzle-databases.ts";
import { drizzle } from "../drizzle.ts";
import { runSql } from "./sql.ts";

describeDatabases("SQL", ({ dialect, models, run }) => {
  const place = (index: number): string => (dialect === "sqlite" ? "?" : `$${index}`);

  test(
    "has its parameters in the places of the dialect, and gives rows by column",
    run(async (db) => {
      const { sql } = drizzle(db, models);
      expect(sql?.dialect).toBe(dialect);
      const inserted = await sql?.query(
        `insert into comments (comment_id, comment_body) values (${place(1)}, ${place(2)})`,
        [1, "what? $1 :x 'quoted' \\ 🌱"],
      );
      expect(inserted).toEqual([]);
      const rows = await sql?.query(
        `select comment_id, comment_body, '?' as mark, 1 + 1 as two from comments where comment_id = ${place(1)}`,
        [1],
      );
      expect(rows).toEqual([
        { comment_id: 1, comment_body: "what? $1 :x 'quoted' \\ 🌱", mark: "?", two: 2 },
      ]);
      expect(Object.getPrototypeOf(rows?.[0])).toBe(Object.prototype);
      const returned = await sql?.query(
        `update comments set comment_body = ${place(1)} where comment_id = ${place(2)} returning comment_body`,
        ["again", 1],
      );
      expect(returned).toEqual([{ comment_body: "again" }]);
      const text = dialect === "sqlite" ? "select ? as empty" : "select $1::text as empty";
      expect(await sql?.query(text, [null])).toEqual([{ empty: null }]);
    }),
  );

  test(
    "is run in the transaction that it is told, and rejects with the database's error",
    run(async (db) => {
      const { sql } = drizzle(db, models);
      await expect(
        db.transaction(async (tx) => {
          await tx.transaction(async (inner) => {
            await sql?.query("insert into comments values (1, 'first')", [], { transaction: inner });
          });
          expect(await sql?.query("select * from comments", [], { transaction: tx })).toHaveLength(1);
          expect(await sql?.query("select * from comments", [])).toEqual([]);
          throw new Error("no");
        }),
      ).rejects.toThrow("no");
      expect(await sql?.query("select * from comments", [])).toEqual([]);
      await expect(sql?.query("select * from nowhere", [])).rejects.toThrow("nowhere");
      await expect(sql?.query("select 1", [], { transaction: {} })).rejects.toMatchObject({
        code: "ERR_TRANSACTION_UNSUPPORTED",
      });
    }),
  );
});

describe("what other drivers give", () => {
  const rows = [{ a: 1 }];
  const giving = (result: unknown) => ({ execute: async () => result }) as never;

  test.each([
    ["rows (postgres-js)", "postgres", rows, rows],
    ["a result with rows (pglite)", "postgres", { rows }, rows],
    ["rows and their columns (mysql2)", "mysql", [rows, []], rows],
    ["what was changed (mysql2)", "mysql", [{ affectedRows: 1 }, undefined], []],
    ["nothing", "postgres", undefined, []],
  ] as const)("%s", async (_, dialect, result, expected) => {
    expect(await runSql(giving(result), dialect, "select 1", [])).toEqual(expected);
  });

  test("and get: the text and the parameters as they are", async () => {
    const sent: unknown[] = [];
    const answer = async (...query: unknown[]) => {
      sent.push(query.slice(0, 2));
      return { rows: [{}] as never };
    };
    await runSql(mysqlProxy(answer) as never, "mysql", "select ?", [7]);
    await runSql(pgProxy(answer) as never, "postgres", "select $1", ["a"]);
    expect(sent).toEqual([
      ["select ?", [7]],
      ["select $1", ["a"]],
    ]);
  });
});

import { drizzle as libsql, type LibSQLDatabase } from "drizzle-orm/libsql";
import { describe, expect, test } from "vitest";
import type { OrmCapabilities } from "../../model/adapter.ts";
import { drizzle } from "../drizzle.ts";
import { capabilitiesOf } from "./connection.ts";

describe("capabilitiesOf", () => {
  test("SQLite has one writer: transactions do not overlap", () => {
    expect(capabilities(libsql(":memory:"))).toMatchObject({
      recognisesRows: false,
      serialTransactions: true,
    });
  });

  test("a pool of PostgreSQL connections overlaps them, a lone connection cannot", () => {
    const pool = { totalCount: 0 };
    expect(capabilities(fake("PgDialect", "NodePgSession", { client: pool })).serialTransactions).toBe(false);
    expect(capabilities(fake("PgDialect", "NodePgSession")).serialTransactions).toBe(true);
    expect(capabilities(fake("PgDialect", "PostgresJsSession")).serialTransactions).toBe(false);
    expect(capabilities(fake("MySqlDialect", "MySql2Session")).serialTransactions).toBe(true);
  });

  test.each([
    [
      "a synchronous driver",
      fake("SQLiteSyncDialect", "BetterSQLiteSession", { resultKind: "sync" }),
      /libsql/,
    ],
    ["neon-http", fake("PgDialect", "NeonHttpSession"), /neon-serverless/],
    ["D1", fake("SQLiteAsyncDialect", "SQLiteD1Session", { resultKind: "async" }), /batch/],
  ])("transactions of %s are refused, with what to do", async (_, db, advice) => {
    const adapter = drizzle(db as LibSQLDatabase, {});
    expect(adapter.capabilities.lacks).toMatchObject({
      transaction: expect.stringMatching(advice),
      ownTransaction: expect.stringMatching(advice),
      sql: expect.stringMatching(advice),
    });
    expect(adapter.sql).toBeUndefined();
    await expect(adapter.transaction(db, async () => expect.unreachable())).rejects.toMatchObject({
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringMatching(advice),
    });
  });
});

function capabilities(db: object): OrmCapabilities {
  return capabilitiesOf(db, undefined);
}

/** A database with the marks of Drizzle's, without its driver. */
function fake(
  dialect: string,
  session: string,
  parts: { client?: object; resultKind?: string } = {},
): object {
  const { client = {}, resultKind } = parts;
  return { resultKind, dialect: ofKind(dialect), session: Object.assign(ofKind(session), { client }) };
}

function ofKind(kind: string): object {
  return { constructor: { [Symbol.for("drizzle:entityKind")]: kind } };
}

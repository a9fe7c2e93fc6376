import type { BetterSQLite3Database } from "drizzle-orm/better-sqlite3";
import type { LibSQLDatabase } from "drizzle-orm/libsql";
import { int, mysqlTable, type MySQLWithReplicas } from "drizzle-orm/mysql-core";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { pgTable, type PgWithReplicas, primaryKey, uuid, varchar } from "drizzle-orm/pg-core";
import type { PgliteDatabase } from "drizzle-orm/pglite";
import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";
import { integer, sqliteTable, type SQLiteWithReplicas, text } from "drizzle-orm/sqlite-core";
import * as operators from "drizzle-orm";
import { describe, expectTypeOf, test } from "vitest";
import type { OrmAdapter } from "../model/adapter.ts";
import {
  type DrizzleDatabaseLike,
  type DrizzleOperators,
  type DrizzleTableLike,
  drizzle,
} from "./drizzle.ts";

const comments = sqliteTable("comments", {
  id: integer().primaryKey(),
  body: text().notNull(),
  table: text(),
  key: text(),
});
const prices = pgTable("prices", { product: uuid(), currency: varchar({ length: 3 }) }, (table) => [
  primaryKey({ columns: [table.product, table.currency] }),
]);
const orders = mysqlTable("orders", { id: int().primaryKey() });

declare const libsql: LibSQLDatabase;
type Schema = { comments: typeof comments };

describe("Drizzle's real types", () => {
  test("its databases and their transactions", () => {
    expectTypeOf<LibSQLDatabase>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<LibSQLDatabase<Schema>>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<BetterSQLite3Database>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<NodePgDatabase<{ prices: typeof prices }>>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<PostgresJsDatabase>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<PgliteDatabase>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<MySql2Database>().toExtend<DrizzleDatabaseLike>();
    type TransactionOf<Database extends { transaction(run: never): unknown }> = Parameters<
      Parameters<Database["transaction"]>[0]
    >[0];
    expectTypeOf<TransactionOf<LibSQLDatabase>>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<TransactionOf<NodePgDatabase>>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<PgWithReplicas<NodePgDatabase>>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<SQLiteWithReplicas<LibSQLDatabase<Schema>>>().toExtend<DrizzleDatabaseLike>();
    expectTypeOf<MySQLWithReplicas<MySql2Database>>().toExtend<DrizzleDatabaseLike>();
  });

  test("its tables and operators", () => {
    expectTypeOf(comments).toExtend<DrizzleTableLike>();
    expectTypeOf(prices).toExtend<DrizzleTableLike>();
    expectTypeOf(orders).toExtend<DrizzleTableLike>();
    expectTypeOf(operators).toExtend<DrizzleOperators>();
  });
});

describe("drizzle", () => {
  test("infers the rows of each model", () => {
    const adapter = drizzle(libsql, { "qa.Comment": comments, "shop.Order": orders });
    expectTypeOf(adapter).toEqualTypeOf<
      OrmAdapter<
        {
          "qa.Comment": typeof comments.$inferSelect;
          "shop.Order": typeof orders.$inferSelect;
        },
        never
      >
    >();
    expectTypeOf(adapter).toExtend<OrmAdapter>();
  });

  test("infers them where the key is stated", () => {
    const adapter = drizzle(libsql, { "shop.Price": { table: prices, key: ["product", "currency"] } });
    expectTypeOf(adapter).toEqualTypeOf<OrmAdapter<{ "shop.Price": typeof prices.$inferSelect }, never>>();
  });

  test("infers them where the version is stated, with the key or without", () => {
    const versioned = drizzle(libsql, { "qa.Comment": { table: comments, version: "body" } });
    expectTypeOf(versioned).toEqualTypeOf<
      OrmAdapter<{ "qa.Comment": typeof comments.$inferSelect }, never>
    >();
    const both = drizzle(libsql, { "shop.Price": { table: prices, key: ["product"], version: "xmin" } });
    expectTypeOf(both).toEqualTypeOf<OrmAdapter<{ "shop.Price": typeof prices.$inferSelect }, never>>();
    const bare = drizzle(libsql, { "qa.Comment": { table: comments } });
    expectTypeOf(bare).toEqualTypeOf<OrmAdapter<{ "qa.Comment": typeof comments.$inferSelect }, never>>();
  });

  test("takes models that were gathered before", () => {
    const gathered: Record<string, DrizzleTableLike> = {};
    expectTypeOf(drizzle(libsql, gathered)).toEqualTypeOf<OrmAdapter<Record<string, object>, never>>();
  });

  test("refuses a stated key or version that is not the table's, and what is no table or database", () => {
    // @ts-expect-error `nope` is not a column
    drizzle(libsql, { "shop.Price": { table: prices, key: ["nope"] } });
    // @ts-expect-error `nope` is not a column
    drizzle(libsql, { "shop.Price": { table: prices, version: "nope" } });
    // @ts-expect-error not a table
    drizzle(libsql, { "shop.Price": new Date() });
    // @ts-expect-error not a Drizzle database
    drizzle({}, { "qa.Comment": comments });
    // @ts-expect-error not a Drizzle database
    drizzle(libsql, { "qa.Comment": comments }, { replica: "postgres://replica" });
  });
});

import { createRequire } from "node:module";
import { Kysely, PostgresDialect, type SqliteDatabase, SqliteDialect } from "kysely";
import { Pool } from "pg";
import { kysely } from "petiole/orm/kysely";
import { named } from "../wire/peer.ts";
import { type Dialect, type OrmCase, type StoredRow, type Table, forEachTable } from "./case.ts";

// It has no types of its own.
const BetterSqlite3 = createRequire(import.meta.url)("better-sqlite3") as new (
  file: string,
) => SqliteDatabase;

function dialectFor(dialect: Dialect, place: string): SqliteDialect | PostgresDialect {
  return dialect === "sqlite"
    ? new SqliteDialect({ database: new BetterSqlite3(place) })
    : new PostgresDialect({ pool: new Pool({ connectionString: place }) });
}

export const kyselyCase: OrmCase = {
  nameOn: { sqlite: `${named("kysely")} (better-sqlite3)`, postgres: `${named("kysely")} (pg)` },
  async open(dialect, place, onQuery) {
    const db = new Kysely<Record<Table, StoredRow>>({
      dialect: dialectFor(dialect, place),
      ...(onQuery ? { log: onQuery } : {}),
    });
    return {
      adapter: kysely(db, {
        "qa.Question": { table: "questions", key: ["id"] },
        "qa.Answer": { table: "answers", key: ["id"] },
        "qa.Comment": { table: "comments", key: ["id"] },
      }),
      find: forEachTable(
        (table) => (ids) => db.selectFrom(table).selectAll().where("id", "in", ids).execute(),
      ),
      close: () => db.destroy(),
    };
  },
};

import { inArray } from "drizzle-orm";
import { drizzle as libsql } from "drizzle-orm/libsql";
import { drizzle as nodePostgres } from "drizzle-orm/node-postgres";
import * as pg from "drizzle-orm/pg-core";
import * as sqlite from "drizzle-orm/sqlite-core";
import { drizzle } from "petiole/orm/drizzle";
import { named } from "../wire/peer.ts";
import { type OpenedOrm, type OrmCase, type Table, forEachTable } from "./case.ts";

const sqliteTables = forEachTable((table) =>
  sqlite.sqliteTable(table, {
    id: sqlite.integer().primaryKey(),
    title: sqlite.text().notNull(),
    body: sqlite.text().notNull(),
    votes: sqlite.integer().notNull(),
    author: sqlite.text().notNull(),
  }),
);
const postgresTables = forEachTable((table) =>
  pg.pgTable(table, {
    id: pg.integer().primaryKey(),
    title: pg.text().notNull(),
    body: pg.text().notNull(),
    votes: pg.integer().notNull(),
    author: pg.text().notNull(),
  }),
);

function openSqlite(file: string, settings: object): OpenedOrm {
  const db = libsql(`file:${file}`, settings);
  const { questions, answers, comments } = sqliteTables;
  const findIn = (table: Table) => (ids: number[]) =>
    db.select().from(sqliteTables[table]).where(inArray(sqliteTables[table].id, ids));
  return {
    adapter: drizzle(db, { "qa.Question": questions, "qa.Answer": answers, "qa.Comment": comments }),
    find: forEachTable(findIn),
    close: async () => db.$client.close(),
  };
}

function openPostgres(url: string, settings: object): OpenedOrm {
  const db = nodePostgres(url, settings);
  const { questions, answers, comments } = postgresTables;
  const findIn = (table: Table) => (ids: number[]) =>
    db.select().from(postgresTables[table]).where(inArray(postgresTables[table].id, ids));
  return {
    adapter: drizzle(db, { "qa.Question": questions, "qa.Answer": answers, "qa.Comment": comments }),
    find: forEachTable(findIn),
    close: () => db.$client.end(),
  };
}

export const drizzleCase: OrmCase = {
  nameOn: { sqlite: `${named("drizzle-orm")} (libsql)`, postgres: `${named("drizzle-orm")} (pg)` },
  async open(dialect, place, onQuery) {
    const settings = onQuery ? { logger: { logQuery: onQuery } } : {};
    return dialect === "sqlite" ? openSqlite(place, settings) : openPostgres(place, settings);
  },
};

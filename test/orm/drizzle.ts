/**
 * `ormContract`'s models as Drizzle tables, and its harness, on libsql and on PostgreSQL.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { and, eq, relations, sql } from "drizzle-orm";
import { drizzle as libsql, type LibSQLDatabase } from "drizzle-orm/libsql";
import { drizzle as nodePostgres, type NodePgDatabase } from "drizzle-orm/node-postgres";
import * as pg from "drizzle-orm/pg-core";
import * as sqlite from "drizzle-orm/sqlite-core";
import { Pool } from "pg";
import { type DrizzleOptions, drizzle } from "../../src/orm/drizzle.ts";
import type { Key } from "../../src/model/ref.ts";
import type { ContractModelName, OrmContractHarness } from "../../src/testing/orm-contract.ts";
import { postgresTables, sqliteTables } from "./contract-tables.ts";

const sqliteAuthors = sqlite.sqliteTable("authors", {
  id: sqlite.integer().primaryKey(),
  name: sqlite.text().notNull(),
});
export const sqliteModels = {
  "qa.Comment": sqlite.sqliteTable("comments", {
    id: sqlite.integer("comment_id").primaryKey(),
    body: sqlite.text("comment_body").notNull(),
  }),
  "qa.Tag": sqlite.sqliteTable("tags", {
    name: sqlite.text("tag_name").primaryKey(),
    body: sqlite.text().notNull(),
  }),
  "qa.Membership": sqlite.sqliteTable(
    "memberships",
    {
      userId: sqlite.integer("user_id"),
      groupName: sqlite.text("group_name"),
      body: sqlite.text().notNull(),
    },
    (table) => [sqlite.primaryKey({ columns: [table.userId, table.groupName] })],
  ),
  "qa.Author": sqliteAuthors,
  "qa.Post": sqlite.sqliteTable("posts", {
    id: sqlite.integer().primaryKey(),
    title: sqlite.text().notNull(),
    authorId: sqlite.integer("author_id").references(() => sqliteAuthors.id),
    revision: sqlite.integer().notNull().default(1),
    deletedAt: sqlite.integer("deleted_at", { mode: "timestamp_ms" }),
  }),
  "qa.Sample": sqlite.sqliteTable("samples", {
    id: sqlite.integer().primaryKey(),
    // Drizzle writes it as bytes: an integer would arrive as a number that has lost digits.
    big: sqlite.blob("big_number", { mode: "bigint" }),
    price: sqlite.text(),
    bytes: sqlite.blob({ mode: "buffer" }),
    data: sqlite.text({ mode: "json" }),
    at: sqlite.integer({ mode: "timestamp_ms" }),
  }),
};

// Drizzle's own jsonb reads the text "7" as the number 7.
const jsonb = pg.customType<{ data: unknown }>({
  dataType: () => "jsonb",
  toDriver: (data) => JSON.stringify(data),
});
const bytea = pg.customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
const postgresAuthors = pg.pgTable("authors", { id: pg.integer().primaryKey(), name: pg.text().notNull() });
export const postgresModels = {
  "qa.Comment": pg.pgTable("comments", {
    id: pg.integer("comment_id").primaryKey(),
    body: pg.text("comment_body").notNull(),
  }),
  "qa.Tag": pg.pgTable("tags", { name: pg.text("tag_name").primaryKey(), body: pg.text().notNull() }),
  "qa.Membership": pg.pgTable(
    "memberships",
    { userId: pg.integer("user_id"), groupName: pg.text("group_name"), body: pg.text().notNull() },
    (table) => [pg.primaryKey({ columns: [table.userId, table.groupName] })],
  ),
  "qa.Author": postgresAuthors,
  "qa.Post": pg.pgTable("posts", {
    id: pg.integer().primaryKey(),
    title: pg.text().notNull(),
    authorId: pg.integer("author_id").references(() => postgresAuthors.id),
    revision: pg.integer().notNull().default(1),
    deletedAt: pg.timestamp("deleted_at", { withTimezone: true }),
  }),
  "qa.Sample": pg.pgTable("samples", {
    id: pg.integer().primaryKey(),
    big: pg.bigint("big_number", { mode: "bigint" }),
    price: pg.numeric({ precision: 20, scale: 4 }),
    bytes: bytea(),
    data: jsonb(),
    at: pg.timestamp({ withTimezone: true }),
  }),
};

/** What `drizzle(client, { schema })` is given: the tables and how they are related. */
export const sqliteSchema = {
  posts: sqliteModels["qa.Post"],
  authors: sqliteAuthors,
  postRelations: relations(sqliteModels["qa.Post"], ({ one }) => ({
    author: one(sqliteAuthors, {
      fields: [sqliteModels["qa.Post"].authorId],
      references: [sqliteAuthors.id],
    }),
  })),
  authorRelations: relations(sqliteAuthors, ({ many }) => ({ posts: many(sqliteModels["qa.Post"]) })),
};
export const postgresSchema = {
  posts: postgresModels["qa.Post"],
  authors: postgresAuthors,
  postRelations: relations(postgresModels["qa.Post"], ({ one }) => ({
    author: one(postgresAuthors, {
      fields: [postgresModels["qa.Post"].authorId],
      references: [postgresAuthors.id],
    }),
  })),
  authorRelations: relations(postgresAuthors, ({ many }) => ({ posts: many(postgresModels["qa.Post"]) })),
};

/** What is there to be cleaned up. */
export interface Opened<Database> {
  readonly db: Database;
  /** Ends the connections: the database cannot be reached any more. */
  end(): Promise<void>;
  close(): Promise<void>;
}

/** A SQLite database in a file, with the contract's tables. */
export async function openSqlite(
  onQuery: () => void = () => undefined,
): Promise<Opened<LibSQLDatabase<typeof sqliteSchema>> & { client: ReturnType<typeof createClient> }> {
  const folder = await mkdtemp(join(tmpdir(), "petiole-drizzle-"));
  const client = createClient({ url: `file:${join(folder, "test.db")}` });
  await client.executeMultiple(sqliteTables);
  const db = libsql(client, { schema: sqliteSchema, logger: { logQuery: onQuery } });
  return {
    db,
    client,
    end: async () => client.close(),
    async close() {
      client.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** The PostgreSQL database at `url`, emptied, with the contract's tables. */
export async function openPostgres(
  url: string,
  onQuery: () => void = () => undefined,
): Promise<Opened<NodePgDatabase<typeof postgresSchema>> & { pool: Pool }> {
  const pool = new Pool({ connectionString: url, max: 5 });
  // The pool's end does not wait for its clients', which the server may be quicker to end.
  pool.on("connect", (client) => client.on("error", () => undefined));
  await pool.query(`drop schema public cascade; create schema public; ${postgresTables}`);
  const end = async (): Promise<void> => {
    if (!pool.ended) await pool.end();
  };
  const db = nodePostgres(pool, { schema: postgresSchema, logger: { logQuery: onQuery } });
  return { db, pool, end, close: end };
}

/** The contract's harness on a database that {@link openSqlite} or {@link openPostgres} gave. */
export function harnessOf(
  { db, end, close }: Opened<object>,
  models: typeof sqliteModels | typeof postgresModels,
  countQueries: () => number,
  options: DrizzleOptions = {},
): OrmContractHarness {
  // One of the two, whose queries are written alike.
  const targets = models as typeof sqliteModels;
  const on = (handle: unknown): LibSQLDatabase => handle as LibSQLDatabase;
  const all = { ...targets, "qa.Post": { table: targets["qa.Post"], version: "revision" } } as const;
  return {
    adapter: drizzle(db as LibSQLDatabase, all, options),
    another: (names) =>
      drizzle(db as LibSQLDatabase, Object.fromEntries(names.map((name) => [name, all[name]])) as typeof all),
    handle: db,
    targets,
    insert: (handle, model, rows) =>
      on(handle)
        .insert(targets[model])
        .values(rows as never)
        .returning(),
    async update(handle, model, key, changes) {
      const counted =
        model === "qa.Post" ? { revision: sql`${targets["qa.Post"].revision} + 1`, ...changes } : changes;
      await on(handle)
        .update(targets[model])
        .set(counted as never)
        .where(where(targets, model, key));
    },
    async delete(handle, model, key) {
      await on(handle)
        .delete(targets[model])
        .where(where(targets, model, key));
    },
    ownTransaction: (handle, run) => on(handle).transaction(async (transaction) => run(transaction)),
    countQueries,
    breakDatabase: end,
    close,
  };
}

function where(targets: typeof sqliteModels, model: ContractModelName, key: Key) {
  if (model === "qa.Tag") return eq(targets["qa.Tag"].name, String(key));
  if (model !== "qa.Membership") return eq(targets[model].id, Number(key));
  const { userId, groupName } = key as { userId: number; groupName: string };
  const memberships = targets["qa.Membership"];
  return and(eq(memberships.userId, userId), eq(memberships.groupName, groupName));
}

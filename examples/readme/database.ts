/** The table that the README's code is about. */
import { createClient } from "@libsql/client";
import { drizzle } from "drizzle-orm/libsql";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const comments = sqliteTable("comments", { id: integer().primaryKey(), body: text().notNull() });
export type Comment = typeof comments.$inferSelect;

const client = createClient({ url: process.env["DATABASE"] ?? "file:site.db" });
await client.execute("create table if not exists comments (id integer primary key, body text not null)");
export const db = drizzle(client);

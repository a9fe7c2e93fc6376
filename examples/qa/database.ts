/**
 * The database of a small question-and-answer site: its tables, and how a web process and a worker open one
 * SQLite file at the same time.
 *
 * @module
 */
import { type LibSQLDatabase, drizzle } from "drizzle-orm/libsql";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { createPatientClient } from "./patient-client.ts";

export const questions = sqliteTable("questions", {
  id: integer().primaryKey(),
  title: text().notNull(),
  body: text().notNull(),
  state: text({ enum: ["open", "answered", "closed"] })
    .notNull()
    .default("open"),
  createdAt: integer("created_at", { mode: "timestamp_ms" })
    .notNull()
    .$defaultFn(() => new Date()),
});

export const answers = sqliteTable(
  "answers",
  {
    id: integer().primaryKey(),
    questionId: integer("question_id")
      .notNull()
      .references(() => questions.id, { onDelete: "cascade" }),
    body: text().notNull(),
    createdAt: integer("created_at", { mode: "timestamp_ms" })
      .notNull()
      .$defaultFn(() => new Date()),
  },
  (table) => [index("answers_by_question").on(table.questionId)],
);

/** A remark on a question or on an answer. */
export const comments = sqliteTable(
  "comments",
  {
    id: integer().primaryKey(),
    aboutModel: text("about_model", { enum: ["qa.Question", "qa.Answer"] }).notNull(),
    aboutId: integer("about_id").notNull(),
    body: text().notNull(),
    createdAt: integer("created_at", { mode: "timestamp_ms" })
      .notNull()
      .$defaultFn(() => new Date()),
  },
  (table) => [index("comments_by_post").on(table.aboutModel, table.aboutId)],
);

/** What the worker found out about a post. No entry: the post has not been indexed yet. */
export const indexEntries = sqliteTable(
  "index_entries",
  {
    model: text({ enum: ["qa.Question", "qa.Answer", "qa.Comment"] }).notNull(),
    postId: integer("post_id").notNull(),
    words: integer().notNull(),
    /** Digits: they may be more than SQLite's own integers hold. */
    points: text().notNull(),
    /** How often the post was indexed: a task that runs twice shows here. */
    runs: integer().notNull().default(1),
    indexedAt: integer("indexed_at", { mode: "timestamp_ms" }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.model, table.postId] })],
);

/** What a flagged comment said when it was flagged, and what it said when it was reviewed. */
export const reviews = sqliteTable("reviews", {
  commentId: integer("comment_id").primaryKey(),
  said: text().notNull(),
  says: text().notNull(),
  /** How often it was reviewed: a flag that is sent twice shows here. */
  runs: integer().notNull().default(1),
  reviewedAt: integer("reviewed_at", { mode: "timestamp_ms" }).notNull(),
});

export type Question = typeof questions.$inferSelect;
export type Answer = typeof answers.$inferSelect;
export type Comment = typeof comments.$inferSelect;
export type IndexEntry = typeof indexEntries.$inferSelect;
export type Review = typeof reviews.$inferSelect;
/** Whatever has a text to be indexed. */
export type Post = Question | Answer | Comment;

/** The tables as SQL. An app that grows would have them made by drizzle-kit's migrations. */
const schema = [
  `create table if not exists questions (
    id integer primary key,
    title text not null,
    body text not null,
    state text not null default 'open',
    created_at integer not null
  )`,
  `create table if not exists answers (
    id integer primary key,
    question_id integer not null references questions (id) on delete cascade,
    body text not null,
    created_at integer not null
  )`,
  `create index if not exists answers_by_question on answers (question_id)`,
  `create table if not exists comments (
    id integer primary key,
    about_model text not null,
    about_id integer not null,
    body text not null,
    created_at integer not null
  )`,
  `create index if not exists comments_by_post on comments (about_model, about_id)`,
  `create table if not exists index_entries (
    model text not null,
    post_id integer not null,
    words integer not null,
    points text not null,
    runs integer not null default 1,
    indexed_at integer not null,
    primary key (model, post_id)
  )`,
  `create table if not exists reviews (
    comment_id integer primary key,
    said text not null,
    says text not null,
    runs integer not null default 1,
    reviewed_at integer not null
  )`,
];

/** The database, as the web process and the worker use it. */
export interface QaDatabase {
  readonly db: LibSQLDatabase;
  close(): void;
}

/**
 * Opens the database and makes the tables that are not there yet.
 *
 * Any number of processes may have it open. Within one process open it once, and never with another SQLite
 * library as well: two of them cancel each other's locks.
 *
 * @param url `file:qa.db`, a path relative to the working directory.
 */
export async function openDatabase(url: string): Promise<QaDatabase> {
  const client = createPatientClient({ url });
  // Readers go on while somebody writes. It is written into the file, for all connections and for good.
  await client.execute("pragma journal_mode = wal");
  await client.batch(schema, "write");
  return { db: drizzle(client), close: () => client.close() };
}

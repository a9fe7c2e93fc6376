/** The tables of the Django site's models, as Drizzle has them. Django makes them. */
import {
  bigint,
  customType,
  date,
  integer,
  jsonb,
  numeric,
  pgTable,
  text,
  timestamp,
  uuid,
  varchar,
} from "drizzle-orm/pg-core";

const bytea = customType<{ data: Uint8Array; driverData: Buffer }>({ dataType: () => "bytea" });
/** Django's BigAutoField. */
const id = () => bigint({ mode: "number" }).primaryKey().generatedByDefaultAsIdentity();

export const questions = pgTable("qa_question", {
  /** As a bigint: a key that both languages write otherwise is the same row all the same. */
  id: bigint({ mode: "bigint" }).primaryKey().generatedByDefaultAsIdentity(),
  title: varchar({ length: 200 }).notNull(),
  body: text().notNull(),
  views: bigint({ mode: "bigint" }).notNull(),
  askedAt: timestamp("asked_at", { withTimezone: true }).notNull(),
});

export const answers = pgTable("qa_answer", {
  id: id(),
  questionId: bigint("question_id", { mode: "bigint" }).notNull(),
  body: text().notNull(),
});

export const comments = pgTable("qa_comment", {
  id: id(),
  answerId: bigint("answer_id", { mode: "number" }).notNull(),
  body: text().notNull(),
  likes: bigint({ mode: "bigint" }).notNull(),
  tip: numeric({ precision: 30, scale: 4 }),
  /** As a text, for a Date has no microseconds. */
  writtenAt: timestamp("written_at", { withTimezone: true, mode: "string" }).notNull(),
  day: date(),
  token: uuid(),
  picture: bytea(),
  tags: jsonb().notNull(),
  revision: integer().notNull(),
});

export type Question = typeof questions.$inferSelect;
export type Answer = typeof answers.$inferSelect;
export type Comment = typeof comments.$inferSelect;

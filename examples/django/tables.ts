/** The tables of site/qa/models.py, as Drizzle has them. Django makes and migrates them. */
import { bigint, integer, pgTable, text, timestamp, varchar } from "drizzle-orm/pg-core";

/** Django's BigAutoField. */
const id = () => bigint({ mode: "number" }).primaryKey().generatedByDefaultAsIdentity();

export const questions = pgTable("qa_question", {
  id: id(),
  title: varchar({ length: 200 }).notNull(),
  body: text().notNull(),
});

export const answers = pgTable("qa_answer", {
  id: id(),
  questionId: bigint("question_id", { mode: "number" }).notNull(),
  body: text().notNull(),
});

export const comments = pgTable("qa_comment", {
  id: id(),
  answerId: bigint("answer_id", { mode: "number" }).notNull(),
  body: text().notNull(),
  /** As a text: a Date would cut Python's microseconds off. */
  writtenAt: timestamp("written_at", { withTimezone: true, mode: "string" }).notNull(),
});

export const indexEntries = pgTable("qa_indexentry", {
  id: id(),
  model: varchar({ length: 20 }).notNull(),
  postId: bigint("post_id", { mode: "number" }).notNull(),
  words: integer().notNull(),
  fee: varchar({ length: 50 }).notNull(),
});

export const reviews = pgTable("qa_review", {
  commentId: bigint("comment_id", { mode: "number" }).primaryKey(),
  said: text().notNull(),
  says: text().notNull(),
  reward: varchar({ length: 50 }).notNull(),
});

export type Question = typeof questions.$inferSelect;
export type Answer = typeof answers.$inferSelect;
export type Comment = typeof comments.$inferSelect;

/** The app: shared by the site and the worker in TypeScript. */
import { drizzle as connect } from "drizzle-orm/node-postgres";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { Petiole, type Reference, type Snapshot } from "petiole";
import { celery } from "petiole/engine/celery";
import { drizzle } from "petiole/orm/drizzle";
import { Money } from "./money.ts";
import { answers, comments, questions, type Answer, type Comment, type Question } from "./tables.ts";

const pool = new Pool({ connectionString: process.env["DATABASE_URL"] });
const broker = new Redis(process.env["REDIS_URL"]!, { lazyConnect: true });
export const db = connect(pool);

export const app = new Petiole({
  // Python has the package petiole: everything may travel.
  engine: celery({ broker, dialect: "exact" }),
  values: [Money],
  // By Django's names: app_label.Model
  models: [drizzle(db, { "qa.Question": questions, "qa.Answer": answers, "qa.Comment": comments })],
});

/** Sent by Django, run by TypeScript: one task for three kinds of row. */
export interface IndexPayload {
  post: Question | Answer | Comment;
  fee: Money;
}
export const index = app.task<IndexPayload, { words: number; fee: Money }>("ts.index", {
  queue: "ts",
  retry: { attempts: 5 },
});

/** Sent by TypeScript, run by Celery: the comment as it was, and as it is. */
export interface ReviewPayload {
  flagged: Snapshot<Comment>;
  comment: Comment;
  reward: Money;
}
export const review = app.task<ReviewPayload, { comment: Reference; earned: Money }>("qa.review", {
  queue: "python",
});

export async function close(): Promise<void> {
  await app.close();
  broker.disconnect();
  await pool.end();
}

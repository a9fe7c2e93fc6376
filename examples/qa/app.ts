/** The app: shared by the web process and the worker. */
import { Petiole, type Snapshot } from "petiole";
import { sqlite } from "petiole/engine/sqlite";
import { drizzle } from "petiole/orm/drizzle";
import { answers, comments, openDatabase, questions, type Comment, type Post } from "./database.ts";
import { Scoring, Season } from "./values.ts";

const folder = process.env["QA_FOLDER"] ?? ".example";

export const { db, close: closeDatabase } = await openDatabase(`file:${folder}/qa.db`);

export const app = new Petiole({
  engine: sqlite(`${folder}/tasks.db`),
  values: [Scoring, Season],
  models: [drizzle(db, { "qa.Question": questions, "qa.Answer": answers, "qa.Comment": comments })],
});

/** What the index task is sent. `post` is sent by reference, and arrives as the row it is by then. */
export interface IndexPayload {
  post: Post;
  scoring: Scoring;
  /** Words that count more than once, and how often. */
  weights: Map<string, number>;
  savedAt: Date;
}

/** One task for three kinds of row. This is the contract; worker.ts attaches the work. */
export const index = app.task<IndexPayload, { words: number; points: bigint; indexedAt: Date }>(
  "posts.index",
  {
    retry: { attempts: 5, delay: "200ms" },
    timeout: "10s",
  },
);

/** What the review task is sent: the comment twice. */
export interface ReviewPayload {
  /** Sent as a snapshot: what the comment was when it was flagged, however it is edited afterwards. */
  flagged: Snapshot<Comment>;
  /** Sent by reference: the comment as it is when the worker gets to it. */
  comment: Comment;
}

/** Sent when a comment is flagged, once however many people flag it: see `flag` in posts.ts. */
export const review = app.task<ReviewPayload, void>("comments.review", {
  retry: { attempts: 5, delay: "200ms" },
  timeout: "10s",
});

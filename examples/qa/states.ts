/** What the page shows: the posts, and what has become of their tasks. */
import { Reference } from "petiole";
import { and, eq } from "drizzle-orm";
import { db, index, review } from "./app.ts";
import { answers, comments, indexEntries, questions, reviews } from "./database.ts";
import type { Answer, Comment, IndexEntry, Question, Review } from "./database.ts";
import type { Standing } from "./following.ts";
import { following } from "./posts.ts";

/** The state of a post: where its task is, or what the worker found. */
export type IndexState = Standing | IndexEntry;

/** The state of a comment's flag: where its task is, what came of it, or undefined when it has none. */
export type FlagState = Standing | Review | undefined;

/** Every post there is, oldest first. */
export async function allPosts(): Promise<{ questions: Question[]; answers: Answer[]; comments: Comment[] }> {
  return {
    questions: await db.select().from(questions),
    answers: await db.select().from(answers),
    comments: await db.select().from(comments),
  };
}

/** The states of all posts, or of one. */
export async function indexStates(only?: Reference): Promise<(post: Reference) => IndexState> {
  // First the tasks, then what they wrote: a task that ends in between is still seen on its way.
  const standing = following.standings();
  const condition =
    only &&
    and(eq(indexEntries.model, only.model as IndexEntry["model"]), eq(indexEntries.postId, Number(only.pk)));
  const rows = await db.select().from(indexEntries).where(condition);
  const entries = new Map(rows.map((row) => [new Reference(row.model, row.postId).identity, row]));
  return (about) => {
    const task = standing({ task: index.name, about });
    // Edited since it was indexed: what counts is the newer task.
    if (task && task.state !== "succeeded") return task;
    return entries.get(about.identity) ?? { state: "waiting" };
  };
}

/** The flags of all comments, or of one. */
export async function flagStates(only?: Reference): Promise<(comment: Reference) => FlagState> {
  const standing = following.standings();
  const condition = only && eq(reviews.commentId, Number(only.pk));
  const rows = await db.select().from(reviews).where(condition);
  const found = new Map(rows.map((row) => [row.commentId, row]));
  return (about) => {
    const task = standing({ task: review.name, about });
    if (task && task.state !== "succeeded") return task;
    return found.get(Number(about.pk));
  };
}

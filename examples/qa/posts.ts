/** Posts: saving them, and what has become of them. */
import { createWire, Reference, type TaskState } from "petiole";
import { app, db, index } from "./app.ts";
import {
  answers,
  comments,
  indexEntries,
  questions,
  type Answer,
  type Comment,
  type Question,
} from "./database.ts";
import { Scoring, scoring, Season } from "./values.ts";

// Saving any of the three enqueues the task, by reference. What is saved in a transaction is sent after its commit.
for (const table of [questions, answers, comments] as const) {
  app.onSave(table, (post) =>
    index.enqueue({ post, scoring, weights: new Map([["petiole", 2]]), savedAt: new Date() }),
  );
}

export function ask(question: typeof questions.$inferInsert): Promise<Question> {
  return app.transaction(db, async (tx) => {
    const [row] = await tx.insert(questions).values(question).returning();
    await app.saved(questions, row!);
    return row!;
  });
}

export function answer(given: typeof answers.$inferInsert): Promise<Answer> {
  return app.transaction(db, async (tx) => {
    const [row] = await tx.insert(answers).values(given).returning();
    await app.saved(answers, row!);
    return row!;
  });
}

export function comment(given: typeof comments.$inferInsert): Promise<Comment> {
  return app.transaction(db, async (tx) => {
    const [row] = await tx.insert(comments).values(given).returning();
    await app.saved(comments, row!);
    return row!;
  });
}

/** Every post there is, questions newest first. */
export async function allPosts(): Promise<{ questions: Question[]; answers: Answer[]; comments: Comment[] }> {
  return {
    questions: (await db.select().from(questions)).toReversed(),
    answers: await db.select().from(answers),
    comments: await db.select().from(comments),
  };
}

/** What the page says of a post: what the worker found, or where its task is. */
export type PostState = TaskState | { words: number; points: bigint; runs: number };

/** The state of each post, by its reference's identity. */
export async function postStates(): Promise<Map<string, PostState>> {
  const states = new Map<string, PostState>();
  const wire = createWire({ values: [Scoring, Season] });
  for (let after: string | undefined; ;) {
    const page = await app.engine.list({ task: index.name, ...(after === undefined ? {} : { after }) });
    for (const { message, state } of page.records) {
      // Decoded without a database, a payload holds the reference itself.
      const { post } = wire.decode(message.payload) as { post: Reference };
      states.set(post.identity, state);
    }
    if (page.next === undefined) break;
    after = page.next;
  }
  for (const { model, postId, words, points, runs } of await db.select().from(indexEntries)) {
    states.set(new Reference(model, postId).identity, { words, points: BigInt(points), runs });
  }
  return states;
}

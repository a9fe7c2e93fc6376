/** Posts: saving, editing and flagging them. */
import { createWire, ref, Reference, snapshot, storedRows } from "petiole";
import { endStates } from "petiole/engine";
import { eq } from "drizzle-orm";
import { app, db, index, review } from "./app.ts";
import { answers, comments, questions, type Answer, type Comment, type Question } from "./database.ts";
import { Following } from "./following.ts";
import { Scoring, scoring, Season } from "./values.ts";

/** What of a post is new: all of it, its text, where its index task is, or where its review is. */
export type Change = "post" | "text" | "state" | "flag";

type Listener = (what: Change, about: Reference) => Promise<void>;

let tell: Listener = async () => {};

/** Has whoever shows the posts told of what changes, one change after another for each post. */
export function onChange(listener: Listener): void {
  tell = listener;
}

/** The tasks that are on their way. */
export const following = new Following(app.engine, ({ task, about }) =>
  tell(task === review.name ? "flag" : "state", about),
);

/** Ids of the tasks that were enqueued in transactions that are still open, by their posts. */
const enqueued = new Map<string, string>();

// Saving any of the three enqueues the task, by reference. What is saved in a transaction is sent after its commit.
for (const table of [questions, answers, comments] as const) {
  app.onSave(table, async (post) => {
    const payload = { post, scoring, weights: new Map([["petiole", 2]]), savedAt: new Date() };
    enqueued.set(post.identity, (await index.enqueue(payload)).id);
  });
}

/** Tells of a post that was saved, and follows its task, now that it is sent. */
async function committed(what: "post" | "text", about: Reference): Promise<void> {
  const id = enqueued.get(about.identity);
  enqueued.delete(about.identity);
  await tell(what, about);
  if (id !== undefined) following.follow({ task: index.name, about }, id);
}

export async function ask(question: typeof questions.$inferInsert): Promise<Question> {
  const row = await app.transaction(db, async (tx) => {
    const [row] = await tx.insert(questions).values(question).returning();
    await app.saved(questions, row!);
    return row!;
  });
  await committed("post", ref(questions, row));
  return row;
}

export async function answer(given: typeof answers.$inferInsert): Promise<Answer> {
  const row = await app.transaction(db, async (tx) => {
    const [row] = await tx.insert(answers).values(given).returning();
    await app.saved(answers, row!);
    return row!;
  });
  await committed("post", ref(answers, row));
  return row;
}

export async function comment(given: typeof comments.$inferInsert): Promise<Comment> {
  const row = await app.transaction(db, async (tx) => {
    const [row] = await tx.insert(comments).values(given).returning();
    await app.saved(comments, row!);
    return row!;
  });
  await committed("post", ref(comments, row));
  return row;
}

/** Changes what a comment says. Its index task is sent anew, for one that is running may have read it already. */
export async function edit(id: number, body: string): Promise<void> {
  const row = await app.transaction(db, async (tx) => {
    const [row] = await tx.update(comments).set({ body }).where(eq(comments.id, id)).returning();
    if (!row) throw new RangeError(`there is no comment ${id}`);
    await app.saved(comments, row);
    return row;
  });
  await committed("text", ref(comments, row));
}

/** Has a comment reviewed as it is now. */
export async function flag(id: number): Promise<void> {
  const [row] = await db.select().from(comments).where(eq(comments.id, id));
  if (!row) throw new RangeError(`there is no comment ${id}`);
  const about = ref(comments, row);
  const handle = await review.enqueue(
    { flagged: snapshot(comments, row), comment: about },
    // Flagged again within a day, also when it is reviewed by then, it is the same task.
    { unique: { key: about.identity, lasts: "1d" } },
  );
  following.follow({ task: review.name, about }, handle.id);
}

/** Follows what was on its way before this process started. */
export async function followUnfinished(): Promise<void> {
  const wire = createWire({ values: [storedRows(), Scoring, Season] });
  for (let after: string | undefined; ;) {
    const page = await app.engine.list({
      states: ["scheduled", "waiting", "running", ...endStates.filter((state) => state !== "succeeded")],
      ...(after === undefined ? {} : { after }),
    });
    for (const { message } of page.records) {
      // Decoded without a database, a payload holds the references themselves.
      const payload = wire.decode(message.payload) as { post?: Reference; comment?: Reference };
      const about = message.task === review.name ? payload.comment : payload.post;
      if (about instanceof Reference) following.follow({ task: message.task, about }, message.id);
    }
    if (page.next === undefined) break;
    after = page.next;
  }
}

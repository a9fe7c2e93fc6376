/** What the worker does with a post. Run it with `petiole worker examples/qa/worker.ts`. */
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { Snapshot } from "petiole";
import { app, db, index, review, type IndexPayload, type ReviewPayload } from "./app.ts";
import { indexEntries, reviews } from "./database.ts";
import { Scoring, Season } from "./values.ts";

export { app };

index.run(async (payload, job) => {
  checkArrival(payload);
  const { post, scoring, weights, savedAt } = payload;
  const model = job.modelOf(post);
  // Whoever waits for the task, in any process, is told of each step: here, the page.
  job.progress(0.1, "reading");
  await searchService(job);
  // All three kinds have a body; only a question has a title, too.
  const text = job.isModel(post, "qa.Question") ? `${post.title} ${post.body}` : post.body;
  job.progress(0.4, "counting");
  await searchService(job);
  const words = text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => weights.get(word.toLowerCase()) ?? 1)
    .reduce((sum, weight) => sum + weight, 0);

  const points = scoring.points(words, savedAt);
  job.progress(0.8, "storing");
  await searchService(job);
  const entry = { words, points: points.toString(), indexedAt: new Date() };
  await app.transaction(db, (tx) =>
    tx
      .insert(indexEntries)
      .values({ model, postId: post.id, ...entry })
      .onConflictDoUpdate({
        target: [indexEntries.model, indexEntries.postId],
        set: { ...entry, runs: sql`${indexEntries.runs} + 1` },
      }),
  );
  return { words, points, indexedAt: entry.indexedAt };
});

review.run(async (payload) => {
  const { flagged, comment } = payload;
  checkReview(payload);
  const found = { said: flagged.fields.body, says: comment.body, reviewedAt: new Date() };
  await app.transaction(db, (tx) =>
    tx
      .insert(reviews)
      .values({ commentId: comment.id, ...found })
      .onConflictDoUpdate({ target: reviews.commentId, set: { ...found, runs: sql`${reviews.runs} + 1` } }),
  );
});

/** Stands for a call to the search service that a real site would have. It takes long enough to be watched. */
async function searchService({ signal }: { signal: AbortSignal }): Promise<void> {
  await sleep(Number(process.env["QA_INDEX_MILLISECONDS"] ?? 1500) / 3, undefined, { signal });
}

/** The types say what arrives; here it is seen. A handler of your own needs nothing like it. */
function checkArrival({ post, scoring, weights, savedAt }: IndexPayload): void {
  check({
    "the row": Object.getPrototypeOf(post) === Object.prototype && post.createdAt instanceof Date,
    "the Scoring": scoring instanceof Scoring,
    "its bigint": scoring.base === 9_007_199_254_740_993n,
    "the Season inside it": scoring.season instanceof Season,
    "the Date inside that": scoring.season.begins.getTime() === Date.UTC(2026, 8, 22),
    "its methods": scoring.points(2, savedAt) - scoring.base === (scoring.season.isOn(savedAt) ? 6n : 0n),
    "the Map": weights instanceof Map && weights.get("petiole") === 2,
    "the Date": savedAt instanceof Date && savedAt >= post.createdAt,
  });
}

function checkReview({ flagged, comment }: ReviewPayload): void {
  check({
    "the snapshot": flagged instanceof Snapshot && flagged.model === "qa.Comment",
    "its Date": flagged.fields.createdAt.getTime() === comment.createdAt.getTime(),
    "the comment by now": flagged.pk === comment.id,
  });
}

function check(arrived: Record<string, boolean>): void {
  const wrong = Object.entries(arrived).filter(([, asSent]) => !asSent);
  if (wrong.length > 0) throw new TypeError(`not as sent: ${wrong.map(([what]) => what).join(", ")}`);
}

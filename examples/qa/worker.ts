/** What the worker does with a post. Run it with `petiole worker examples/qa/worker.ts`. */
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { app, db, index, type IndexPayload } from "./app.ts";
import { indexEntries } from "./database.ts";
import { Scoring, Season } from "./values.ts";

export { app };

index.run(async (payload, job) => {
  checkArrival(payload);
  const { post, scoring, weights, savedAt } = payload;
  const model = job.modelOf(post);
  // All three kinds have a body; only a question has a title, too.
  const text = job.isModel(post, "qa.Question") ? `${post.title} ${post.body}` : post.body;
  const words = text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => weights.get(word.toLowerCase()) ?? 1)
    .reduce((sum, weight) => sum + weight, 0);

  // Stands for the search service that a real site would call.
  await sleep(Number(process.env["QA_INDEX_MILLISECONDS"] ?? 50), undefined, { signal: job.signal });

  const points = scoring.points(words, savedAt);
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

/** The types say what arrives; here it is seen. A handler of your own needs nothing like it. */
function checkArrival({ post, scoring, weights, savedAt }: IndexPayload): void {
  const arrived = {
    "the row": Object.getPrototypeOf(post) === Object.prototype && post.createdAt instanceof Date,
    "the Scoring": scoring instanceof Scoring,
    "its bigint": scoring.base === 9_007_199_254_740_993n,
    "the Season inside it": scoring.season instanceof Season,
    "the Date inside that": scoring.season.begins.getTime() === Date.UTC(2026, 8, 22),
    "its methods": scoring.points(2, savedAt) - scoring.base === (scoring.season.isOn(savedAt) ? 6n : 0n),
    "the Map": weights instanceof Map && weights.get("petiole") === 2,
    "the Date": savedAt instanceof Date && Math.abs(savedAt.getTime() - post.createdAt.getTime()) < 60_000,
  };
  const wrong = Object.entries(arrived).filter(([, asSent]) => !asSent);
  if (wrong.length > 0) throw new TypeError(`not as sent: ${wrong.map(([what]) => what).join(", ")}`);
}

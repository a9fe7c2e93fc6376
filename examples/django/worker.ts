/** What TypeScript does for Django. */
import { app, close, db, index } from "./app.ts";
import { indexEntries } from "./tables.ts";

index.run(async ({ post, fee }, job) => {
  // The row as it is by now, whichever of the three it is.
  const text = job.isModel(post, "qa.Question") ? `${post.title} ${post.body}` : post.body;
  const words = text.split(/\s+/).filter((word) => word !== "").length;
  const total = fee.times(words);
  const entry = { words, fee: total.toString() };
  await db
    .insert(indexEntries)
    .values({ model: job.modelOf(post), postId: post.id, ...entry })
    .onConflictDoUpdate({ target: [indexEntries.model, indexEntries.postId], set: entry });
  return { words, fee: total };
});

const worker = app.worker({ queues: ["ts"], logger: { ...console, info: () => {} } });
await worker.start();
console.log("ready");
process.once("SIGTERM", async () => {
  await worker.stop();
  await close();
});

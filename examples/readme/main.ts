import { Petiole, ref, Value } from "petiole";
import { sqlite } from "petiole/engine/sqlite";
import { drizzle } from "petiole/orm/drizzle";
import { comments, db, type Comment } from "./database.ts";

// A business object with no row: the table gives the types, the checks and the codec.
class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {
  plus(other: Money) {
    return this.with({ amount: this.amount + other.amount });
  }
}

// Shared by web and worker processes.
const app = new Petiole({
  engine: sqlite(process.env["TASKS"] ?? "tasks.db"),
  values: [Money],
  models: [drizzle(db, { "qa.Comment": comments })],
});

// `post` arrives as the row it is by then, `fee` with its methods, `seen` as a Map of Dates.
const index = app.task(
  "posts.index",
  async ({ post, fee, seen }: { post: Comment; fee: Money; seen: Map<string, Date> }, job) => {
    const words = post.body.split(/\s+/).length;
    return { model: job.modelOf(post), words, total: fee.plus(fee), year: seen.get("ada")?.getFullYear() };
  },
);

// In the web process: sent after the commit, never after a rollback, the id known at once.
const handle = await app.transaction(db, async (tx) => {
  const [comment] = await tx.insert(comments).values({ body: "What is a petiole?" }).returning();
  return index.enqueue({
    post: ref(comments, comment!),
    fee: new Money({ amount: 5n, currency: "EUR" }),
    seen: new Map([["ada", new Date(2026, 10, 22)]]),
  });
});

// In the worker: `petiole worker ./app.ts`, or in code.
const worker = app.worker();
await worker.start();

const { model, words, total, year } = await handle.result();
console.log(`${model}: ${words} words, ${total.amount} ${total.currency}, ${year}`);

await worker.stop();
await app.close();

/** Raw BullMQ. Completed jobs are kept, with what they returned, as is its default. @module */
import { Queue, Worker } from "bullmq";
import { outcomeOf, plainNoteOf, type Outcome, type PlainNote } from "../payload.ts";
import { serve } from "../serve.ts";

const name = "bench";

serve({
  async producer({ at }) {
    const queue = new Queue<PlainNote, Outcome>(name, { connection: { url: at } });
    await queue.waitUntilReady();
    return {
      send: (n) => queue.add("note", plainNoteOf(n)),
      kept: () => queue.getCompletedCount(),
      close: () => queue.close(),
    };
  },
  async worker({ at }, concurrency, began) {
    const worker = new Worker<PlainNote, Outcome>(
      name,
      async ({ data }) => {
        began(data.n);
        return outcomeOf(data);
      },
      { connection: { url: at }, concurrency },
    );
    worker.on("error", (error) => console.error(error));
    await worker.waitUntilReady();
    return { close: () => worker.close() };
  },
});

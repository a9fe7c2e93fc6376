/** liteque. It deletes what has succeeded. @module */
import { buildDBClient, Runner, SqliteQueue } from "liteque";
import { outcomeOf, plainNoteOf, type PlainNote } from "../payload.ts";
import { serve } from "../serve.ts";

function open(path: string): SqliteQueue<PlainNote> {
  const options = { defaultJobArgs: { numRetries: 0 }, keepFailedJobs: true };
  return new SqliteQueue("bench", buildDBClient(path, { runMigrations: true }), options);
}

serve({
  async producer({ at }) {
    const queue = open(at);
    return { send: (n) => queue.enqueue(plainNoteOf(n)), kept: async () => undefined, close: async () => {} };
  },
  async worker({ at }, concurrency, began) {
    const run = async ({ data }: { readonly data: PlainNote }): Promise<void> => {
      began(data.n);
      outcomeOf(data);
    };
    const options = { concurrency, pollIntervalMs: 10, timeoutSecs: 30 };
    const runner = new Runner(open(at), { run }, options);
    const running = runner.run();
    // What goes wrong in the runner shows here, before anything is timed.
    await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 50))]);
    return {
      async close() {
        runner.stop();
        await running;
      },
    };
  },
});

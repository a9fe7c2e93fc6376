/** plainjob on better-sqlite3. Its workers run one job at a time: as many workers as the concurrency. @module */
import { createRequire } from "node:module";
import { better, defineQueue, defineWorker, JobStatus } from "plainjob";
import { outcomeOf, plainNoteOf, type PlainNote } from "../payload.ts";
import { serve } from "../serve.ts";

type Connection = Parameters<typeof better>[0];

// It comes without types.
const Database = createRequire(import.meta.url)("better-sqlite3") as new (path: string) => Connection;

const logger = { ...console, debug: () => {}, info: () => {} };

function open(path: string) {
  return defineQueue({ connection: better(new Database(path)), logger });
}

serve({
  async producer({ at }) {
    const queue = open(at);
    return {
      send: (n) => queue.add("note", plainNoteOf(n)),
      kept: async () => queue.countJobs({ status: JobStatus.Done }),
      close: async () => queue.close(),
    };
  },
  async worker({ at }, concurrency, began) {
    const queue = open(at);
    const workers = Array.from({ length: concurrency }, () =>
      defineWorker(
        "note",
        async ({ data }) => {
          const note = JSON.parse(data) as PlainNote;
          began(note.n);
          outcomeOf(note);
        },
        { queue, logger, pollIntervall: 10 },
      ),
    );
    const running = workers.map((worker) => worker.start());
    return {
      async close() {
        await Promise.all(workers.map((worker) => worker.stop()));
        await Promise.all(running);
        queue.close();
      },
    };
  },
});

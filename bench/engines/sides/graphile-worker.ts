/** graphile-worker, with its local queue and with completions in batches. It deletes what has succeeded. @module */
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { outcomeOf, plainNoteOf, type PlainNote } from "../payload.ts";
import { serve } from "../serve.ts";

const logger = new Logger(() => (level, message) => {
  if (level === "error") console.error(message);
});

serve({
  async producer({ at }) {
    const utils = await makeWorkerUtils({ connectionString: at, logger });
    await utils.migrate();
    return {
      send: (n) => utils.addJob("note", plainNoteOf(n), { maxAttempts: 1 }),
      kept: async () => undefined,
      close: async () => utils.release(),
    };
  },
  async worker({ at }, concurrency, began) {
    const runner = await run({
      connectionString: at,
      concurrency,
      logger,
      noHandleSignals: true,
      crontab: "",
      preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0 } },
      taskList: {
        async note(payload) {
          began((payload as PlainNote).n);
          outcomeOf(payload as PlainNote);
        },
      },
    });
    return { close: () => runner.stop() };
  },
});

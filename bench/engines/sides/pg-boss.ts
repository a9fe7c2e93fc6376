/**
 * Raw pg-boss at its best: batches as large as the concurrency, fetched again at once while they are full, woken by
 * NOTIFY, and each job with its own result.
 *
 * @module
 */
import { PgBoss } from "pg-boss";
import { outcomeOf, plainNoteOf, type PlainNote } from "../payload.ts";
import { serve } from "../serve.ts";

const name = "bench";

async function open(connectionString: string): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString, useListenNotify: true });
  boss.on("error", (error) => console.error(error));
  await boss.start();
  await boss.createQueue(name, { notify: true });
  return boss;
}

serve({
  async producer({ at }) {
    const boss = await open(at);
    return {
      send: (n) => boss.send(name, plainNoteOf(n)),
      async kept() {
        const { rows } = await boss
          .getDb()
          .executeSql("select count(*) from pgboss.job where state = 'completed'");
        return Number(rows[0].count);
      },
      close: () => boss.stop({ graceful: false }),
    };
  },
  async worker({ at }, concurrency, began) {
    const boss = await open(at);
    await boss.work<PlainNote>(
      name,
      { batchSize: concurrency, burstWhenBatchFull: true, perJobResults: true, pollingIntervalSeconds: 0.5 },
      async (jobs) =>
        jobs.map(({ id, data }) => {
          began(data.n);
          return { id, status: "completed", output: outcomeOf(data) };
        }),
    );
    return { close: () => boss.stop() };
  },
});

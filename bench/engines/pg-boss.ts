/** Raw pg-boss as a side. @module */
import { PgBoss } from "pg-boss";
import { outcomeOf, plainNoteOf, type PlainNote } from "./payload.ts";
import type { Side } from "./side.ts";

const name = "bench";

async function open(connectionString: string, notify: boolean): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString, useListenNotify: notify });
  boss.on("error", (error) => console.error(error));
  await boss.start();
  await boss.createQueue(name, { notify });
  return boss;
}

/**
 * At its best: batches as large as the concurrency, fetched again at once while they are full, and each job with its
 * own result.
 *
 * @param notify whether workers are woken. PostgreSQL's NOTIFY lets commits wait for one another, so that
 *   enqueueing takes three times as long; without, workers look every half second, as often as can be
 */
export function rawPgBoss(notify: boolean): Side {
  return {
    async producer({ at }) {
      const boss = await open(at, notify);
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
      const boss = await open(at, notify);
      await boss.work<PlainNote>(
        name,
        {
          batchSize: concurrency,
          burstWhenBatchFull: true,
          perJobResults: true,
          pollingIntervalSeconds: 0.5,
        },
        async (jobs) =>
          jobs.map(({ id, data }) => {
            began(data.n);
            return { id, status: "completed", output: outcomeOf(data) };
          }),
      );
      return { close: () => boss.stop() };
    },
  };
}

/** How transactions end in a PostgreSQL, with every SQL ORM: what is under way then, and commits that are none. */
import { Pool } from "pg";
import { PgBoss } from "pg-boss";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memory } from "../src/engine/memory.ts";
import { pgBoss } from "../src/engine/pg-boss.ts";
import type { Engine } from "../src/engine.ts";
import { outboxTable } from "../src/task/outbox.ts";
import { Petiole } from "../src/task/petiole.ts";
import { ordersTable, shops, type Shop } from "./fixtures/same-database/postgres-shops.ts";
import { describePostgres } from "./services/describe-postgres.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

describePostgres("on PostgreSQL", (createDatabase) => {
  describe.each(Object.keys(shops))("%s", (name) => {
    let shop: Shop;
    let pool: Pool;
    let url: string;

    beforeEach(async () => {
      url = await createDatabase();
      pool = new Pool({ connectionString: url });
      closing.push(() => pool.end());
      await pool.query(ordersTable);
      shop = await shops[name]!(url);
      closing.push(() => shop.close());
    });

    function makeApp(engine: Engine, transactions: "buffered" | "outbox" | "same-database") {
      const app = new Petiole({ engine, models: [shop.adapter], transactions });
      closing.push(() => app.close());
      return { app: app as unknown as Petiole, task: app.task("t", (number: number) => number) };
    }

    const rows = async (text: string): Promise<unknown[]> => (await pool.query(text)).rows;

    type Work = (transaction: unknown) => Promise<unknown>;
    /** The app's way to run a transaction, and the ORM's own. */
    const ways = ({ app }: ReturnType<typeof makeApp>) => [
      (work: Work) => app.transaction(shop.handle, work),
      (work: Work) => shop.begin(work as () => Promise<unknown>),
    ];

    /** Enqueues while the transaction's work fails, a little later each time. */
    async function failBeside(parts: ReturnType<typeof makeApp>, count: number): Promise<void> {
      const numbers = Array.from({ length: count }, (_, number) => number);
      for (let ticks = 0; ticks < 60; ticks += 2) {
        for (const begin of ways(parts)) {
          let sending: Promise<unknown> | undefined;
          const fail = async (): Promise<never> => {
            for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
            throw new Error("undone");
          };
          const ending = begin(() => Promise.all([(sending = parts.task.enqueueMany(numbers)), fail()]));
          await expect(ending).rejects.toThrow("undone");
          await sending?.catch(() => {});
        }
      }
    }

    test("through the outbox, what is being sent when the work fails is undone with it, or refused", async () => {
      await pool.query(outboxTable("postgres"));
      const engine = memory();
      // By two statements.
      await failBeside(makeApp(engine, "outbox"), 201);
      expect(await rows("select id from petiole_outbox")).toEqual([]);
      expect(await engine.counts()).toEqual([]);
    });

    test("in the same database, what is being sent when the work fails is undone with it, or refused", async () => {
      const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
      await boss.start();
      await boss.stop({ graceful: false });
      const engine = pgBoss(pool, { pollInterval: 1000 });
      await failBeside(makeApp(engine, "same-database"), 1);
      expect(await engine.counts()).toEqual([]);
    });

    test.each(["buffered", "outbox"] as const)(
      "%s: a commit that PostgreSQL makes a rollback, for a statement has failed, sends nothing and says so",
      async (strength) => {
        await pool.query(outboxTable("postgres"));
        const engine = memory();
        const parts = makeApp(engine, strength);
        for (const begin of ways(parts)) {
          const ending = begin(async (transaction) => {
            await shop.insert(transaction, 1);
            await parts.task.enqueue(1);
            // As somebody does who means to insert it unless it is there.
            await Promise.resolve(shop.insert(transaction, 1)).catch(() => {});
          });
          const { message } = (await ending.catch((error: unknown) => error)) as Error;
          expect(message).toContain("a statement in it has failed");
        }
        expect(await rows("select id from orders")).toEqual([]);
        expect(await engine.counts()).toEqual([]);
        // The connections are of use after it.
        for (const begin of ways(parts)) await begin(() => parts.task.enqueue(2));
        await expect.poll(() => engine.counts()).toMatchObject([{ count: 2 }]);
      },
    );
  });
});

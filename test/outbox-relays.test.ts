/** Several relays at one outbox, for an engine that takes what it is sent twice as two tasks. */
import { Pool } from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { memory } from "../src/engine/memory.ts";
import type { Engine } from "../src/engine.ts";
import { appContext } from "../src/task/app-context.ts";
import { outboxTable } from "../src/task/outbox.ts";
import { Petiole } from "../src/task/petiole.ts";
import { ordersTable, shops, type Shop } from "./fixtures/same-database/postgres-shops.ts";
import { describePostgres } from "./services/describe-postgres.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Keeps what it is sent, as a queue does that looks at no ids: Celery's. */
function withoutIds(sent: string[]): Engine {
  const engine = memory();
  const { capabilities } = engine;
  return Object.assign(engine, {
    capabilities: { ...capabilities, lacks: { ...capabilities.lacks, knownIds: "it does not look at ids" } },
    async send(batch: Parameters<Engine["send"]>[0]) {
      // As a server takes its time, so that others come in between.
      await new Promise((resolve) => setTimeout(resolve, 5));
      sent.push(...batch.map(({ message }) => message.payload));
      return batch.map(({ message }) => message.id);
    },
  });
}

describePostgres("on PostgreSQL", (createDatabase) => {
  const open = async (sent: string[]) => {
    const url = await createDatabase();
    const pool = new Pool({ connectionString: url });
    closing.push(() => pool.end());
    await pool.query(ordersTable);
    await pool.query(outboxTable("postgres"));
    const join = async () => {
      const shop: Shop = await shops["Drizzle"]!(url);
      closing.push(() => shop.close());
      const app = new Petiole({ engine: withoutIds(sent), models: [shop.adapter], transactions: "outbox" });
      closing.push(() => app.close());
      const task = app.task("t", (text: string) => text);
      const pass = () => app[appContext].relay!.pass(shop.adapter);
      return { app: app as unknown as Petiole, shop, task, pass };
    };
    const left = async () => (await pool.query("select id from petiole_outbox")).rows;
    return { pool, join, left };
  };

  describe("relays take turns", () => {
    test("each task is sent once, in its transaction's order, whoever commits meanwhile", async () => {
      const sent: string[] = [];
      const { join, left } = await open(sent);
      const names = ["a", "b", "c"];
      const shopsOf = await Promise.all(names.map(() => join()));
      const relays = [await join(), await join()].map(({ app }) => app.relay());
      for (const relay of relays) await relay.start();
      await Promise.all(
        shopsOf.flatMap(({ app, shop, task }, index) =>
          Array.from({ length: 15 }, (_, number) =>
            app.transaction(shop.handle, async () => {
              for (const part of [1, 2, 3]) await task.enqueue(`${names[index]} ${number} ${part}`);
            }),
          ),
        ),
      );
      await expect.poll(left).toEqual([]);
      for (const relay of relays) await relay.stop();
      expect(sent.toSorted()).toEqual([...new Set(sent)].toSorted());
      expect(sent).toHaveLength(135);
      const transactions = Object.groupBy(sent, (text) => (JSON.parse(text) as string).slice(0, -2));
      for (const parts of Object.values(transactions)) {
        expect(parts!.map((text) => text.at(-2))).toEqual(["1", "2", "3"]);
      }
    });

    test("what a relay has claimed is left to it, with all that comes after, until its claim runs out", async () => {
      const sent: string[] = [];
      const { pool, join, left } = await open(sent);
      const { app, shop, task, pass } = await join();
      const other = await join();
      // It leaves what it commits.
      other.app[appContext].relay!.close();
      await other.app.transaction(other.shop.handle, async () => {
        for (const text of ["first", "second"]) await other.task.enqueue(text);
      });
      const claim = (until: number) =>
        pool.query(
          "update petiole_outbox set claimed_by = 'another', claimed_until = $1 where outgoing like '%second%'",
          [until],
        );
      await claim(Date.now() + 60_000);
      expect(await pass()).toBe(false);
      expect(sent).toEqual(['"first"']);
      expect(await left()).toHaveLength(1);
      await claim(Date.now() - 1);
      expect(await pass()).toBe(true);
      expect(sent).toEqual(['"first"', '"second"']);
      await app.transaction(shop.handle, () => task.enqueue("third"));
      await expect.poll(() => sent).toHaveLength(3);
    });
  });
});

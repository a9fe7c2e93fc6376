import { sql } from "drizzle-orm";
import { withReplicas } from "drizzle-orm/sqlite-core";
import { describe, expect, test } from "vitest";
import { openSqlite, sqliteModels } from "../../../test/orm/drizzle.ts";
import { drizzle } from "../drizzle.ts";

const models = sqliteModels;

describe("a replica", () => {
  test("is asked when told, and never otherwise", async () => {
    await withTwo(async (db, replica) => {
      const adapter = drizzle(db, models, { replica });
      expect(adapter.capabilities.lacks.replica).toBeUndefined();
      for (const options of [undefined, {}, { from: "primary" as const }]) {
        expect(await adapter.load("qa.Author", [1], options)).toEqual([{ id: 1, name: "primary" }]);
      }
      expect(await adapter.load("qa.Author", [1], { from: "replica" })).toEqual([{ id: 1, name: "replica" }]);
      expect(await adapter.load("qa.Post", [1], { from: "replica", with: ["author"] })).toMatchObject([
        { author: { name: "replica" } },
      ]);
      expect(await adapter.load("qa.Post", [1], { with: ["author"] })).toMatchObject([
        { author: { name: "primary" } },
      ]);
    });
  });

  test("is one of those that Drizzle's withReplicas knows, whose select would ask them always", async () => {
    await withTwo(async (primary, replica) => {
      const db = withReplicas(primary, [replica]);
      expect(await db.select().from(models["qa.Author"])).toEqual([{ id: 1, name: "replica" }]);
      const adapter = drizzle(db, models);
      expect(await adapter.load("qa.Author", [1])).toEqual([{ id: 1, name: "primary" }]);
      expect(await adapter.load("qa.Author", [1], { from: "replica" })).toEqual([{ id: 1, name: "replica" }]);
      expect(await adapter.load("qa.Post", [1], { with: ["author"] })).toMatchObject([
        { author: { name: "primary" } },
      ]);
      expect(await adapter.load("qa.Post", [1], { from: "replica", with: ["author"] })).toMatchObject([
        { author: { name: "replica" } },
      ]);
      expect([adapter.owns(db), adapter.owns(primary), adapter.owns(replica)]).toEqual([true, true, false]);
      await adapter.save("qa.Author", { id: 2, name: "saved" });
      expect(await adapter.load("qa.Author", [2])).toHaveLength(1);
      expect(
        await adapter.sql?.query("select name from authors where id = ?", [1], { transaction: db }),
      ).toEqual([{ name: "primary" }]);
    });
  });

  test("knows nothing of an open transaction, which is asked then", async () => {
    await withTwo(async (db, replica) => {
      const adapter = drizzle(db, models, { replica });
      await adapter.transaction(db, async (transaction) => {
        await adapter.save(
          "qa.Author",
          { id: 1, name: "in the transaction" },
          { transaction: transaction as object },
        );
        const options = { from: "replica", transaction: transaction as object } as const;
        expect(await adapter.load("qa.Author", [1], options)).toEqual([
          { id: 1, name: "in the transaction" },
        ]);
      });
    });
  });

  test("that there is not is refused, with how to name one", async () => {
    await withTwo(async (db) => {
      const adapter = drizzle(db, models);
      await expect(adapter.load("qa.Author", [1], { from: "replica" })).rejects.toMatchObject({
        code: "ERR_MODEL_UNSUPPORTED",
        message: `drizzle: ${adapter.capabilities.lacks.replica}`,
      });
      expect(adapter.capabilities.lacks.replica).toMatch("drizzle(db, models, { replica })");
    });
  });
});

type Database = Awaited<ReturnType<typeof openSqlite>>["db"];

/** Two databases whose rows tell them apart. */
async function withTwo(run: (primary: Database, replica: Database) => Promise<void>): Promise<void> {
  const opened = [await openSqlite(), await openSqlite()] as const;
  try {
    for (const [index, name] of ["primary", "replica"].entries()) {
      await opened[index]?.db.run(sql`insert into authors values (1, ${name})`);
      await opened[index]?.db.run(sql`insert into posts (id, title, author_id) values (1, 'a', 1)`);
    }
    await run(opened[0].db, opened[1].db);
  } finally {
    for (const { close } of opened) await close();
  }
}

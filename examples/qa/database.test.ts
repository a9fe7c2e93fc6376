import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eq } from "drizzle-orm";
import { afterEach, expect, test } from "vitest";
import { type QaDatabase, comments, indexEntries, openDatabase, questions } from "./database.ts";

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

test("the tables are as Drizzle has them, and stay when it is opened again", async () => {
  const { url, db } = await openTemporary();
  const [question] = await db.insert(questions).values({ title: "Why?", body: "Because" }).returning();
  expect(question).toMatchObject({ id: 1, state: "open", createdAt: expect.any(Date) });
  await db.insert(comments).values({ aboutModel: "qa.Question", aboutId: 1, body: "Indeed" });

  const again = await openDatabase(url);
  const entry = { model: "qa.Comment", postId: 1, words: 1, points: "1", indexedAt: new Date(5) } as const;
  await again.db.insert(indexEntries).values(entry);
  expect(await db.select().from(indexEntries)).toEqual([{ ...entry, runs: 1 }]);
  again.close();
});

test("writes of one process wait for its transactions, and reads do not", async () => {
  const { db } = await openTemporary();
  let committed = false;
  const inTransaction = db.transaction(async (transaction) => {
    await transaction.insert(comments).values(comment("inside"));
    await sleep(100);
    expect(await db.select().from(comments)).toEqual([]);
    committed = true;
  });
  const writes = Array.from({ length: 20 }, async () => {
    await db.insert(comments).values(comment("outside"));
    expect(committed).toBe(true);
  });
  await Promise.all([inTransaction, ...writes]);
  expect(await db.select().from(comments)).toHaveLength(21);
});

test("a transaction that throws is undone and gives its turn on", async () => {
  const { db } = await openTemporary();
  const failure = new Error("changed my mind");
  const outcome = db.transaction(async (transaction) => {
    await transaction.insert(comments).values(comment("never"));
    throw failure;
  });
  await expect(outcome).rejects.toBe(failure);
  await db.insert(comments).values(comment("afterwards"));
  expect(await db.select().from(comments)).toHaveLength(1);
});

test("two processes that write all the time both succeed", { timeout: 60_000 }, async () => {
  const { url, db } = await openTemporary();
  const module = fileURLToPath(new URL("database.ts", import.meta.url));
  const script = `
    import { comments, openDatabase } from ${JSON.stringify(module)};
    const { db, close } = await openDatabase(${JSON.stringify(url)});
    const row = { aboutModel: "qa.Question", aboutId: 1, body: "theirs" };
    for (let round = 0; round < 50; round += 1) {
      await db.transaction(async (transaction) => {
        await transaction.insert(comments).values(row);
        await new Promise((resolve) => setTimeout(resolve, 2));
        await transaction.insert(comments).values(row);
      });
    }
    close();`;
  const other = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
  const ours = Array.from({ length: 4 }, async () => {
    for (let round = 0; round < 20; round += 1) {
      await db.insert(comments).values(comment("ours"));
      await db.transaction(async (transaction) => {
        await transaction.insert(comments).values(comment("ours"));
        await sleep(2);
      });
    }
  });
  await Promise.all([other, ...ours]);
  expect(await db.select().from(comments).where(eq(comments.body, "ours"))).toHaveLength(160);
  expect(await db.select().from(comments).where(eq(comments.body, "theirs"))).toHaveLength(100);
});

function comment(body: string) {
  return { aboutModel: "qa.Question", aboutId: 1, body } as const;
}

async function openTemporary(): Promise<QaDatabase & { readonly url: string }> {
  const folder = await mkdtemp(join(tmpdir(), "petiole-qa-"));
  const url = `file:${join(folder, "qa.db")}`;
  const database = await openDatabase(url);
  opened.push(async () => {
    database.close();
    await rm(folder, { recursive: true });
  });
  return { ...database, url };
}

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryEngines } from "../../../test/fixtures/engine/files.ts";
import { ids, claim, outgoing, pause } from "../../testing/engine-contract/case.ts";
import { Checkpointer } from "./checkpointer.ts";

let directory: string;
let path: string;
let database: DatabaseSync;
let checkpointer: Checkpointer;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "petiole-"));
  path = join(directory, "tasks.db");
  database = new DatabaseSync(path, { timeout: 1000 });
  database.exec("PRAGMA journal_mode = WAL; CREATE TABLE leaves (n INTEGER PRIMARY KEY, text TEXT)");
  checkpointer = new Checkpointer(database, path);
});

afterEach(async () => {
  await checkpointer.close();
  if (database.isOpen) database.close();
  rmSync(directory, { recursive: true });
});

function autocheckpoint(): unknown {
  return database.prepare("PRAGMA wal_autocheckpoint").get()?.["wal_autocheckpoint"];
}

describe("sqlite: moving pages from the log into the file", () => {
  test("is left to SQLite as long as commits are quick", () => {
    for (let count = 0; count < 100; count += 1) checkpointer.committed(0.2);
    checkpointer.committed(30);
    expect([checkpointer.isBeside, autocheckpoint()]).toEqual([false, 1000]);
  });

  test("is a thread's for a process whose commits are kept waiting a little, but often", () => {
    const now = vi.spyOn(performance, "now");
    for (const seconds of [10, 12, 14, 16]) {
      now.mockReturnValue(seconds * 1000);
      checkpointer.committed(4);
    }
    expect(checkpointer.isBeside).toBe(false);
    now.mockReturnValue(16_900);
    checkpointer.committed(2);
    expect(checkpointer.isBeside).toBe(false);
    checkpointer.committed(4);
    expect(checkpointer.isBeside).toBe(true);
    now.mockRestore();
  });

  test(
    "is a thread's once commits are slow, and the log stays small however much is written",
    { timeout: 60_000 },
    async () => {
      checkpointer.committed(30);
      checkpointer.committed(30);
      expect([checkpointer.isBeside, autocheckpoint()]).toEqual([true, 25_000]);
      const insert = database.prepare("INSERT INTO leaves (text) VALUES (?)");
      const text = "x".repeat(20_000);
      // 80 MB, of which no commit moves any: it would at 100 MB.
      for (let count = 1; count <= 4000; count += 1) {
        insert.run(text);
        checkpointer.committed(0.1);
        if (count % 20 === 0) await pause(1);
        // A busy machine may keep the thread waiting, but not for the last of them.
        const isMoved = (): void => expect(statSync(path).size).toBeGreaterThan(count * 20_000);
        if (count % 1000 === 0) await vi.waitFor(isMoved, { timeout: 10_000 });
      }
      expect(statSync(`${path}-wal`).size).toBeLessThan(70_000_000);
      await checkpointer.close();
      expect([checkpointer.isBeside, autocheckpoint()]).toEqual([false, 1000]);
      expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
      expect(database.prepare("SELECT count(*) AS count FROM leaves").get()).toEqual({ count: 4000 });
    },
  );

  test("keeps nobody from writing while somebody reads for long", { timeout: 60_000 }, async () => {
    const [reader, writer] = [new DatabaseSync(path), new DatabaseSync(path, { timeout: 0 })];
    const insert = (from: DatabaseSync) =>
      from.prepare("INSERT INTO leaves (text) VALUES (?)").run("x".repeat(20_000));
    insert(database);
    reader.exec("BEGIN; SELECT count(*) FROM leaves");
    for (let count = 0; count < 1000; count += 1) insert(database);
    checkpointer.start();
    let written = 0;
    const refused: unknown[] = [];
    for (const end = performance.now() + 1500; performance.now() < end;) {
      checkpointer.committed(0.1);
      try {
        insert(writer);
        written += 1;
      } catch (error) {
        refused.push(error);
      }
      await pause(10);
    }
    expect([refused, written > 10]).toEqual([[], true]);
    reader.exec("COMMIT");
    await vi.waitFor(
      () => {
        checkpointer.committed(0.1);
        expect(statSync(path).size).toBeGreaterThan(20_000_000);
      },
      { timeout: 10_000 },
    );
    reader.close();
    writer.close();
  });

  test("goes back to SQLite when the thread fails", async () => {
    const broken = new Checkpointer(database, join(directory, "no such directory", "tasks.db"));
    broken.start();
    await vi.waitFor(() => expect(broken.isBeside).toBe(false), { timeout: 10_000 });
    expect(autocheckpoint()).toBe(1000);
    await broken.close();
  });

  test("an engine that is closed has no thread left, and what it accepted is there", async () => {
    const files = temporaryEngines();
    const started = vi.spyOn(Checkpointer.prototype, "committed").mockImplementation(function (
      this: Checkpointer,
    ) {
      if (!this.isBeside) this.start();
    });
    const engine = files.make();
    for (const id of ["1", "2", "3"]) await engine.send([outgoing(id)]);
    await engine.close();
    started.mockRestore();
    expect(ids(await claim(files.make(), { limit: 5 }))).toEqual(["1", "2", "3"]);
    await files.close();
  });
});

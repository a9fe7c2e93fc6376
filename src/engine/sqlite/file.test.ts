import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startChild } from "../../../test/fixtures/engine/child.ts";
import { mountRefusal, mountSmall, temporaryEngines } from "../../../test/fixtures/engine/files.ts";
import {
  claim,
  claimWhenReady,
  ids,
  outcome,
  outgoing,
  pause,
  send,
} from "../../testing/engine-contract/case.ts";
import { sqlite } from "../sqlite.ts";

let files: ReturnType<typeof temporaryEngines>;

beforeEach(() => {
  files = temporaryEngines();
});

afterEach(() => files.close());

describe("whose file it is", () => {
  test.each(["", ":memory:", "file:tasks.db", "a\0b"])("refuses the path %j", (path) => {
    expect(() => sqlite(path)).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
  });

  test("takes a file that is not there, or empty, or a database without tables", async () => {
    await files.make().open();
    const empty = join(files.directory, "empty.db");
    writeFileSync(empty, "");
    const bare = join(files.directory, "bare.db");
    new DatabaseSync(bare).exec("CREATE TABLE gone (id); DROP TABLE gone");
    for (const path of [empty, bare]) {
      const engine = sqlite(path);
      await send(engine, "1");
      expect(ids(await claim(engine))).toEqual(["1"]);
      await engine.close();
    }
  });

  test("refuses a database of another program, and leaves it as it is", async () => {
    const database = new DatabaseSync(files.path);
    database.exec("CREATE TABLE tasks (id); INSERT INTO tasks VALUES (1)");
    database.close();
    const before = readFileSync(files.path);
    const refusal = { code: "ERR_ENGINE_FILE_INVALID", message: expect.stringContaining(files.path) };
    await expect(files.make().send([outgoing("1")])).rejects.toMatchObject(refusal);
    await expect(files.make().open()).rejects.toMatchObject({
      message: expect.stringContaining("a file of its own"),
    });
    expect(readFileSync(files.path).equals(before)).toBe(true);
  });

  test.each(["removed", "replaced"])("accepts nothing more once the file was %s", async (what) => {
    const engine = files.make();
    await send(engine, "before");
    renameSync(files.path, join(files.directory, "old.db"));
    if (what === "replaced") {
      const other = sqlite(files.path);
      await send(other, "other");
      await other.close();
    }
    await pause(150);
    for (const call of [() => engine.send([outgoing("after")]), () => claim(engine)]) {
      await expect(call()).rejects.toMatchObject({
        code: "ERR_ENGINE_FILE_INVALID",
        message: expect.stringMatching(new RegExp(`${what} while this process has it open.*restart`, "s")),
      });
    }
    // Who begins anew is told of nothing.
    expect(ids(await claim(sqlite(files.path)))).toEqual(what === "replaced" ? ["other"] : []);
  });

  test.each(["removed", "replaced"])(
    "tells who waits, listens or reads that the file was %s",
    async (what) => {
      const engine = files.make({ pollInterval: 50 });
      await send(engine, "runs");
      await claim(engine);
      const waiting = outcome(engine.ended("runs"));
      let calls = 0;
      const stop = engine.onReady(["default"], () => calls++);
      await pause(150);
      expect(calls).toBe(0);
      renameSync(files.path, join(files.directory, "old.db"));
      if (what === "replaced") writeFileSync(files.path, "");
      const lost = { code: "ERR_ENGINE_FILE_INVALID", message: expect.stringContaining(`${what} while`) };
      expect(await waiting).toMatchObject(lost);
      // A worker that is idle claims nothing unless it is woken, and would never know.
      await vi.waitFor(() => expect(calls).toBe(1), 2000);
      for (const call of [() => claim(engine), () => engine.find("runs"), () => engine.counts()])
        await expect(call()).rejects.toMatchObject(lost);
      stop();
    },
  );

  test("refuses a database with another program's application_id", async () => {
    new DatabaseSync(files.path).exec("PRAGMA application_id = 7");
    await expect(files.make().open()).rejects.toMatchObject({ code: "ERR_ENGINE_FILE_INVALID" });
  });

  test("refuses a file of a newer version, and says so", async () => {
    await files.make().open();
    new DatabaseSync(files.path).exec("PRAGMA user_version = 3");
    await expect(files.make().open()).rejects.toMatchObject({
      code: "ERR_ENGINE_FILE_INVALID",
      message: expect.stringMatching(/another version of Petiole \(its schema is 3, this version knows 2\)/),
    });
  });

  test("brings a file of the version before up to date, with what it holds", async () => {
    const first = files.make();
    await send(first, "1");
    await first.close();
    const database = new DatabaseSync(files.path);
    database.exec(`DROP TABLE paused; DROP INDEX tasks_ended; DROP INDEX tasks_unique;
      CREATE INDEX tasks_ended ON tasks (state, queue) WHERE state NOT IN ('scheduled', 'waiting', 'running');
      CREATE INDEX tasks_unique ON tasks (task, unique_key, unique_until)
        WHERE unique_key IS NOT NULL AND (unique_until IS NOT NULL OR state IN ('scheduled', 'waiting', 'running')
          OR (state = 'parked' AND needs IS NOT NULL));
      PRAGMA user_version = 1`);
    database.close();
    const [one, other] = [files.make(), files.make()];
    await Promise.all([one.open(), other.open()]);
    await one.pause("default");
    expect(await claim(other)).toEqual([]);
    await other.resume("default");
    expect(ids(await claim(one))).toEqual(["1"]);
    expect((await one.list({ states: ["succeeded"] })).records).toEqual([]);
    expect(
      await one.send([
        { ...outgoing("2"), unique: { key: "k" } },
        { ...outgoing("3"), unique: { key: "k" } },
      ]),
    ).toEqual(["2", "2"]);
  });

  test("refuses what is no database", async () => {
    writeFileSync(files.path, "leaves and stems, ".repeat(100));
    await expect(files.make().open()).rejects.toMatchObject({
      code: "ERR_ENGINE_FILE_INVALID",
      message: expect.stringContaining("not a database"),
    });
  });

  test("refuses a directory", async () => {
    await expect(sqlite(files.directory).open()).rejects.toMatchObject({
      code: "ERR_ENGINE_FILE_INVALID",
      message: expect.stringContaining("directory"),
    });
  });

  test("refuses a path through a file, and one whose links go in circles", async () => {
    writeFileSync(join(files.directory, "notes.txt"), "no directory");
    const circle = join(files.directory, "circle.db");
    symlinkSync("circle.db", circle);
    const refused = [
      [join(files.directory, "notes.txt", "tasks.db"), "ERR_ENGINE_FILE_INVALID"],
      [join(files.directory, "notes.txt", "deeper", "tasks.db"), "ERR_ENGINE_FILE_INVALID"],
      [circle, "ERR_ENGINE_FAILED"],
    ] as const;
    for (const [path, code] of refused) await expect(sqlite(path).open()).rejects.toMatchObject({ code });
  });

  test("names a missing directory, and opens once it is there", async () => {
    const directory = join(files.directory, "missing");
    const engine = sqlite(join(directory, "tasks.db"));
    await expect(engine.open()).rejects.toMatchObject({
      code: "ERR_ENGINE_FILE_INVALID",
      message: expect.stringContaining(`the directory ${directory} does not exist`),
    });
    let calls = 0;
    engine.onReady(["default"], () => {
      calls += 1;
    });
    await expect.poll(() => calls).toBeGreaterThan(0);
    mkdirSync(directory);
    await send(engine, "1");
    const before = calls;
    await expect.poll(() => calls).toBeGreaterThan(before);
    await engine.close();
  });

  test("says so when the file is damaged while it is in use", async () => {
    const engine = files.make();
    await engine.send(
      Array.from({ length: 200 }, (_, index) => outgoing(`task ${index}`, { payload: "x".repeat(500) })),
    );
    await engine.close();
    const bytes = readFileSync(files.path);
    bytes.fill(0xa5, 4096 * 2);
    writeFileSync(files.path, bytes);
    const refusal = { code: "ERR_ENGINE_FILE_INVALID", message: expect.stringContaining("damaged") };
    await expect(
      files.make().claim({ queues: ["default"], limit: 10, lease: 1000, worker: "w" }),
    ).rejects.toMatchObject(refusal);
  });
});

describe("what else SQLite says", () => {
  test("is told with the file and the cause", async () => {
    const engine = files.make({ pollInterval: 20 });
    await send(engine, "1");
    const ended = engine.ended("1");
    ended.catch(() => undefined); // it may reject before it is looked at
    new DatabaseSync(files.path).exec("DROP TABLE tasks");
    const failure = {
      code: "ERR_ENGINE_FAILED",
      message: expect.stringContaining(`sending 1 task failed (${files.path}): no such table: tasks`),
      cause: expect.objectContaining({ code: "ERR_SQLITE_ERROR" }),
    };
    await expect(send(engine, "2")).rejects.toMatchObject(failure);
    const calls = [claim(engine), engine.find("1"), engine.list({}), engine.counts(), ended];
    for (const call of await Promise.allSettled(calls)) {
      expect(call).toMatchObject({ status: "rejected", reason: { code: "ERR_ENGINE_FAILED" } });
    }
  });
});

describe("one SQLite library per process and file", () => {
  test.skipIf(process.platform !== "linux")("refuses a file that another library holds", async () => {
    await files.make().open();
    const link = join(files.directory, "link.db");
    symlinkSync(files.path, link);
    for (const name of [files.path, link]) {
      const told = (await startChild("two-libraries.ts", files.path, "libsql", name).next()) as {
        message: string;
      };
      expect(told).toMatchObject({ code: "ERR_ENGINE_FILE_SHARED" });
      expect(told.message).toContain(files.path);
      expect(told.message).toContain("@libsql/");
      expect(told.message).toContain("outbox");
    }
    const throughLink = startChild("two-libraries.ts", link, "libsql", files.path);
    expect(await throughLink.next()).toMatchObject({ code: "ERR_ENGINE_FILE_SHARED" });
  });

  test.skipIf(process.platform !== "linux")(
    "refuses it before another program's file is touched",
    async () => {
      // Not there before: libsql makes it.
      const child = startChild("two-libraries.ts", files.path, "libsql");
      expect(await child.next()).toMatchObject({ code: "ERR_ENGINE_FILE_SHARED" });
    },
  );

  test("lets a handle of the program's own node:sqlite be", async () => {
    await files.make().open();
    const child = startChild("two-libraries.ts", files.path, "node:sqlite");
    expect(await child.next()).toEqual({ opened: true });
  });

  test.skipIf(process.platform !== "linux")(
    "refuses that handle when it may be another library's",
    async () => {
      await files.make().open();
      const child = startChild("two-libraries.ts", files.path, "node:sqlite, libsql loaded");
      expect(await child.next()).toMatchObject({ code: "ERR_ENGINE_FILE_SHARED" });
    },
  );

  test("lets several engines share a file while another library is at work elsewhere", async () => {
    const child = startChild("two-libraries.ts", files.path, "ours twice, libsql elsewhere");
    expect(await child.next()).toEqual({ opened: true });
  });
});

const refusal = mountRefusal();

describe.skipIf(refusal !== undefined)(
  `on a file system of its own${refusal === undefined ? "" : ` (skipped: ${refusal})`}`,
  () => {
    test("a full disk refuses what is new, loses nothing, and is over when there is room", async () => {
      const { directory, close } = mountSmall("1m");
      const filler = join(directory, "filler");
      writeFileSync(filler, Buffer.alloc(500_000));
      const engine = sqlite(join(directory, "tasks.db"));
      try {
        const accepted: string[] = [];
        const refused: unknown[] = [];
        for (let round = 0; refused.length < 5 && round < 100; round += 1) {
          const names = [0, 1, 2].map((index) => `task ${round} ${index}`);
          const sent = await Promise.allSettled(
            names.map((id) => engine.send([outgoing(id, { payload: "x".repeat(20_000) })])),
          );
          for (const [index, outcome] of sent.entries()) {
            if (outcome.status === "fulfilled") accepted.push(names[index] as string);
            else refused.push(outcome.reason);
          }
        }
        expect(accepted.length).toBeGreaterThan(3);
        expect(refused.length).toBeGreaterThanOrEqual(5);
        for (const error of refused) {
          expect(error).toMatchObject({
            code: "ERR_ENGINE_DISK_FULL",
            message: expect.stringMatching(
              /sending 1 task failed \(.*tasks\.db\): the disk is full\. .*Free some space/,
            ),
          });
        }
        const large = Array.from({ length: 30 }, (_, index) =>
          outgoing(`large ${index}`, { payload: "x".repeat(20_000) }),
        );
        await expect(engine.send(large)).rejects.toMatchObject({ code: "ERR_ENGINE_DISK_FULL" });
        const listed = (await engine.list({ limit: 1000 })).records.map((record) => record.message.id);
        expect(listed).toEqual(accepted);

        rmSync(filler);
        await send(engine, "after");
        expect(ids(await claim(engine, { limit: 1000 }))).toEqual([...accepted, "after"]);
        await engine.close();
        const database = new DatabaseSync(join(directory, "tasks.db"));
        expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
        database.close();
      } finally {
        await engine.close();
        close();
      }
    });

    test("a disk that is full from the start is said to be, and opens when there is room", async () => {
      const { directory, close } = mountSmall("1m");
      const filler = join(directory, "filler");
      const engine = sqlite(join(directory, "tasks.db"));
      try {
        expect(() => writeFileSync(filler, Buffer.alloc(2_000_000))).toThrow("ENOSPC");
        await expect(engine.send([outgoing("1")])).rejects.toMatchObject({ code: "ERR_ENGINE_DISK_FULL" });
        rmSync(filler);
        await send(engine, "2");
        expect(ids(await claim(engine, { limit: 10 }))).toEqual(["2"]);
      } finally {
        await engine.close();
        close();
      }
    });

    test("a read-only file system is said to be", async () => {
      const { directory, close, makeReadOnly } = mountSmall("1m");
      try {
        const path = join(directory, "tasks.db");
        const engine = sqlite(path);
        await send(engine, "1");
        await engine.close();
        makeReadOnly();
        const refusal = { code: "ERR_ENGINE_FILE_READ_ONLY", message: expect.stringContaining("read-only") };
        for (const name of [path, join(directory, "new.db")]) {
          const refused = sqlite(name);
          await expect(refused.send([outgoing("2")])).rejects.toMatchObject(refusal);
          await expect(
            refused.claim({ queues: ["default"], limit: 1, lease: 1000, worker: "w" }),
          ).rejects.toMatchObject(refusal);
          await refused.close();
        }
      } finally {
        close();
      }
    });
  },
);

describe.skipIf(process.platform === "win32")("permissions", () => {
  /** What a process without privileges is told when it sends. */
  async function sendUnprivileged(path = files.path): Promise<unknown> {
    chmodSync(files.directory, statSync(files.directory).mode | 0o055);
    return startChild("unprivileged.ts", path).next();
  }

  test("a file that may not be written is said to be read-only", async () => {
    const engine = files.make();
    await send(engine, "1");
    await engine.close();
    chmodSync(files.path, 0o444);
    chmodSync(files.directory, 0o777);
    expect(await sendUnprivileged()).toMatchObject({ code: "ERR_ENGINE_FILE_READ_ONLY" });
  });

  test("a directory that may not be written is said to be read-only", async () => {
    chmodSync(files.directory, 0o555);
    expect(await sendUnprivileged()).toMatchObject({ code: "ERR_ENGINE_FILE_READ_ONLY" });
    expect(existsSync(files.path)).toBe(false);
  });

  test("a directory that may not be entered is said to be closed to the process", async () => {
    for (const [closed, directory] of [
      ["private", "private"],
      ["other", "other/tasks"],
    ] as const) {
      mkdirSync(join(files.directory, directory), { recursive: true });
      chmodSync(join(files.directory, closed), 0o700);
      expect(await sendUnprivileged(join(files.directory, directory, "tasks.db"))).toMatchObject({
        code: "ERR_ENGINE_FILE_READ_ONLY",
      });
    }
  });

  test("a file that may be written, in a directory that may not, is said to be read-only", async () => {
    const engine = files.make();
    await send(engine, "1");
    await engine.close();
    chmodSync(files.path, 0o666);
    chmodSync(files.directory, 0o555);
    expect(await sendUnprivileged()).toMatchObject({ code: "ERR_ENGINE_FILE_READ_ONLY" });
    chmodSync(files.directory, 0o755);
  });

  test("whoever may use the file may ring the bell", async () => {
    new DatabaseSync(files.path).close();
    writeFileSync(files.path, "");
    chmodSync(files.path, 0o666);
    chmodSync(files.directory, 0o777);
    const engine = files.make({ pollInterval: 60_000 });
    const claimed = claimWhenReady(engine);
    await pause(50);
    expect(await sendUnprivileged()).toEqual({ sent: true });
    expect((await claimed).message.id).toBe("unprivileged");
  });
});

import { monitorEventLoopDelay } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryEngines } from "../../../test/fixtures/engine/files.ts";
import { openUsersDatabase, sqlOf } from "../../../test/fixtures/engine/users-database.ts";
import { engineContract } from "../../testing/engine-contract.ts";
import { claim, claimWhenReady, ids, message, pause, send } from "../../testing/engine-contract/case.ts";
import type { Engine, Outgoing } from "../../engine.ts";
import { sqlite } from "../sqlite.ts";

engineContract({
  describe,
  test,
  name: "sqlite in a user's database",
  create: () => {
    const { path, make, close } = temporaryEngines();
    const database = openUsersDatabase(path);
    database.exec("PRAGMA user_version = 7");
    const options = { sameDatabase: true };
    return {
      engine: make(options),
      another: () => make(options),
      async close() {
        expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 7 });
        expect(database.prepare("SELECT count(*) AS rows FROM tasks").get()).toEqual({ rows: 0 });
        database.close();
        await close();
      },
    };
  },
});

/** Something to send that may run at once, unless told. */
const outgoing = (id: string, settings: Partial<Outgoing> = {}): Outgoing => ({
  message: message(id),
  runAt: 0,
  ...settings,
});

let files: ReturnType<typeof temporaryEngines>;
let database: DatabaseSync;
let engine: Engine;

beforeEach(() => {
  files = temporaryEngines();
  database = openUsersDatabase(files.path);
  engine = files.make({ sameDatabase: true });
});

afterEach(async () => {
  if (database.isOpen) database.close();
  await files.close();
});

describe("the user's own file", () => {
  test("has the engine's tables beside the user's, all of them with a prefix, and its header as it was", async () => {
    database.exec("PRAGMA user_version = 7; PRAGMA application_id = 8; INSERT INTO tasks VALUES (1, 'mine')");
    await send(engine, "1");
    expect(ids(await claim(engine))).toEqual(["1"]);
    const names = database
      .prepare("SELECT tbl_name, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
      .all();
    const others = names.filter(({ name }) => !String(name).startsWith("petiole_"));
    expect(others.map(({ name }) => name)).toEqual(["aliases", "logs", "paused", "starts", "tasks"]);
    expect(names.filter(({ tbl_name: table }) => table === "petiole_tasks").length).toBeGreaterThan(5);
    expect(database.prepare("SELECT * FROM tasks").all()).toEqual([{ id: 1, body: "mine" }]);
    const header = [
      database.prepare("PRAGMA user_version").get(),
      database.prepare("PRAGMA application_id").get(),
    ];
    expect(header).toEqual([{ user_version: 7 }, { application_id: 8 }]);
  });

  test("is made once by several engines that open it together", async () => {
    const engines = [engine, files.make({ sameDatabase: true }), files.make({ sameDatabase: true })];
    await Promise.all(engines.map((each) => each.open()));
    expect(database.prepare("SELECT * FROM petiole_engine").all()).toHaveLength(1);
  });

  test("is brought up to date when it is of the version before", async () => {
    await send(engine, "1");
    await engine.close();
    database.exec("DROP TABLE petiole_paused; UPDATE petiole_engine SET version = 1");
    const next = files.make({ sameDatabase: true });
    await next.pause("default");
    expect(await claim(next)).toEqual([]);
    expect(database.prepare("SELECT version FROM petiole_engine").all()).toEqual([{ version: 2 }]);
  });

  test("is counted in slices when there are very many tasks, and they are the engine's", async () => {
    await engine.open();
    database.exec("INSERT INTO tasks VALUES (1, 'mine')");
    database.exec(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
       INSERT INTO petiole_tasks (id, task, queue, state, sent_at, run_at, headers, payload)
       SELECT i, 'test.task', 'default', 'waiting', 1, i, '{"wire":1}', '1' FROM n`,
    );
    expect(await engine.counts()).toEqual([{ queue: "default", state: "waiting", count: 60_000 }]);
  });

  test("is refused when a newer version has written it", async () => {
    await engine.open();
    database.exec("UPDATE petiole_engine SET version = 99");
    await expect(files.make({ sameDatabase: true }).open()).rejects.toMatchObject({
      code: "ERR_ENGINE_FILE_INVALID",
      message: expect.stringContaining("its schema is 99"),
    });
  });

  test("is refused without the option, whose error names it; an engine's own file is refused with it", async () => {
    await expect(files.make().open()).rejects.toMatchObject({
      code: "ERR_ENGINE_FILE_INVALID",
      message: expect.stringContaining("sameDatabase: true"),
    });
    const own = sqlite(join(files.directory, "own.db"));
    await own.open();
    await own.close();
    const wrong = sqlite(join(files.directory, "own.db"), { sameDatabase: true });
    await expect(wrong.open()).rejects.toMatchObject({
      code: "ERR_ENGINE_FILE_INVALID",
      message: expect.stringContaining("leave sameDatabase out"),
    });
  });

  test.each([0, "yes", null])("the option %j is refused", (sameDatabase) => {
    expect(() => sqlite("a.db", { sameDatabase: sameDatabase as never })).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
    );
  });
});

describe("a send within a transaction", () => {
  beforeEach(() => engine.open());

  const within = (...batch: Parameters<typeof outgoing>[]) =>
    engine.sendWithin!(
      batch.map((each) => outgoing(...each)),
      sqlOf(database),
    );

  test("is there with the commit, wakes at once, and is as one that was sent without", async () => {
    const woken: string[] = [];
    const stop = engine.onReady(["default"], () => woken.push("ready"));
    await engine.send([outgoing("before", { priority: 3, lane: "l" })]);
    await expect.poll(() => woken).not.toEqual([]);
    database.exec("BEGIN IMMEDIATE");
    const sent = await within(["a", { priority: 3, lane: "l" }], ["b\0\ud800"]);
    expect(sent.ids).toEqual(["a", "b\0\ud800"]);
    expect(await engine.find("a")).toBeUndefined();
    database.exec("COMMIT");
    const [before, a] = [await engine.find("before"), await engine.find("a")];
    expect({ ...a, sentAt: 0, runAt: 0 }).toEqual({
      ...before,
      sentAt: 0,
      runAt: 0,
      message: message("a"),
    });
    woken.length = 0;
    sent.committed();
    await Promise.resolve();
    expect(woken).toEqual(["ready"]);
    expect(ids(await claim(engine, { limit: 9 }))).toEqual(["before", "a", "b\0\ud800"]);
    stop();
  });

  test("leaves nothing with a rollback, of the whole or of a savepoint", async () => {
    database.exec("BEGIN");
    await within(["1"]);
    database.exec("ROLLBACK; BEGIN");
    await within(["2"]);
    database.exec("SAVEPOINT s");
    await within(["3"]);
    database.exec("ROLLBACK TO s; COMMIT");
    expect(ids(await claim(engine, { limit: 9 }))).toEqual(["2"]);
  });

  test("finds who holds a key, whoever sent it and wherever, also of sends at once", async () => {
    await engine.send([outgoing("held", { unique: { key: "k" } })]);
    database.exec("BEGIN");
    const both = await Promise.all([
      within(["1", { unique: { key: "k" } }], ["2", { unique: { key: "other" } }]),
      within(["3", { unique: { key: "other" } }], ["4"], ["5", { unique: { key: "k" } }]),
    ]);
    const [[first, one], [other, four, last]] = both.map((sent) => sent.ids) as [string[], string[]];
    expect([first, one, four, last]).toEqual(["held", other, "4", "held"]);
    expect(["2", "3"]).toContain(one);
    database.exec("COMMIT");
    const { records } = await engine.list({});
    expect(records.map((record) => record.message.id).toSorted()).toEqual([one, "4", "held"]);
  });

  test("a key that is free again is taken; one that is held until a time is held until then", async () => {
    const past = Date.now() - 1;
    await engine.send([outgoing("1", { unique: { key: "k", until: past } })]);
    await engine.send([outgoing("2", { unique: { key: "l", until: Date.now() + 60_000 } })]);
    await engine.cancel(["2"], { code: "X", message: "over" });
    database.exec("BEGIN");
    const sent = await within(["3", { unique: { key: "k" } }], ["4", { unique: { key: "l" } }]);
    database.exec("COMMIT");
    expect(sent.ids).toEqual(["3", "2"]);
  });

  test("an id that is known is left as it is; a duplicate that shall be followed is", async () => {
    await send(engine, "1");
    const [delivery] = await claim(engine);
    database.exec("BEGIN");
    const unique = { key: "k", follow: true };
    const sent = await within(
      ["1"],
      ["2", { unique }],
      ["3", { unique }],
      ["3", { unique }],
      ["2", { unique }],
    );
    expect(sent.ids).toEqual(["1", "2", "2", "2", "2"]);
    database.exec("COMMIT");
    expect((await engine.find("1"))?.state).toBe("running");
    expect((await engine.find("3"))?.message.id).toBe("2");
    expect(await engine.settle([{ kind: "complete", lease: delivery!.lease, result: "1" }])).toEqual([true]);
  });

  test("many at once, in their order", async () => {
    const names = Array.from({ length: 450 }, (_, index) => String(index));
    database.exec("BEGIN");
    const sent = await within(
      ...names.map((name): Parameters<typeof outgoing> =>
        Number(name) % 201 === 200 ? [name, { unique: { key: name } }] : [name],
      ),
    );
    database.exec("COMMIT");
    expect(sent.ids).toEqual(names);
    expect(ids(await claim(engine, { limit: 500 }))).toEqual(names);
  });

  test("one for later is claimed when its time has come, without anybody looking for it", async () => {
    database.exec("BEGIN");
    const sent = await within(["1", { runAt: Date.now() + 60 }]);
    database.exec("COMMIT");
    sent.committed();
    expect(await claim(engine)).toEqual([]);
    expect((await claimWhenReady(engine)).message.id).toBe("1");
  });

  test("what was sent is taken back in the same transaction, and its key is free", async () => {
    database.exec("BEGIN");
    const sent = await within(["1", { unique: { key: "k" } }]);
    await sent.withdraw(["1"], sqlOf(database));
    expect((await within(["2", { unique: { key: "k" } }])).ids).toEqual(["2"]);
    database.exec("COMMIT");
    expect(ids(await claim(engine, { limit: 9 }))).toEqual(["2"]);
  });

  test("an engine that is not open yet needs not be; one that is closed refuses", async () => {
    const other = files.make({ sameDatabase: true });
    database.exec("BEGIN");
    const sent = await other.sendWithin!([outgoing("1")], sqlOf(database));
    database.exec("COMMIT");
    sent.committed();
    expect((await claimWhenReady(engine)).message.id).toBe("1");
    await other.close();
    await expect(other.sendWithin!([outgoing("2")], sqlOf(database))).rejects.toMatchObject({
      code: "ERR_ENGINE_CLOSED",
    });
  });

  test("while a transaction is open, what the engine writes by itself waits, and the event loop does not", async () => {
    const longest: number[] = [];
    // The machine may have kept this process waiting; SQLite would do so in every round.
    for (const round of [1, 2, 3, 4]) {
      database.exec("BEGIN IMMEDIATE");
      await within([`within ${round}`]);
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      let isSent = false;
      const sending = engine.send([outgoing(`without ${round}`)]).then(() => (isSent = true));
      await pause(150);
      expect(isSent).toBe(false);
      delay.disable();
      database.exec("COMMIT");
      await sending;
      longest.push(delay.max / 1e6);
      expect(ids(await claim(engine, { limit: 9 }))).toEqual([`within ${round}`, `without ${round}`]);
    }
    expect(Math.min(...longest)).toBeLessThan(50);
  });
});

describe("a transaction that is not of the engine's database", () => {
  const refusal = (code: string, ...words: readonly string[]) => ({
    code,
    message: expect.stringMatching(new RegExp(words.join(".*"), "s")),
  });

  test.each(["postgres", "mysql"] as const)("in %s it is refused", async (dialect) => {
    const sending = engine.sendWithin!([outgoing("1")], { dialect, query: async () => [] });
    await expect(sending).rejects.toMatchObject(
      refusal("ERR_TRANSACTION_UNSUPPORTED", files.path, dialect, "Nothing was sent", "outbox"),
    );
  });

  test("in another file, in memory, or in a file that has the engine's attached, it is refused", async () => {
    await engine.open();
    const elsewhere = join(files.directory, "elsewhere.db");
    for (const name of [elsewhere, ":memory:"]) {
      const other = new DatabaseSync(name);
      other.exec(`ATTACH '${files.path}' AS engine; BEGIN`);
      const words = [
        "not of the engine's own database",
        name === elsewhere ? elsewhere : "in memory",
        "outbox",
      ];
      await expect(engine.sendWithin!([outgoing("1")], sqlOf(other))).rejects.toMatchObject(
        refusal("ERR_TRANSACTION_UNSUPPORTED", ...words),
      );
      other.exec("COMMIT");
      other.close();
    }
    expect(await engine.counts()).toEqual([]);
  });

  test("by another name of the file it is not refused", async () => {
    await engine.open();
    const link = join(files.directory, "link.db");
    symlinkSync(files.path, link);
    const other = new DatabaseSync(link);
    await engine.sendWithin!([outgoing("1")], sqlOf(other));
    other.close();
    expect(ids(await claim(engine))).toEqual(["1"]);
  });

  test("before the engine's tables are there it is refused, and told what to do", async () => {
    database.exec("BEGIN IMMEDIATE");
    const sending = engine.sendWithin!([outgoing("1")], sqlOf(database));
    await expect(sending).rejects.toMatchObject(
      refusal("ERR_TRANSACTION_UNSUPPORTED", files.path, "await app.engine.open\\(\\)"),
    );
    database.exec("ROLLBACK");
  });
});

/** Processes are killed between the commit of a transaction and the send of what was enqueued in it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { outboxTable } from "../src/task/outbox.ts";
import { Setting, until, type Running } from "./fixtures/cli/processes.ts";
import { noPostgres, startPostgres, type Postgres } from "./services/postgres.ts";

let postgres: Postgres | undefined;
let setting: Setting;
let environment: NodeJS.ProcessEnv;
let query: (text: string) => Promise<readonly unknown[]>;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  if (noPostgres === undefined) postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
beforeEach(() => {
  setting = new Setting();
  environment = {};
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await setting.close();
});

const databases = {
  async SQLite() {
    const client = createClient({ url: `file:${join(setting.folder, "shop.db")}` });
    closing.push(() => client.close());
    query = async (text) => (await client.execute(text)).rows;
    // Else whoever looks is locked out by whoever writes.
    await query("pragma journal_mode = wal");
    await query("create table orders (id integer primary key, item text not null)");
    await query(outboxTable("sqlite"));
  },
  async PostgreSQL() {
    const url = await postgres!.createDatabase();
    environment = { TEST_DATABASE_URL: url };
    const pool = new Pool({ connectionString: url });
    closing.push(() => pool.end());
    query = async (text) => (await pool.query(text)).rows as unknown[];
    await query("create table orders (id integer primary key, item text not null)");
    await query(outboxTable("postgres"));
  },
};

const order = (first: number, moment: string): Running =>
  setting.node("../outbox/order.ts", [String(first), moment], environment);

/** What was packed, in order. */
function packed(): string[] {
  try {
    return readFileSync(setting.journal, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

async function start(command: "worker" | "relay"): Promise<Running> {
  const flags = command === "worker" ? ["--concurrency", "1"] : [];
  const running = setting.start([command, "../outbox/app.ts", ...flags], environment);
  await running.says("is ready");
  return running;
}

const items = (first: number): string[] => [0, 1, 2].map((step) => `${first + step} item ${first + step}`);

describe.each(["SQLite", "PostgreSQL"] as const)("an outbox in %s", (name) => {
  beforeEach(async (context) => {
    context.skip(name === "PostgreSQL" && noPostgres !== undefined, noPostgres);
    await databases[name]();
  });

  test("nothing is lost when a process is killed between commit and send: any worker sends it, in order", async () => {
    for (const first of [1, 4]) {
      expect(await order(first, "before the send").ended).toMatchObject({ signal: "SIGKILL" });
    }
    expect(await query("select id from petiole_outbox")).toHaveLength(6);
    const worker = await start("worker");
    await until("all are packed", () => packed().length === 6);
    expect(packed()).toStrictEqual([...items(1), ...items(4)]);
    await until(
      "the outbox is empty",
      async () => (await query("select id from petiole_outbox")).length === 0,
    );
    worker.signal("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0 });
  });

  test("what was sent, and not yet removed when the process was killed, is one task", async () => {
    expect(await order(1, "after the send").ended).toMatchObject({ signal: "SIGKILL" });
    expect(await query("select id from petiole_outbox")).toHaveLength(3);
    await start("worker");
    await until(
      "the outbox is empty",
      async () => (await query("select id from petiole_outbox")).length === 0,
    );
    await until("all are packed", () => packed().length >= 3);
    expect(packed()).toStrictEqual(items(1));
  });

  test("a process that is killed before the commit leaves nothing", async () => {
    expect(await order(1, "before the commit").ended).toMatchObject({ signal: "SIGKILL" });
    expect(await query("select id from petiole_outbox")).toHaveLength(0);
    expect(await query("select id from orders")).toHaveLength(0);
  });

  test("a process that lives on sends it itself; petiole relay sends what others left", async () => {
    const alive = order(1, "never");
    await alive.says("committed");
    await until(
      "the outbox is empty",
      async () => (await query("select id from petiole_outbox")).length === 0,
    );
    alive.signal("SIGKILL");
    expect(await order(4, "before the send").ended).toMatchObject({ signal: "SIGKILL" });
    const relay = await start("relay");
    await until(
      "the outbox is empty",
      async () => (await query("select id from petiole_outbox")).length === 0,
    );
    relay.signal("SIGTERM");
    expect(await relay.ended).toMatchObject({
      code: 0,
      output: expect.stringContaining("the relay has stopped"),
    });
    expect(packed(), "a relay runs nothing").toStrictEqual([]);
    await start("worker");
    await until("all are packed", () => packed().length === 6);
    expect(packed()).toStrictEqual([...items(1), ...items(4)]);
  });

  test("buffered sending loses what a process had not sent when it was killed: the rows are there, the tasks are not", async () => {
    environment["TEST_STRENGTH"] = "buffered";
    expect(await order(1, "before the send").ended).toMatchObject({ signal: "SIGKILL" });
    expect(await query("select id from orders")).toHaveLength(3);
    expect(await query("select id from petiole_outbox")).toHaveLength(0);
  });
});

describe("petiole outbox sql", () => {
  test("prints what makes the table, for the databases of an app or for a dialect", async () => {
    const ofApp = await setting.start(["outbox", "sql", "../outbox/app.ts"]).ended;
    expect(ofApp).toMatchObject({ code: 0, output: `${outboxTable("sqlite")}\n` });
    for (const dialect of ["sqlite", "postgres", "mysql"] as const) {
      const printed = await setting.run("outbox", "sql", "--dialect", dialect, "--table", "shop.outgoing");
      expect(printed).toMatchObject({ code: 0, output: `${outboxTable(dialect, "shop.outgoing")}\n` });
    }
  });

  test.each([
    [["outbox"], "outbox takes the word sql"],
    [["outbox", "sql"], "either an app module, or --dialect"],
    [["outbox", "sql", "./app.ts", "--dialect", "sqlite"], "either an app module, or --dialect"],
    [["outbox", "sql", "--dialect", "oracle"], "sqlite, postgres or mysql"],
    [["outbox", "sql", "--dialect", "sqlite", "--table", "a; drop"], "name of a table"],
  ])("%j is refused", async (parameters, text) => {
    const { code, errors } = await setting.run(...parameters);
    expect([code, errors]).toStrictEqual([2, expect.stringContaining(text)]);
  });

  test("an app without an outbox has no relay", async () => {
    const { code, errors } = await setting.start(["relay", "./app.ts"]).ended;
    expect([code, errors]).toStrictEqual([1, expect.stringContaining('made with transactions: "outbox"')]);
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataSource, EntitySchema } from "typeorm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { typeorm } from "../orm/typeorm.ts";
import { appContext } from "./app-context.ts";
import { outboxTable } from "./outbox.ts";
import { Petiole } from "./petiole.ts";

class Post {
  id!: number;
  body!: string;
}

const schema = new EntitySchema<Post>({
  name: "Post",
  target: Post,
  tableName: "posts",
  columns: { id: { type: Number, primary: true, generated: true }, body: { type: String } },
});

let folder: string;
let db: DataSource;
let setup: ReturnType<typeof make>;

function make() {
  const engine = memory();
  const adapter = typeorm(db, { "qa.Post": Post });
  const app = new Petiole({ engine, models: [adapter], transactions: "outbox" });
  const task = app.task("t", (n: number) => n);
  const pass = () => app[appContext].relay!.pass(adapter);
  const sent = async () => (await engine.list({})).records.map(({ message }) => message.payload);
  return { engine, app, task, pass, sent };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "petiole-"));
  const database = join(folder, "qa.db");
  db = new DataSource({ type: "better-sqlite3", database, entities: [schema], synchronize: true });
  await db.initialize();
  await db.query(outboxTable("sqlite"));
  setup = make();
});

afterEach(async () => {
  await setup.app.close();
  await db.destroy();
  rmSync(folder, { recursive: true });
});

// TypeORM has one connection to a file, and makes a transaction a savepoint while another is open on it.
describe("a relay on a connection that is shared", () => {
  test("sends nothing of a transaction that the ORM itself began, before its commit or after its rollback", async () => {
    const { task, pass, sent } = setup;
    let passing: Promise<unknown> | undefined;
    const undone = db.transaction(async () => {
      await task.enqueue(1);
      passing = pass();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await sent()).toStrictEqual([]);
      throw new Error("undone");
    });
    await expect(undone).rejects.toThrow("undone");
    await passing;
    expect(await sent()).toStrictEqual([]);
    await db.transaction(() => task.enqueue(2));
    await pass();
    expect(await sent()).toStrictEqual(["2"]);
  });

  test("undoes nothing that others write while it sends, when it cannot send", async () => {
    const { engine, app, task } = setup;
    const { send } = engine;
    const [called, gate, again] = [0, 1, 2].map(() => Promise.withResolvers<void>());
    engine.send = async () => {
      called!.resolve();
      await gate!.promise;
      engine.send = async (batch) => {
        again!.resolve();
        return send.call(engine, batch);
      };
      throw new Error("out of reach");
    };
    await app.transaction(db, () => task.enqueue(1));
    await called!.promise;
    await db.query("insert into posts (body) values ('meanwhile')");
    gate!.resolve();
    await again!.promise;
    expect(await db.query("select body from posts")).toStrictEqual([{ body: "meanwhile" }]);
  });
});

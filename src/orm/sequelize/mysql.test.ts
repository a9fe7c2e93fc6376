import { EventEmitter } from "node:events";
import { DataTypes, Sequelize } from "sequelize";
import { describe, expect, test } from "vitest";
import { sequelize } from "../sequelize.ts";

/** What mysql2 does, without a server: rows for a select, a header for anything else. */
class Connection extends EventEmitter {
  readonly asked: string[] = [];
  readonly stream = { destroyed: false };

  connected(): this {
    setImmediate(() => this.emit("connect"));
    return this;
  }

  query({ sql }: { sql: string }, done: (error: undefined, result: unknown) => void): EventEmitter {
    this.asked.push(sql);
    const rows = /version\(\)/i.test(sql) ? [{ version: "8.0.42" }] : [{ id: "a" }];
    const result = /^select/i.test(sql) ? rows : { affectedRows: 1, insertId: 0 };
    setImmediate(() => done(undefined, result));
    return this;
  }

  end(done: () => void): void {
    done();
  }
}

test("on MySQL, statements that give no rows give none, and others give theirs", async () => {
  const connection = new Connection();
  const db = new Sequelize({
    dialect: "mysql",
    dialectModule: { createConnection: () => connection.connected() },
    logging: false,
  });
  const { query, dialect } = sequelize(db, {}).sql!;
  expect(dialect).toBe("mysql");
  expect(await query("select id from t where id = ?", ["it's"])).toEqual([{ id: "a" }]);
  for (const statement of [
    "insert into t (id) values (?)",
    "update t set id = ?",
    "delete from t where id = ?",
  ])
    expect(await query(statement, ["a"])).toEqual([]);
  expect(connection.asked).toContain("select id from t where id = 'it\\'s'");
  await db.close();
});

describe("a time in whole seconds, which a DATE is there unless told", () => {
  const db = new Sequelize({ dialect: "mysql", dialectModule: {}, logging: false });
  const Whole = db.define("Whole", { at: DataTypes.DATE });
  const Exact = db.define("Exact", { updatedAt: DataTypes.DATE(3), at: DataTypes.DATE(3) });
  const at = new Date("2026-03-29T01:30:00.789Z");
  const adapter = sequelize(db, { "qa.Whole": Whole, "qa.Exact": Exact });

  test("is no version by itself", () => {
    expect(adapter.models.map(({ version }) => version)).toEqual([undefined, "updatedAt"]);
    const stated = sequelize(db, { "qa.Stated": { model: Whole, version: "updatedAt" } });
    expect(stated.models[0]!.version).toBe("updatedAt");
  });

  test("is read from a row as it was written", () => {
    const fieldsOf = (model: string, row: object) => adapter.fieldsOf(model, row)["at"];
    expect(fieldsOf("qa.Whole", Whole.build({ id: 1, at }))).toEqual(new Date("2026-03-29T01:30:00Z"));
    expect(fieldsOf("qa.Whole", Whole.build({ id: 1, at: new Date(-1) }))).toEqual(new Date(-1000));
    expect(fieldsOf("qa.Exact", Exact.build({ id: 1, at }))).toEqual(at);
  });
});

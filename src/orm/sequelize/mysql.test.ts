import { EventEmitter } from "node:events";
import { Sequelize } from "sequelize";
import { expect, test } from "vitest";
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

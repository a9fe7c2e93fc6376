import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { littleAdapter } from "../../test/fixtures/little-orm/adapter.ts";
import { models } from "../../test/fixtures/little-orm/models.ts";
import { LittleOrm, type Session, where } from "../../test/fixtures/little-orm/orm.ts";
import { sqliteTables } from "../../test/orm/contract-tables.ts";
import type { Key } from "../model/ref.ts";
import { type ContractModelName, type OrmContractHarness, ormContract } from "./orm-contract.ts";

ormContract({ describe, test, name: "a little ORM", create: createHarness });

function createHarness(): OrmContractHarness {
  const folder = mkdtempSync(join(tmpdir(), "petiole-little-"));
  const orm = new LittleOrm(join(folder, "test.db"));
  orm.writer.exec(sqliteTables);
  const withKey = (model: ContractModelName, key: Key, changes: object): object => {
    const { key: attributes, target } = models[model];
    const parts = typeof key === "object" ? key : { [String(attributes[0])]: key };
    return Object.assign(new target(), changes, parts);
  };
  return {
    adapter: littleAdapter(orm),
    another: (names) => littleAdapter(orm, names),
    handle: orm.db,
    targets: Object.fromEntries(
      Object.entries(models).map(([name, model]) => [name, model.target]),
    ) as unknown as OrmContractHarness["targets"],
    async insert(handle, model, rows) {
      const session = handle as Session;
      return rows.map((row) => {
        session.write("insert", model, row);
        const condition = where(model, row).slice("where ".length);
        return session.select(model, condition, [])[0] ?? {};
      });
    },
    async update(handle, model, key, changes) {
      const session = handle as Session;
      const row = withKey(model, key, {});
      session.write("update", model, changes, where(model, row));
      if (model === "qa.Post")
        session.run(`update posts set revision = revision + 1 ${where(model, row)}`, []);
    },
    async delete(handle, model, key) {
      (handle as Session).write("delete", model, {}, where(model, withKey(model, key, {})));
    },
    async hide(key) {
      orm.db.run("update posts set deleted_at = 1 where id = ?", [key]);
    },
    ownTransaction: (handle, run) => (handle as Session).transaction(run),
    async begin() {
      const { session, commit, rollback } = await orm.db.begin();
      return { handle: session, commit, rollback };
    },
    hooked: {
      async insert(handle, model, row) {
        const instance = Object.assign(new models[model].target(), row);
        await (handle as Session).hooked("insert", model, instance);
        return instance;
      },
      update: (handle, model, row, changes) =>
        (handle as Session).hooked("update", model, Object.assign(row, changes)),
      delete: (handle, model, row) => (handle as Session).hooked("delete", model, row),
      updateAll: (handle, model, changes) => (handle as Session).updateAll(model, changes),
    },
    countQueries: () => orm.queries,
    breakDatabase: async () => orm.close(),
    async close() {
      orm.close();
      rmSync(folder, { recursive: true });
    },
  };
}

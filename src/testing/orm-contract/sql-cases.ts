/** The contract's rules about SQL through the adapter. */
import assert from "node:assert/strict";
import type { OrmSql, Within } from "../../model/adapter.ts";
import type { ContractModelName, OrmContractCase, OrmContractHarness } from "./harness.ts";
import { anyOf, errorWith, needs } from "./needs.ts";

const table = "create table contract_notes (id integer primary key, note text)";

export const sqlCases: readonly OrmContractCase[] = [
  {
    name: "SQL takes texts, numbers and null as parameters, and gives rows by column",
    skip: needs("sql"),
    async run(harness) {
      const sql = sqlOf(harness);
      const parts = ["a", "b", "c", "d"].map((name, index) => {
        const type = name === "b" ? "integer" : "text";
        return `cast(${mark(sql, index + 1)} as ${sql.dialect === "mysql" && type === "text" ? "char" : type}) as ${name}`;
      });
      const text = "ünï 日本 🌱 ' \" \\ ? $1 :x";
      const rows = await sql.query(`select ${parts.join(", ")}`, [text, 7, null, ""]);
      assert.deepEqual(
        rows.map((row) => ({ ...row, b: Number(row["b"]) })),
        [{ a: text, b: 7, c: null, d: "" }],
      );
    },
  },
  {
    name: "SQL that gives no rows gives none",
    skip: needs("sql"),
    async run(harness) {
      const sql = sqlOf(harness);
      assert.deepEqual([...(await sql.query(table, []))], []);
      assert.deepEqual([...(await add(sql, 1, "first"))], []);
      assert.deepEqual([...(await sql.query("select * from contract_notes where id = 2", []))], []);
      const rows = await sql.query("select id, note from contract_notes", []);
      assert.deepEqual(
        rows.map((row) => ({ ...row, id: Number(row["id"]) })),
        [{ id: 1, note: "first" }],
      );
    },
  },
  {
    name: "SQL that inserts and returns gives what it returns",
    skip: anyOf(needs("sql"), ({ adapter }) =>
      adapter.sql?.dialect === "mysql" ? "MySQL has no returning" : undefined,
    ),
    async run(harness) {
      const sql = sqlOf(harness);
      await sql.query(table, []);
      const text = `insert into contract_notes values (${mark(sql, 1)}, ${mark(sql, 2)}) returning id, note`;
      const rows = await sql.query(text, [1, null]);
      assert.deepEqual(
        rows.map((row) => ({ ...row, id: Number(row["id"]) })),
        [{ id: 1, note: null }],
      );
    },
  },
  {
    name: "SQL in a transaction sees it, and is rolled back with it",
    skip: needs("sql", "transaction"),
    async run(harness) {
      const { adapter, handle } = harness;
      const sql = sqlOf(harness);
      await sql.query(table, []);
      const failure = new Error("changed my mind");
      const outcome = adapter.transaction(handle, async (outer) => {
        const within = { transaction: outer as object };
        await add(sql, 1, "outer", within);
        assert.deepEqual(await notes(sql, within), ["outer"]);
        throw failure;
      });
      await assert.rejects(outcome, (error) => error === failure);
      assert.deepEqual(await notes(sql), []);

      await adapter.transaction(handle, (transaction) =>
        add(sql, 3, "kept", { transaction: transaction as object }),
      );
      assert.deepEqual(await notes(sql), ["kept"]);
    },
  },
  {
    name: "SQL in a savepoint is rolled back with it alone",
    skip: needs("sql", "transaction", "savepoints"),
    async run(harness) {
      const { adapter, handle } = harness;
      const sql = sqlOf(harness);
      await sql.query(table, []);
      await adapter.transaction(handle, async (outer) => {
        await add(sql, 1, "kept", { transaction: outer as object });
        const nested = adapter.transaction(outer, async (inner) => {
          await add(sql, 2, "lost", { transaction: inner as object });
          throw new TypeError("the inner one");
        });
        await assert.rejects(nested, TypeError);
      });
      assert.deepEqual(await notes(sql), ["kept"]);
    },
  },
  {
    name: "SQL finds the tables and columns that the adapter tells of",
    skip: anyOf(needs("sql"), ({ adapter }) =>
      adapter.models.some(({ table }) => table !== undefined) ? undefined : "it tells of no tables",
    ),
    async run(harness) {
      const sql = sqlOf(harness);
      const quoted = (name: string): string => (sql.dialect === "mysql" ? `\`${name}\`` : `"${name}"`);
      const keys = { "qa.Membership": { userId: 3, groupName: "staff" }, "qa.Tag": { name: "a" } };
      for (const { name, table } of harness.adapter.models) {
        const key = new Map<string, object>(Object.entries(keys)).get(name);
        if (table === undefined || key === undefined) continue;
        const row = { ...key, body: `of ${name}` };
        await harness.insert(harness.handle, name as ContractModelName, [row]);
        const columns = Object.entries(table.columns).map(
          ([attribute, column]) => `${quoted(column)} as ${quoted(attribute)}`,
        );
        const from = [table.schema, table.name].filter((part) => part !== undefined).map(quoted);
        const [found] = await sql.query(`select ${columns.join(", ")} from ${from.join(".")}`, []);
        const texts = (values: object): object =>
          Object.fromEntries(Object.entries(values).map(([attribute, value]) => [attribute, String(value)]));
        // Its key's columns are needed; of the others, it may not know.
        assert.deepEqual(
          Object.keys(key).filter((attribute) => !(attribute in table.columns)),
          [],
        );
        const known = Object.entries(row).filter(([attribute]) => attribute in table.columns);
        assert.deepEqual(texts(found ?? {}), texts(Object.fromEntries(known)));
      }
    },
  },
  {
    name: "SQL that is wrong rejects",
    skip: needs("sql"),
    async run(harness) {
      const sql = sqlOf(harness);
      await assert.rejects(async () => sql.query("select * from contract_nothing", []));
      await assert.rejects(async () => sql.query("not a statement", []));
    },
  },
  {
    name: "SQL in what is no transaction of this connection is refused",
    skip: needs("sql", "transaction"),
    async run(harness) {
      const refused = errorWith("ERR_TRANSACTION_UNSUPPORTED");
      await assert.rejects(async () => sqlOf(harness).query("select 1", [], { transaction: {} }), refused);
    },
  },
  {
    name: "SQL for a database that cannot be reached rejects",
    skip: needs("sql"),
    async run(harness) {
      await harness.breakDatabase();
      await assert.rejects(async () => sqlOf(harness).query("select 1 as one", []));
    },
  },
];

function sqlOf({ adapter }: OrmContractHarness): OrmSql {
  assert.ok(adapter.sql, "the adapter was to have sql, or to lack it");
  return adapter.sql;
}

function mark({ dialect }: OrmSql, index: number): string {
  return dialect === "postgres" ? `$${index}` : "?";
}

function add(sql: OrmSql, id: number, note: string, within?: Within): Promise<readonly object[]> {
  const marks = `${mark(sql, 1)}, ${mark(sql, 2)}`;
  return sql.query(`insert into contract_notes (id, note) values (${marks})`, [id, note], within);
}

async function notes(sql: OrmSql, within?: Within): Promise<readonly unknown[]> {
  const rows = await sql.query("select note from contract_notes order by note", [], within);
  return rows.map((row) => row["note"]);
}

import {
  type ControlledTransaction,
  type Dialect,
  DummyDriver,
  Kysely,
  MssqlQueryCompiler,
  MysqlAdapter,
  MysqlQueryCompiler,
  ParseJSONResultsPlugin,
  PostgresAdapter,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  CompiledQuery,
  sql,
} from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type ContractConnection,
  type ContractDatabase,
  contractModels,
  openSqlite,
} from "../../../test/orm/kysely-databases.ts";
import { ref } from "../../model/ref.ts";
import { kysely } from "../kysely.ts";
import { rawQuery } from "./database.ts";

let connection: ContractConnection;
let db: Kysely<ContractDatabase>;
beforeEach(async () => {
  connection = await openSqlite();
  db = connection.db;
});
afterEach(() => connection.close());

/** As a user without types, or with wrong ones, would call it. */
const untyped = kysely as (db: unknown, models: unknown, options?: unknown) => unknown;

describe("what the app states", () => {
  test.each([
    ["no object", 7, /expected \{ table, key.*received number/],
    ["no table", { key: ["id"] }, /expected \{ table, key/],
    ["no key", { table: "comments" }, /does not know primary keys.*received undefined/],
    ["an empty key", { table: "comments", key: [] }, /State which columns identify a row/],
    ["a key that is no list", { table: "comments", key: "id" }, /received string/],
    ["a column twice", { table: "comments", key: ["id", "id"] }, /key/],
    ["columns without the key's", { table: "comments", key: ["id"], columns: ["body"] }, /lack "id"/],
    [
      "columns that are no names",
      { table: "comments", key: ["id"], columns: [1] },
      /columns must be a list of names/,
    ],
    ["a version that is no name", { table: "comments", key: ["id"], version: 1 }, /version must be/],
    [
      "PostgreSQL's version",
      { table: "comments", key: ["id"], version: "xmin" },
      /"xmin" is PostgreSQL's.*sqlite/,
    ],
    ["an alias", { table: "comments as c", key: ["id"] }, /the name of a table; received "comments as c"/],
  ])("%s is refused", (_, model, message) => {
    expect(() => untyped(db, { "qa.Comment": model })).toThrow(
      expect.objectContaining({ code: "ERR_MODEL_DEFINITION", message: expect.stringMatching(message) }),
    );
    expect(() => untyped(db, { "qa.Comment": model })).toThrow(/"qa\.Comment"/);
  });

  test("what is no Kysely instance is refused", async () => {
    const refused = (message: RegExp) =>
      expect.objectContaining({ code: "ERR_MODEL_DEFINITION", message: expect.stringMatching(message) });
    for (const other of [undefined, null, "db", {}, new Date()])
      expect(() => untyped(other, {})).toThrow(refused(/new Kysely/));
    expect(() => untyped(db, {}, { replica: {} })).toThrow(refused(/the replica must be a Kysely instance/));
    expect(() => untyped(db, {}, { connection: 7 })).toThrow(
      refused(/`connection` must be a name; received number/),
    );
    expect(() => untyped(db, {}, { replicas: db })).toThrow(
      refused(/options are connection, replica;.*"replicas"/),
    );
    await db.transaction().execute(async (transaction) => {
      expect(() => untyped(transaction, {})).toThrow(refused(/one of its transactions/));
    });
  });

  test("is told as it is, with the names that the database knows", () => {
    const { models, connection } = kysely(
      db.withSchema("main"),
      {
        "qa.Post": { table: "posts", key: ["id"], columns: ["id", "title", "authorId"], version: "revision" },
        "qa.Membership": { table: "memberships", key: ["userId", "groupName"] },
      },
      { connection: "second" },
    );
    expect(connection).toBe("second");
    expect(models).toMatchObject([
      {
        name: "qa.Post",
        key: ["id"],
        fields: ["id", "title", "authorId"],
        version: "revision",
        table: {
          name: "posts",
          schema: "main",
          columns: { id: "id", title: "title", authorId: "author_id", revision: "revision" },
        },
      },
      { key: ["userId", "groupName"], table: { columns: { userId: "user_id", groupName: "group_name" } } },
    ]);
    expect(models[1]).not.toHaveProperty("fields");
    expect(models[1]).not.toHaveProperty("version");
  });

  test("gives targets to refer to", () => {
    const adapter = kysely(db, contractModels);
    const target = adapter.target("qa.Comment");
    expect(adapter.target("qa.Comment")).toBe(target);
    expect(ref(target, { id: 7 }).identity).toBe(ref(target, 7).identity);
    expect({ ...target }).toEqual({ name: "qa.Comment", table: "comments" });
    const unknown = { code: "ERR_MODEL_UNKNOWN", message: expect.stringContaining('"qa.Nope"') };
    expect(() => adapter.target("qa.Nope" as "qa.Comment")).toThrow(expect.objectContaining(unknown));
  });

  test("a name that is no model is refused", async () => {
    const adapter = kysely(db, contractModels);
    const unknown = expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" });
    await expect(adapter.load("qa.Nope", [1])).rejects.toThrow(unknown);
    await expect(adapter.save("qa.Nope", { id: 1 })).rejects.toThrow(unknown);
    for (const use of [adapter.keyOf, adapter.fieldsOf, adapter.entityOf])
      expect(() => use("qa.Nope", {})).toThrow(unknown);
  });
});

describe("dialects", () => {
  test("are told by what they write", () => {
    const dialectOf = (dialect: Dialect) =>
      kysely(new Kysely<ContractDatabase>({ dialect }), {}).sql?.dialect;
    expect(dialectOf(dry(new MysqlQueryCompiler(), new MysqlAdapter()))).toBe("mysql");
    expect(dialectOf(dry(new PostgresQueryCompiler(), new PostgresAdapter()))).toBe("postgres");
    expect(dialectOf(dry(new SqliteQueryCompiler(), new SqliteAdapter()))).toBe("sqlite");
    expect(() => dialectOf(dry(new MssqlQueryCompiler(), new PostgresAdapter()))).toThrow(
      expect.objectContaining({ code: "ERR_MODEL_UNSUPPORTED", message: expect.stringContaining("@1") }),
    );
  });

  test("transactions run one after another where there is one connection or one writer", () => {
    const isSerial = (dialect: Dialect) =>
      kysely(new Kysely<ContractDatabase>({ dialect }), {}).capabilities.serialTransactions;
    expect(isSerial(dry(new PostgresQueryCompiler(), new PostgresAdapter()))).toBe(false);
    expect(isSerial(dry(new SqliteQueryCompiler(), new PostgresAdapter()))).toBe(true);
    const single = Object.assign(Object.create(new PostgresAdapter()) as PostgresAdapter, {});
    Object.defineProperty(single, "supportsMultipleConnections", { value: false });
    expect(isSerial(dry(new PostgresQueryCompiler(), single))).toBe(true);
  });

  test("MySQL is asked in its own words; there is no server here to answer", async () => {
    const asked: string[] = [];
    const dialect = dry(new MysqlQueryCompiler(), new MysqlAdapter());
    const mysql = new Kysely<ContractDatabase>({ dialect, log: ({ query }) => void asked.push(query.sql) });
    const adapter = kysely(mysql, contractModels);
    await adapter.load("qa.Comment", [1, "abc"]);
    await adapter.save("qa.Sample", { id: 1, data: [1] });
    await adapter.transaction(mysql, (outer) => adapter.transaction(outer, async () => undefined));
    expect(asked).toEqual([
      "select * from `comments` where `id` in (?, ?)",
      "update `samples` set `data` = ? where `id` = ?",
      "insert into `samples` (`id`, `data`) values (?, ?) on duplicate key update `data` = ?",
      expect.stringMatching(/^savepoint petiole_\d+$/),
      expect.stringMatching(/^release savepoint petiole_\d+$/),
    ]);
  });
});

describe("loading", () => {
  test("SQL that is made here is what Kysely's own CompiledQuery.raw makes", async () => {
    const [made, real] = [rawQuery("select ? as x", [1]), CompiledQuery.raw("select ? as x", [1])];
    expect({ ...made, queryId: undefined }).toEqual({ ...real, queryId: undefined });
    expect(made.queryId.queryId).toEqual(expect.any(String));
    expect((await db.withoutPlugins().executeQuery(made as CompiledQuery)).rows).toEqual([{ x: 1 }]);
  });

  test("SQL gives columns by their own names, whatever the app's plugins make of them", async () => {
    const adapter = kysely(db, contractModels);
    expect(await adapter.sql?.query("select ? as some_name", ["x"])).toEqual([{ some_name: "x" }]);
    await adapter.transaction(db, async (transaction) => {
      const within = { transaction: transaction as object };
      expect(await adapter.sql?.query("select ? as some_name", ["x"], within)).toEqual([{ some_name: "x" }]);
    });
  });

  test("the types of a model's columns are asked for once, and again for what they could not hold", async () => {
    const adapter = kysely(db, contractModels);
    const count = async (keys: readonly (number | string)[]) => {
      const before = connection.countQueries();
      await adapter.load("qa.Comment", keys);
      return connection.countQueries() - before;
    };
    expect(await count([])).toBe(0);
    expect(await count([1])).toBe(2);
    expect(await count([1, 2, "abc"])).toBe(1);
  });

  test("a table that is made later is asked for its columns then", async () => {
    const later = db as unknown as Kysely<{ later: { name: string } }>;
    const adapter = kysely(later, { "x.Later": { table: "later", key: ["name"] } });
    await expect(adapter.load("x.Later", [1])).rejects.toThrow(/no such table/);
    await sql`create table later (name text primary key)`.execute(db);
    await later.insertInto("later").values({ name: "1" }).execute();
    expect(await adapter.load("x.Later", [1])).toEqual([{ name: "1" }]);
  });

  test("keys are compared as SQLite stores them, whatever the column was declared as", async () => {
    const types = ["integer", "bigint", "text", "varchar(9)", "numeric", "real", "blob", "any", ""];
    const keyed = db as unknown as Kysely<{ keyed: { id: number | string; bytes: string } }>;
    for (const type of types) {
      await sql`create table keyed (id ${sql.raw(type)} unique, bytes text)`.execute(db);
      const isText = ["text", "varchar(9)"].includes(type);
      await keyed
        .insertInto("keyed")
        .values({ id: isText ? "7" : 7n, bytes: "" } as never)
        .execute();
      const adapter = kysely(keyed, { "x.Keyed": { table: "keyed", key: ["id"] } });
      const isUntyped = ["blob", "any", ""].includes(type);
      for (const key of isUntyped ? [7, 7n] : [7, 7n, "7"]) {
        expect(
          await adapter.load("x.Keyed", [key, "abc", 2n ** 80n, ""]),
          `${type} ${typeof key}`,
        ).toHaveLength(1);
      }
      await sql`drop table keyed`.execute(db);
    }
  });

  test("keys wider than a number are exact", async () => {
    const big = 9007199254740993n;
    const wide = db as unknown as Kysely<{ comments: { id: bigint; body: string } }>;
    await wide.insertInto("comments").values({ id: big, body: "wide" }).execute();
    const adapter = kysely(wide, { "qa.Comment": { table: "comments", key: ["id"] } });
    for (const key of [big, String(big)]) expect(await adapter.load("qa.Comment", [key])).toHaveLength(1);
    expect(await adapter.load("qa.Comment", [big - 1n])).toEqual([]);
  });

  test("a handle with other plugins, or of another schema, is asked with those of the adapter", async () => {
    await db.insertInto("memberships").values({ userId: 1, groupName: "a", body: "x" }).execute();
    const adapter = kysely(db, contractModels);
    const rows = [{ userId: 1, groupName: "a", body: "x" }];
    await db
      .withoutPlugins()
      .transaction()
      .execute(async (transaction) => {
        const elsewhere = transaction.withSchema("temp");
        for (const handle of [transaction, elsewhere])
          expect(
            await adapter.load(
              "qa.Membership",
              rows.map(({ userId, groupName }) => ({ userId, groupName })),
              { transaction: handle },
            ),
          ).toEqual(rows);
      });
  });

  test("relations are refused, and a replica that was not given", async () => {
    const adapter = kysely(db, contractModels);
    const refused = (message: RegExp) => ({
      code: "ERR_MODEL_UNSUPPORTED",
      message: expect.stringMatching(message),
    });
    await expect(adapter.load("qa.Post", [1], { with: ["author"] })).rejects.toMatchObject(
      refused(/no relations.*join/),
    );
    await expect(adapter.load("qa.Post", [1], { from: "replica" })).rejects.toMatchObject(
      refused(/\{ replica \}/),
    );
    expect(await adapter.load("qa.Post", [1], { with: [], from: "primary", scope: "all" })).toEqual([]);
  });

  test("a replica is asked when it is wanted, and a transaction is never in it", async () => {
    const replica = await openSqlite();
    try {
      await replica.db.insertInto("comments").values({ id: 1, body: "the replica's" }).execute();
      await db.insertInto("comments").values({ id: 1, body: "the primary's" }).execute();
      const adapter = kysely(db, contractModels, { replica: replica.db.withoutPlugins() });
      expect(adapter.capabilities.lacks.replica).toBeUndefined();
      const bodies = async (options: object) =>
        (await adapter.load("qa.Comment", [1], options)).map((row) => Reflect.get(row, "body") as unknown);
      expect(await bodies({})).toEqual(["the primary's"]);
      expect(await bodies({ from: "replica" })).toEqual(["the replica's"]);
      await adapter.transaction(db, async (transaction) => {
        expect(await bodies({ from: "replica", transaction })).toEqual(["the primary's"]);
        expect(await bodies({ from: "replica" })).toEqual(["the replica's"]);
      });
      expect(adapter.owns(replica.db)).toBe(false);
    } finally {
      await replica.close();
    }
  });

  test("trap: better-sqlite3 loses digits of integers unless it is told to make bigints", async () => {
    await db
      .insertInto("samples")
      .values({ id: 1, big: 9007199254740993n } as never)
      .execute();
    const read = async () =>
      (await sql<{ big: unknown }>`select big from samples`.execute(db.withoutPlugins())).rows[0]?.big;
    expect(await read()).toBe(9007199254740993n);
    connection.makeNumbers?.();
    expect(await read()).toBe(9007199254740992);
  });
});

describe("the columns of a row", () => {
  test("are what it has of those that were stated, or all that could be in a column", () => {
    const adapter = kysely(db, { ...contractModels, "qa.Tag": { table: "tags", key: ["name"] } });
    const row = { id: 1, body: "x", joined: 5, absent: undefined, toJSON: () => "never" };
    expect(adapter.fieldsOf("qa.Comment", row)).toEqual({ id: 1, body: "x" });
    const plain = {
      name: "a",
      body: null,
      joined: 5,
      absent: undefined,
      toJSON: () => "never",
      mark: Symbol("x"),
    };
    expect(adapter.fieldsOf("qa.Tag", plain)).toEqual({ name: "a", body: null, joined: 5 });
  });

  test("a row in memory is another object each time", () => {
    const adapter = kysely(db, contractModels);
    const fields = Object.freeze({ id: 1, body: "x" });
    const made = adapter.entityOf("qa.Comment", fields);
    expect(made).toEqual(fields);
    expect(made).not.toBe(fields);
    expect(Object.isFrozen(made)).toBe(false);
  });
});

describe("saving", () => {
  test("what was not given, and what the database makes by itself, is left as it is", async () => {
    await sql`create table g (id integer primary key, a integer, b integer default 5, twice integer as (a * 2) stored, once integer as (a))`.execute(
      db,
    );
    const generated = db as unknown as Kysely<{
      g: { id: number; a: number; b: number; twice: number; once: number };
    }>;
    const adapter = kysely(generated, { "x.G": { table: "g", key: ["id"] } });
    await adapter.save("x.G", { id: 1, a: 2, b: undefined, twice: 99, once: 99 });
    expect(await adapter.load("x.G", [1])).toEqual([{ id: 1, a: 2, b: 5, twice: 4, once: 2 }]);
    const [row = {}] = await adapter.load("x.G", [1]);
    await adapter.save("x.G", { ...adapter.fieldsOf("x.G", row), a: 3 });
    expect(await adapter.load("x.G", [1])).toEqual([{ id: 1, a: 3, b: 5, twice: 6, once: 3 }]);
  });

  test("a key is bound as its column holds it", async () => {
    const adapter = kysely(db, contractModels);
    await adapter.save("qa.Tag", { name: 1, body: "first" });
    await adapter.save("qa.Tag", { name: 1n, body: "second" });
    expect(await db.selectFrom("tags").selectAll().execute()).toEqual([{ name: "1", body: "second" }]);
  });

  test("JSON is written as text where only reading it is a plugin's", async () => {
    const plain = await openSqlite([new ParseJSONResultsPlugin()]);
    try {
      const adapter = kysely(plain.db, contractModels);
      const data = { list: [1, "two"], none: null };
      await adapter.save("qa.Sample", { id: 1, data });
      await adapter.save("qa.Sample", { id: 1, price: "1.5" });
      const [row = {}] = await adapter.load("qa.Sample", [1]);
      expect(adapter.fieldsOf("qa.Sample", row)).toMatchObject({ data, price: "1.5" });
    } finally {
      await plain.close();
    }
  });

  test("a row that another inserts in between is updated", async () => {
    const adapter = kysely(db, contractModels);
    await Promise.all([1, 2, 3, 4].map((n) => adapter.save("qa.Comment", { id: 1, body: `${n}` })));
    expect(await db.selectFrom("comments").selectAll().execute()).toEqual([
      { id: 1, body: expect.stringMatching(/[1-4]/) },
    ]);
  });

  test("in a controlled transaction is in it", async () => {
    const adapter = kysely(db, contractModels);
    const begun: ControlledTransaction<ContractDatabase> = await db.startTransaction().execute();
    await adapter.save("qa.Comment", { id: 1, body: "x" }, { transaction: begun });
    await begun.rollback().execute();
    expect(await adapter.load("qa.Comment", [1])).toEqual([]);
  });
});

/** A dialect without a database. */
function dry(
  compiler: ReturnType<Dialect["createQueryCompiler"]>,
  adapter: ReturnType<Dialect["createAdapter"]>,
): Dialect {
  return {
    createAdapter: () => adapter,
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => compiler,
  };
}

import {
  AbortedTransactionError,
  type ControlledTransaction,
  type Kysely,
  type Transaction,
  sql,
} from "kysely";
import { describe, expect, test } from "vitest";
import {
  type ContractConnection,
  type ContractDatabase,
  contractModels,
  openPostgres,
} from "../../../test/orm/kysely-databases.ts";
import { describePostgres } from "../../../test/services/describe-postgres.ts";
import { loadReferences } from "../../model/loader.ts";
import type { OrmObserver } from "../../model/observer.ts";
import { type Key, Reference, ref } from "../../model/ref.ts";
import { kysely } from "../kysely.ts";

describePostgres("kysely on PostgreSQL", (createDatabase) => {
  type Opened = Awaited<ReturnType<typeof openPostgres>>;
  const withDatabase = (run: (connection: Opened) => Promise<void>) => async () => {
    const connection = await openPostgres(await createDatabase());
    try {
      await run(connection);
    } finally {
      await connection.close();
    }
  };
  const insert = (handle: Kysely<ContractDatabase>, id: number) =>
    handle.insertInto("comments").values({ id, body: "x" }).execute();
  const ids = async ({ db }: ContractConnection) =>
    (await db.selectFrom("comments").select("id").orderBy("id").execute()).map(({ id }) => id);

  describe("keys", () => {
    const uuid = "0190a5c8-7d43-7cc1-8f0e-3c1f0a9e4b11";
    test.each<[type: string, good: readonly Key[], bad: readonly Key[]]>([
      ["smallint", [7, "7", -32768n], [32768, "x", 2n ** 80n, "1.5"]],
      ["integer", [7, "7", 2147483647], [2147483648, -2147483649n, "", " 7", "0x7"]],
      ["bigint", [7, "9007199254740993", 2n ** 63n - 1n], [2n ** 63n, "7e3", "abc"]],
      ["numeric", [7, "7.5", 2n ** 80n], ["abc", "1e5", ""]],
      ["double precision", [7, "8"], ["abc", "9".repeat(400)]],
      ["text", ["7", "", "a'b", 7, "\u{1F331}"], ["a\0b", "\uD800"]],
      ["varchar(9)", ["abc", 7], ["a\0b"]],
      ["uuid", [uuid], ["abc", 7, `${uuid}0`]],
      ["mood", ["glad", "sad"], ["angry", 7]],
      ["positive", [7, "8"], ["abc", 2147483648]],
    ])("of %s: one that the column cannot hold is a missing row, and fails no other", (type, good, bad) =>
      withDatabase(async ({ db }) => {
        await sql`create type mood as enum ('glad', 'sad')`.execute(db);
        await sql`create domain positive as integer check (value > 0)`.execute(db);
        await sql`create table keyed (id ${sql.raw(type)} primary key, part integer default 1)`.execute(db);
        const keyed = db as unknown as Kysely<{ keyed: { id: string; part: number } }>;
        const adapter = kysely(keyed, { "x.Keyed": { table: "keyed", key: ["id"] } });
        const distinct = new Set(good.map(String));
        for (const id of distinct) await sql`insert into keyed (id) values (${id})`.execute(db);
        const target = adapter.target("x.Keyed");
        const references = [...good, ...bad].map((key) => new Reference("x.Keyed", key));
        const loaded = await loadReferences([adapter], references);
        expect(loaded.missing.map(({ pk }) => pk)).toEqual(bad);
        await adapter.transaction(db, async (transaction) => {
          const rows = await adapter.load("x.Keyed", [...good, ...bad], {
            transaction: transaction as object,
          });
          expect(new Set(rows.map((row) => ref(target, row).identity)).size).toBe(distinct.size);
        });
        const both = kysely(keyed, { "x.Both": { table: "keyed", key: ["part", "id"] } });
        const pairs = [...good, ...bad].map((id) => ({ part: 1, id: id as string }));
        expect(await both.load("x.Both", [...pairs, { part: "x", id: good[0] as string }])).toHaveLength(
          distinct.size,
        );
      })(),
    );

    test.each<[type: string, stored: string, spellings: readonly string[], others: readonly string[]]>([
      ["uuid", uuid, [uuid, uuid.toUpperCase(), uuid.replaceAll("-", "")], [uuid.replace("0", "f")]],
      ["char(6)", "abc   ", ["abc", "abc   "], ["ABC"]],
      ["text", "abc", ["abc"], ["ABC", "abc "]],
    ])("of %s: each spelling of one key is the one row, and no other's", (type, stored, spellings, others) =>
      withDatabase(async ({ db }) => {
        await sql`create table keyed (id ${sql.raw(type)} primary key)`.execute(db);
        await sql`insert into keyed (id) values (${stored})`.execute(db);
        const keyed = db as unknown as Kysely<{ keyed: { id: string } }>;
        const adapter = kysely(keyed, { "x.Keyed": { table: "keyed", key: ["id"] } });
        for (const keys of [spellings, spellings.toReversed(), ...spellings.map((each) => [each])]) {
          const references = [...keys, ...others].map((key) => new Reference("x.Keyed", key));
          const loaded = await loadReferences([adapter], references);
          expect(loaded.missing.map(({ pk }) => pk)).toEqual(others);
          expect(new Set(references.slice(0, keys.length).map((each) => loaded.rowOf(each))).size).toBe(1);
        }
      })(),
    );

    test(
      "a column that has become wider is asked for again, before a row is missing",
      withDatabase(async ({ db }) => {
        const adapter = kysely(db, contractModels);
        const wide = 2 ** 40;
        expect(await adapter.load("qa.Comment", [1, wide])).toEqual([]);
        await sql`alter table comments alter column id type bigint`.execute(db);
        await insert(db, wide);
        expect(await adapter.load("qa.Comment", [1, wide])).toHaveLength(1);
      }),
    );

    test(
      "a table is found in its schema, or in the search path",
      withDatabase(async ({ db }) => {
        await sql`create schema "other ""one"`.execute(db);
        await sql`create table "other ""one".comments (id text primary key, body text)`.execute(db);
        const elsewhere = db.withSchema('other "one') as unknown as Kysely<{
          comments: { id: string; body: string };
        }>;
        await elsewhere.insertInto("comments").values({ id: "abc", body: "there" }).execute();
        await insert(db, 1);
        const there = kysely(elsewhere, { "other.Comment": { table: "comments", key: ["id"] } });
        const here = kysely(db, contractModels);
        expect(await there.load("other.Comment", ["abc", 1])).toEqual([{ id: "abc", body: "there" }]);
        expect(await here.load("qa.Comment", ["abc", 1])).toEqual([{ id: 1, body: "x" }]);
        expect(there.models[0]?.table).toMatchObject({ schema: 'other "one', name: "comments" });
        // A transaction of the one is a handle of the other, and each has its own table.
        await db.transaction().execute(async (transaction) => {
          expect(await there.load("other.Comment", ["abc"], { transaction })).toHaveLength(1);
          await there.save("other.Comment", { id: "abc", body: "saved" }, { transaction });
        });
        expect(await there.load("other.Comment", ["abc"])).toEqual([{ id: "abc", body: "saved" }]);
      }),
    );
  });

  test(
    "values that the driver would take for others are saved exactly",
    withDatabase(async ({ db }) => {
      await sql`create table kinds (
        id integer primary key, list jsonb, scalar json, required jsonb not null, texts text[], several jsonb[],
        twice integer generated always as (id * 2) stored
      )`.execute(db);
      interface Kinds {
        id: number;
        list: unknown;
        scalar: unknown;
        required: unknown;
        texts: string[];
        several: unknown[];
        twice: number;
      }
      const kinds = db as unknown as Kysely<{ kinds: Kinds }>;
      const adapter = kysely(kinds, { "x.Kinds": { table: "kinds", key: ["id"] } });
      const row = {
        list: [1, ["a"]],
        scalar: "7",
        required: null,
        texts: ["a,b", "{}"],
        several: [{ a: 1 }, "x", null],
      };
      await adapter.save("x.Kinds", { id: 1, ...row, twice: 99 });
      const [loaded = {}] = await adapter.load("x.Kinds", [1]);
      expect(loaded).toEqual({ id: 1, ...row, twice: 2 });
      await adapter.save("x.Kinds", { ...adapter.fieldsOf("x.Kinds", loaded), list: null });
      const nulls = await adapter.sql?.query(
        "select list is null as list, required is null as required from kinds",
        [],
      );
      expect(nulls).toEqual([{ list: true, required: false }]);
    }),
  );

  test(
    "a day that was read in another time zone is refused: it would be written as the day before",
    withDatabase(async ({ db }) => {
      await sql`create table days (id integer primary key, day date, days date[])`.execute(db);
      await sql`insert into days values (1, '2026-03-29', '{2026-03-29}')`.execute(db);
      const adapter = kysely(db as unknown as Kysely<{ days: { id: number; day: Date; days: Date[] } }>, {
        "x.Days": { table: "days", key: ["id"] },
      });
      const stored = async () =>
        (await sql<{ day: string }>`select day::text as day from days order by id`.execute(db)).rows.map(
          ({ day }) => day,
        );
      const { TZ } = process.env;
      try {
        process.env["TZ"] = "Europe/Berlin";
        const [row] = (await adapter.load("x.Days", [1])) as [Record<string, unknown>];
        await adapter.save("x.Days", { ...row, id: 2 });
        expect(await stored()).toEqual(["2026-03-29", "2026-03-29"]);
        process.env["TZ"] = "UTC";
        for (const fields of [{ day: row["day"] }, { days: row["days"] }]) {
          await expect(adapter.save("x.Days", { id: 2, ...fields })).rejects.toMatchObject({
            code: "ERR_SNAPSHOT_FIELDS",
            message: expect.stringMatching(/x\.Days\.days?.*time zone.*setTypeParser\(1(082|182)/),
          });
        }
        expect(await stored()).toEqual(["2026-03-29", "2026-03-29"]);
        // Of a day that has no midnight, the first moment is read.
        process.env["TZ"] = "America/Sao_Paulo";
        await sql`update days set day = '2018-11-04'`.execute(db);
        const [without] = (await adapter.load("x.Days", [1])) as [Record<string, unknown>];
        await adapter.save("x.Days", { id: 2, day: without["day"] });
        expect(await stored()).toEqual(["2018-11-04", "2018-11-04"]);
      } finally {
        if (TZ === undefined) delete process.env["TZ"];
        else process.env["TZ"] = TZ;
      }
    }),
  );

  test(
    "PostgreSQL's own version can be named, and asked for",
    withDatabase(async ({ db }) => {
      const adapter = kysely(db, { "qa.Comment": { table: "comments", key: ["id"], version: "xmin" } });
      await insert(db, 1);
      expect(adapter.models[0]).toMatchObject({
        version: "xmin",
        table: { name: "comments", columns: { id: "id" } },
      });
      const read = async () =>
        (await adapter.sql?.query("select xmin::text as v from comments where id = $1", [1]))?.[0]?.["v"];
      const before = await read();
      await adapter.save("qa.Comment", { id: 1, body: "y" });
      expect(await read()).not.toBe(before);
    }),
  );

  describe("transactions", () => {
    test(
      "are told with an isolation level and an access mode, which hold",
      withDatabase(async ({ db }) => {
        const { observer, log } = recorder();
        kysely(db, contractModels).observe(observer);
        const settings = async (transaction: Transaction<ContractDatabase>) => {
          const { rows } = await sql<{
            level: string;
            mode: string;
          }>`select current_setting('transaction_isolation') as level,
            current_setting('transaction_read_only') as mode`.execute(transaction);
          return rows[0];
        };
        const builder = () => db.transaction().setIsolationLevel("serializable").setAccessMode("read only");
        expect(await builder().execute(settings)).toEqual({ level: "serializable", mode: "on" });
        const begun = await db
          .startTransaction()
          .setAccessMode("read only")
          .setIsolationLevel("serializable")
          .execute();
        expect(await settings(begun)).toEqual({ level: "serializable", mode: "on" });
        await begun.rollback().execute();
        expect(log).toEqual(["begun", "committed", "begun", "rolled back"]);
      }),
    );

    test(
      "trap: what the instance writes inside of one survives its rollback",
      withDatabase(async (connection) => {
        const { db } = connection;
        const outcome = kysely(db, contractModels).transaction(db, async (transaction) => {
          await insert(db, 1);
          await insert(transaction as typeof db, 2);
          throw new TypeError("changed my mind");
        });
        await expect(outcome).rejects.toThrow(TypeError);
        expect(await ids(connection)).toEqual([1]);
      }),
    );

    test(
      "one that PostgreSQL rolls back at its commit is told as rolled back",
      withDatabase(async (connection) => {
        const { db } = connection;
        const { observer, log } = recorder();
        kysely(db, contractModels).observe(observer);
        const swallowed = async (transaction: Kysely<ContractDatabase>) => {
          await insert(transaction, 1);
          await insert(transaction, 1).catch(() => undefined);
        };
        await expect(db.transaction().execute(swallowed)).rejects.toThrow(AbortedTransactionError);
        const begun = await db.startTransaction().execute();
        await swallowed(begun);
        await expect(begun.commit().execute()).rejects.toThrow(AbortedTransactionError);
        await begun.rollback().execute();
        expect(log).toEqual(["begun", "rolled back", "begun", "rolled back"]);
        expect(await ids(connection)).toEqual([]);
      }),
    );

    test(
      "trap: a commit by hand that failed seems to succeed when it is tried again, and is not told so",
      withDatabase(async (connection) => {
        const { db } = connection;
        const { observer, log } = recorder();
        kysely(db, contractModels).observe(observer);
        await sql`create table d (id integer primary key, up integer references d (id) deferrable initially deferred)`.execute(
          db,
        );
        const begun = await db.startTransaction().execute();
        await insert(begun, 1);
        await sql`insert into d values (1, 2)`.execute(begun);
        await expect(begun.commit().execute()).rejects.toThrow(/foreign key/);
        expect(log).toEqual(["begun", "rolled back"]);
        await begun.commit().execute();
        expect(begun.isCommitted).toBe(true);
        expect(log).toEqual(["begun", "rolled back"]);
        expect(await ids(connection)).toEqual([]);
      }),
    );

    test(
      "a savepoint whose statement failed is rolled back, and its transaction goes on",
      withDatabase(async (connection) => {
        const { db } = connection;
        const { observer, log } = recorder();
        const adapter = kysely(db, contractModels);
        adapter.observe(observer);
        await adapter.transaction(db, async (outer) => {
          await insert(outer as typeof db, 1);
          // Swallowed: the release is what fails.
          const nested = adapter.transaction(outer, (inner) =>
            insert(inner as typeof db, 1).catch(() => undefined),
          );
          await expect(nested).rejects.toThrow(/aborted/);
          await insert(outer as typeof db, 2);
        });
        expect(log).toEqual(["begun", "begun", "rolled back", "committed"]);
        expect(await ids(connection)).toEqual([1, 2]);
      }),
    );

    test(
      "names of savepoints have case",
      withDatabase(async ({ db }) => {
        const { observer, log } = recorder();
        const adapter = kysely(db, contractModels);
        adapter.observe(observer);
        const root = (await db.startTransaction().execute()) as ControlledTransaction<
          ContractDatabase,
          string[]
        >;
        await root.savepoint("a" as never).execute();
        const of = adapter.transactionOf(root);
        await root.savepoint("A" as never).execute();
        await root.releaseSavepoint("A").execute();
        expect(adapter.transactionOf(root)).toBe(of);
        await root.releaseSavepoint("a").execute();
        await root.commit().execute();
        expect(log).toEqual(["begun", "begun", "begun", "committed", "committed", "committed"]);
      }),
    );

    test(
      "the error of the function arrives even when rolling back fails",
      withDatabase(async ({ db }) => {
        const adapter = kysely(db, contractModels);
        for (const nest of [false, true]) {
          const failure = new Error("the cause");
          const lost = async (transaction: unknown) => {
            await sql`select pg_terminate_backend(pg_backend_pid())`
              .execute(transaction as typeof db)
              .catch(() => undefined);
            throw failure;
          };
          const outcome = adapter.transaction(db, (outer) =>
            nest ? adapter.transaction(outer, lost) : lost(outer),
          );
          await expect(outcome).rejects.toBe(failure);
        }
        expect(await adapter.load("qa.Comment", [1])).toEqual([]);
      }),
    );

    test("a database that is gone is an error of the load, not a missing row", async () => {
      const connection = await openPostgres(await createDatabase());
      const adapter = kysely(connection.db, contractModels);
      await connection.close();
      const gone = loadReferences([adapter], [new Reference("qa.Comment", 1)]);
      await expect(gone).rejects.toMatchObject({ code: "ERR_DATABASE_UNREACHABLE" });
    });
  });
});

/** An observer, and the words of what it was told. */
function recorder(): { readonly observer: OrmObserver; readonly log: string[] } {
  const log: string[] = [];
  const observer: OrmObserver = {
    begun: () => void log.push("begun"),
    inside: (_, run) => run(),
    committed: async () => void log.push("committed"),
    rolledBack: () => void log.push("rolled back"),
    saved: async () => undefined,
  };
  return { observer, log };
}

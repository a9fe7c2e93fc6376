import { DataSource, type DataSourceOptions } from "typeorm";
import { describe, expect, test } from "vitest";
import { typeorm } from "../typeorm.ts";
import { capabilitiesOf, dialectOf } from "./capabilities.ts";
import type { DataSourceLike } from "./like.ts";

describe("capabilities", () => {
  test("SQLite has one connection and no replicas", () => {
    const adapter = typeorm(unopened({ type: "better-sqlite3", database: ":memory:" }), {});
    expect(adapter.capabilities).toEqual({
      recognisesRows: "instances",
      lacks: { replica: expect.stringMatching(/`replication: \{ master, slaves \}`/) },
      serialTransactions: true,
    });
    expect(adapter.sql?.dialect).toBe("sqlite");
  });

  test("PostgreSQL lacks nothing where it has replicas", () => {
    const replication = { master: {}, slaves: [{}] };
    const adapter = typeorm(unopened({ type: "postgres", replication }), {});
    expect(adapter.capabilities).toEqual({
      recognisesRows: "instances",
      lacks: {},
      serialTransactions: false,
    });
    expect(adapter.sql?.dialect).toBe("postgres");
    expect(Object.keys(capabilitiesOf(unopened({ type: "postgres" })).lacks)).toEqual(["replica"]);
    expect(dialectOf(unopened({ type: "cockroachdb", timeTravelQueries: false }))).toBe("postgres");
  });

  test("a driver without transactions, savepoints or SQL of ours says so, and what to do", async () => {
    const lacksOf = (transactionSupport: string) =>
      capabilitiesOf(fake("some", transactionSupport)).lacks as Readonly<Record<string, string>>;
    expect(Object.keys(lacksOf("nested"))).toEqual(["replica", "sql"]);
    expect(lacksOf("simple")["savepoints"]).toMatch(/some has no savepoints/);
    const { transaction, ownTransaction, sql } = lacksOf("none");
    expect([transaction, ownTransaction]).toEqual([expect.stringMatching(/enqueue afterwards/), transaction]);
    expect(sql).toMatch(/Use SQLite, PostgreSQL or MySQL/);

    const dataSource = fake("some", "none");
    const adapter = typeorm(dataSource, {});
    expect(adapter.sql).toBeUndefined();
    await expect(adapter.transaction(dataSource, async () => expect.unreachable())).rejects.toMatchObject({
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringMatching(/enqueue afterwards/),
    });
  });
});

function unopened(options: DataSourceOptions): DataSource {
  return new DataSource(options);
}

/** A DataSource with TypeORM's marks, of a database whose driver is not installed. */
function fake(type: string, transactionSupport: string): DataSourceLike {
  const marks = {
    "@instanceof": Symbol.for("DataSource"),
    options: { type },
    driver: { transactionSupport },
  };
  return marks as unknown as DataSourceLike;
}

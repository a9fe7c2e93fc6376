import { afterAll, beforeAll, describe, test } from "vitest";
import { ormContract } from "../testing/orm-contract.ts";
import { postgresHarness, sqliteHarness } from "../../test/orm/prisma/harness.ts";
import { type Postgres, noPostgres, startPostgres } from "../../test/services/postgres.ts";

ormContract({
  describe,
  test,
  name: "prisma on SQLite",
  create: sqliteHarness,
  skip: [
    {
      test: "a row is visible to others after the commit and not before",
      reason:
        "Prisma's driver for better-sqlite3 has one connection: what is asked meanwhile is in the transaction",
    },
  ],
});

describe.skipIf(noPostgres)(`on PostgreSQL${noPostgres ? ` (skipped: ${noPostgres})` : ""}`, () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  ormContract({
    describe,
    test,
    name: "prisma on PostgreSQL",
    create: async () => postgresHarness(await server.createDatabase()),
  });
});

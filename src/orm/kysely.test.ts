import { afterAll, beforeAll, describe, test } from "vitest";
import { createHarness, openPostgres, openSqlite } from "../../test/orm/kysely-databases.ts";
import { type Postgres, noPostgres, startPostgres } from "../../test/services/postgres.ts";
import { ormContract } from "../testing/orm-contract.ts";

const oneConnection =
  "Kysely has one connection to SQLite: whoever asks outside of an open transaction waits for its end";

describe("on SQLite", () => {
  ormContract({
    describe,
    test,
    name: "kysely on better-sqlite3",
    create: async () => createHarness(await openSqlite()),
    skip: [
      { test: "a row is visible to others after the commit and not before", reason: oneConnection },
      { test: "does not see the rows of a transaction beside it", reason: oneConnection },
    ],
  });
});

describe.skipIf(noPostgres !== undefined)(
  `on PostgreSQL${noPostgres ? ` (skipped: ${noPostgres})` : ""}`,
  () => {
    let postgres: Postgres;
    beforeAll(async () => {
      postgres = await startPostgres();
    }, 60_000);
    afterAll(() => postgres?.stop(), 60_000);

    ormContract({
      describe,
      test,
      name: "kysely on PostgreSQL",
      create: async () => createHarness(await openPostgres(await postgres.createDatabase())),
    });
  },
);

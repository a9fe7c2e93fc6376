import { describe, test } from "vitest";
import { createHarness, openPostgres, openSqlite } from "../../test/orm/kysely-databases.ts";
import { describePostgres } from "../../test/services/describe-postgres.ts";
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

describePostgres("on PostgreSQL", (createDatabase) => {
  ormContract({
    describe,
    test,
    name: "kysely on PostgreSQL",
    create: async () => createHarness(await openPostgres(await createDatabase())),
  });
});

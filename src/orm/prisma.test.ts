import { describe, test } from "vitest";
import { ormContract } from "../testing/orm-contract.ts";
import { PostgresDatabases } from "../../test/orm/prisma/database.ts";
import { postgresHarness, sqliteHarness } from "../../test/orm/prisma/harness.ts";
import { describePostgres } from "../../test/services/describe-postgres.ts";

const oneConnection =
  "Prisma's driver for better-sqlite3 has one connection: what is asked meanwhile is in the transaction";
const commitFails =
  "Prisma's driver for better-sqlite3 leaves the transaction open whose commit failed: no other can begin";

ormContract({
  describe,
  test,
  name: "prisma on SQLite",
  create: sqliteHarness,
  skip: [
    { test: "a row is visible to others after the commit and not before", reason: oneConnection },
    { test: "does not see the rows of a transaction beside it", reason: oneConnection },
    {
      test: "a transaction whose commit fails is told as rolled back, and the connection is of use after it",
      reason: commitFails,
    },
    {
      test: "the ORM's own transaction whose commit fails is told as rolled back, and the connection is of use after it",
      reason: commitFails,
    },
  ],
});

describePostgres("on PostgreSQL", (createDatabase) => {
  const databases = new PostgresDatabases(createDatabase);
  ormContract({
    describe,
    test,
    name: "prisma on PostgreSQL",
    create: () => postgresHarness(databases),
  });
});

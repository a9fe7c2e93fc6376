/** The same tests on SQLite and on PostgreSQL. */
import { describe } from "vitest";
import { describePostgres } from "../../services/describe-postgres.ts";
import { PostgresDatabases, type SqliteClient, type TestDatabase, openSqlite } from "./database.ts";

/** Opens a fresh database, runs with it, and closes it. Both clients are used as that of SQLite. */
export type WithDatabase = (run: (database: TestDatabase<SqliteClient>) => Promise<void>) => Promise<void>;

export function onEachDatabase(
  define: (withDatabase: WithDatabase, name: "SQLite" | "PostgreSQL") => void,
): void {
  describe("on SQLite", () => {
    define(async (run) => using(await openSqlite(), run), "SQLite");
  });
  describePostgres("on PostgreSQL", (createDatabase) => {
    const databases = new PostgresDatabases(createDatabase);
    define(async (run) => {
      const database = await databases.open();
      await using(database as unknown as TestDatabase<SqliteClient>, run);
    }, "PostgreSQL");
  });
}

async function using(
  database: TestDatabase<SqliteClient>,
  run: (database: TestDatabase<SqliteClient>) => Promise<void>,
): Promise<void> {
  try {
    await run(database);
  } finally {
    await database.close();
  }
}

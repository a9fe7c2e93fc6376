/** The same tests on SQLite and on PostgreSQL. */
import { afterAll, beforeAll, describe } from "vitest";
import { type Postgres, noPostgres, startPostgres } from "../../services/postgres.ts";
import { type SqliteClient, type TestDatabase, openPostgres, openSqlite } from "./database.ts";

/** Opens a fresh database, runs with it, and closes it. Both clients are used as that of SQLite. */
export type WithDatabase = (run: (database: TestDatabase<SqliteClient>) => Promise<void>) => Promise<void>;

export function onEachDatabase(
  define: (withDatabase: WithDatabase, name: "SQLite" | "PostgreSQL") => void,
): void {
  describe("on SQLite", () => {
    define(async (run) => using(await openSqlite(), run), "SQLite");
  });
  describe.skipIf(noPostgres)(`on PostgreSQL${noPostgres ? ` (skipped: ${noPostgres})` : ""}`, () => {
    let server: Postgres;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.stop(), 60_000);
    define(async (run) => {
      const database = await openPostgres(await server.createDatabase());
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

/**
 * Tests of Drizzle that run on SQLite and on PostgreSQL alike.
 */
import { sql } from "drizzle-orm";
import type { LibSQLDatabase } from "drizzle-orm/libsql";
import { describe } from "vitest";
import { describePostgres } from "../services/describe-postgres.ts";
import {
  type Opened,
  openPostgres,
  openSqlite,
  postgresModels,
  sqliteModels,
  type sqliteSchema,
} from "./drizzle.ts";

/** Either, as if it were SQLite: their queries are written alike. */
type Database = LibSQLDatabase<typeof sqliteSchema>;

/** One of the databases that a test runs on. */
export interface TestedDatabase {
  readonly dialect: "sqlite" | "postgres";
  /** The contract's tables, as if they were SQLite's. */
  readonly models: typeof sqliteModels;
  /** Runs a test with a fresh database. */
  readonly run: (work: (db: Database, opened: Opened<Database>) => Promise<void>) => () => Promise<void>;
  /** Runs SQL, and gives its rows. */
  query(db: object, text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Defines tests for each of the databases; PostgreSQL's are skipped where there is none. */
export function describeDatabases(name: string, define: (database: TestedDatabase) => void): void {
  describe(`${name}: libsql`, () =>
    define({
      dialect: "sqlite",
      models: sqliteModels,
      run: (work) => () => use(openSqlite(), work),
      query: (db, text) => (db as Database).all(sql.raw(text)),
    }));

  describePostgres(`${name}: node-postgres`, (createDatabase) => {
    const open = async () => openPostgres(await createDatabase());
    define({
      dialect: "postgres",
      models: postgresModels as unknown as typeof sqliteModels,
      run: (work) => () => use(open() as unknown as Promise<Opened<Database>>, work),
      async query(db, text) {
        const { rows } = await (
          db as { execute(text: string): Promise<{ rows: Record<string, unknown>[] }> }
        ).execute(text);
        return rows;
      },
    });
  });
}

async function use(
  opening: Promise<Opened<Database>>,
  work: (db: Database, opened: Opened<Database>) => Promise<void>,
): Promise<void> {
  const opened = await opening;
  try {
    await work(opened.db, opened);
  } finally {
    await opened.close();
  }
}

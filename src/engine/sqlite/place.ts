/**
 * Where the engine's tables are: in a file of its own, or in the user's database, beside the user's tables. In either
 * place there is a mark that says which version they are.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { PetioleError } from "../../errors.ts";

/** Marks a SQLite file as Petiole's, in its header: "ptle". */
export const applicationId = 0x70746c65;

/** A kind of file that the engine's tables can be in. */
export interface Place {
  /**
   * The version of the tables that are there; 0 where there are none yet. Changes nothing.
   *
   * @throws PetioleError `ERR_ENGINE_FILE_INVALID` for a file in which they must not be
   */
  version(database: DatabaseSync, path: string): number;
  /** The SQL that says so. */
  mark(version: number): string;
  /** Opens the file. Whatever is prepared or executed there has the names that the tables have in it. */
  open(path: string): DatabaseSync;
}

// timeout 0: SQLite's own waiting would block the event loop.
const settings = { timeout: 0 };

/** A file that is nobody else's. Its header says so, as a SQLite file's header is to do it. */
export const ownFile: Place = {
  version(database, path) {
    // Counted before the mark is read: another process may be creating them, and sets the mark with the tables.
    const tables = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get();
    const id = pragma(database, "application_id");
    if (id === applicationId) return Number(pragma(database, "user_version"));
    if (id === 0 && tables?.["count"] === 0) return 0;
    throw new PetioleError(
      "ERR_ENGINE_FILE_INVALID",
      `SQLite engine: ${path} belongs to another program: it holds other tables. Give the engine a file of its own; ` +
        "to send in one transaction with your rows, use the outbox, or, where your own connection is a node:sqlite " +
        "one, sqlite(path, { sameDatabase: true }).",
    );
  },
  mark: (version) => `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version};`,
  open: (path) => new DatabaseSync(path, settings),
};

/** The table that has the version where the file's header is the user's. */
const markTable = "petiole_engine";

/** The user's own database. */
export const userFile: Place = {
  version(database, path) {
    if (pragma(database, "application_id") === applicationId) {
      throw new PetioleError(
        "ERR_ENGINE_FILE_INVALID",
        `SQLite engine: ${path} is a file of an engine's own, and was opened with sameDatabase, which is for your own ` +
          "database. Give the path of that, or leave sameDatabase out.",
      );
    }
    const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
    if (table.get(markTable) === undefined) return 0;
    return Number(database.prepare(`SELECT version FROM ${markTable}`).get()?.["version"] ?? 0);
  },
  mark: (version) =>
    `CREATE TABLE IF NOT EXISTS ${markTable} (version INTEGER NOT NULL) STRICT; DELETE FROM ${markTable}; ` +
    `INSERT INTO ${markTable} (version) VALUES (${version});`,
  open: (path) => new PrefixedDatabase(path, settings),
};

/** What {@link userFile}'s `version` asks, through any connection: a row when the tables are there. */
export const selectMark = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name = '${markTable}'`;

/** The version that is there, where {@link selectMark} gives a row. */
export const selectVersion = `SELECT version FROM ${markTable}`;

/** The engine's tables. What belongs to one, an index for example, has its name and an underscore before its own. */
const tables = /\b(?=(?:tasks|aliases|starts|logs|paused)(?:\b|_))/g;

/** A statement of the engine's, with the names that its tables have beside the user's. */
export function prefixed(statement: string): string {
  return statement.replaceAll(tables, "petiole_");
}

class PrefixedDatabase extends DatabaseSync {
  override prepare(...[statement, ...options]: Parameters<DatabaseSync["prepare"]>) {
    return super.prepare(prefixed(statement), ...options);
  }

  override exec(statements: string): void {
    super.exec(prefixed(statements));
  }
}

/** The value of a PRAGMA. */
export function pragma(database: DatabaseSync, statement: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${statement}`).get() ?? {})[0];
}

/**
 * The part of the package `sqlite3` that Sequelize uses, on `node:sqlite`: Sequelize takes it as `dialectModule`.
 *
 * It is for tests: `sqlite3` itself would have to be compiled. What Sequelize can see of that one is kept: integers
 * arrive as numbers, however many digits that costs, bytes as Buffers, errors have SQLite's code in their message,
 * statements of one connection run one after another, and a locked database is waited for without blocking the
 * process.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

export const OPEN_READONLY = 0x01;
export const OPEN_READWRITE = 0x02;
export const OPEN_CREATE = 0x04;

type Parameters = readonly unknown[] | Readonly<Record<string, unknown>>;
type Callback<Result> = (this: Statement, error: Error | null, result?: Result) => void;

/** As long as `sqlite3` waits for a lock that another connection has. */
const patience = 1_000;

/** What callbacks are called on: Sequelize goes by the name of this class. */
class Statement {
  lastID = 0;
  changes = 0;
}

/** A connection. */
export class Database {
  readonly filename: string;
  /** Set by Sequelize, which knows its connections by it. */
  uuid?: string;
  readonly #database: DatabaseSync;
  #last: Promise<void> = Promise.resolve();

  constructor(filename: string, mode: number, opened?: (error: Error | null) => void) {
    this.filename = filename;
    this.#database = new DatabaseSync(filename, {
      open: false,
      timeout: 0,
      enableForeignKeyConstraints: false,
      readOnly: (mode & OPEN_READONLY) !== 0,
    });
    this.#inTurn(() => this.#database.open(), opened ?? ignore);
  }

  run(sql: string, parameters?: Parameters | Callback<never>, done?: Callback<never>): this {
    const statement = new Statement();
    const execute = (): undefined => {
      const prepared = this.#database.prepare(sql);
      prepared.setReadBigInts(true);
      const { changes, lastInsertRowid } = prepared.run(...bound(parameters));
      statement.changes = Number(changes);
      statement.lastID = Number(lastInsertRowid);
    };
    this.#inTurn(execute, callbackOf(statement, parameters, done));
    return this;
  }

  all(sql: string, parameters?: Parameters | Callback<object[]>, done?: Callback<object[]>): this {
    const execute = (): object[] => rowsOf(this.#database.prepare(sql), bound(parameters));
    this.#inTurn(execute, callbackOf(new Statement(), parameters, done));
    return this;
  }

  exec(sql: string, done?: Callback<never>): this {
    const execute = (): undefined => this.#database.exec(sql) as undefined;
    this.#inTurn(execute, callbackOf(new Statement(), undefined, done));
    return this;
  }

  /** Everything runs one after another here. */
  serialize(work?: () => void): void {
    work?.();
  }

  close(done?: (error: Error | null) => void): void {
    this.#inTurn(() => this.#database.close(), done ?? ignore);
  }

  #inTurn<Result>(execute: () => Result, done: (error: Error | null, result?: Result) => void): void {
    this.#last = this.#last.then(async () => {
      try {
        const result = await patiently(execute);
        setImmediate(done, null, result);
      } catch (error) {
        setImmediate(done, asSqlite3Would(error));
      }
    });
  }
}

function ignore(): void {}

function callbackOf<Result>(
  statement: Statement,
  parameters: Parameters | Callback<Result> | undefined,
  done: Callback<Result> | undefined,
): (error: Error | null, result?: Result) => void {
  const callback = typeof parameters === "function" ? parameters : done;
  return callback === undefined ? ignore : (callback.bind(statement) as never);
}

async function patiently<Result>(execute: () => Result): Promise<Result> {
  for (const end = Date.now() + patience; ; await sleep(5)) {
    try {
      return execute();
    } catch (error) {
      if (codeOf(error) !== "SQLITE_BUSY" || Date.now() > end) throw error;
    }
  }
}

function bound(parameters: unknown): [] {
  if (parameters === undefined || typeof parameters === "function") return [];
  const given = Array.isArray(parameters)
    ? parameters.map(toSqlite)
    : [
        Object.fromEntries(
          Object.entries(parameters as object).map(([name, value]) => [name, toSqlite(value)]),
        ),
      ];
  return given as [];
}

function toSqlite(value: unknown): SQLInputValue {
  if (value === undefined) return null;
  if (typeof value === "boolean") return Number(value);
  if (value instanceof Date) return value.getTime();
  return value as SQLInputValue;
}

function rowsOf(statement: StatementSync, parameters: []): object[] {
  // Otherwise an integer that is no safe number is an error, where `sqlite3` loses digits.
  statement.setReadBigInts(true);
  return statement
    .all(...parameters)
    .map((row) =>
      Object.fromEntries(Object.entries(row).map(([column, value]) => [column, fromSqlite(value)])),
    );
}

function fromSqlite(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

const codes: Readonly<Record<number, string>> = {
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  19: "SQLITE_CONSTRAINT",
};

function codeOf(error: unknown): string {
  const extended = Number((error as { errcode?: number }).errcode);
  return codes[extended & 0xff] ?? "SQLITE_ERROR";
}

function asSqlite3Would(error: unknown): Error {
  const code = codeOf(error);
  const message = `${code}: ${error instanceof Error ? error.message : String(error)}`;
  return Object.assign(new Error(message, { cause: error }), { code });
}

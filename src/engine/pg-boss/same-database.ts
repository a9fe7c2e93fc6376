/**
 * Whether somebody's transaction is in the engine's own database.
 *
 * @module
 */
import type { TransactionSql } from "../../engine.ts";
import { PetioleError } from "../../errors.ts";
import type { Database } from "./database.ts";

/** Two servers that are copies of each other have started at different times; two databases of one have two numbers. */
const identity = `SELECT (SELECT oid FROM pg_database WHERE datname = current_database())::text || ' ' ||
  extract(epoch FROM pg_postmaster_start_time())::text AS identity`;

/** Tells transactions of the engine's database from others. */
export class SameDatabase {
  readonly #database: Database;
  #identity: string | undefined;
  readonly #known = new WeakSet<TransactionSql>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws PetioleError `ERR_TRANSACTION_UNSUPPORTED` when it is of another */
  async check(sql: TransactionSql): Promise<void> {
    if (this.#known.has(sql)) return;
    if (sql.dialect !== "postgres") throw unsupported(`The transaction is one of ${sql.dialect}`);
    const [row] = await sql.query(identity, []);
    const given = String(row?.["identity"]);
    // The server may have been started again since.
    if (given !== this.#identity) this.#identity = await this.#read();
    if (given !== this.#identity) throw unsupported("The transaction is one of another PostgreSQL database");
    this.#known.add(sql);
  }

  async #read(): Promise<string> {
    const [row] = await this.#database.query("looking which database it is", identity);
    return String(row?.["identity"]);
  }
}

/** The error for a transaction that cannot hold a send. */
export function unsupported(problem: string, cause?: unknown): PetioleError {
  return new PetioleError(
    "ERR_TRANSACTION_UNSUPPORTED",
    `${problem}: pg-boss's tasks can be sent only in a transaction of the database that they are kept in. ` +
      "Send through the outbox, or after the commit.",
    cause === undefined ? {} : { cause },
  );
}

/**
 * Databases that have one connection in Kysely (SQLite, PGlite): while a transaction is open, everyone else waits.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { PetioleError } from "../../errors.ts";
import type { Database } from "./database.ts";

/** A transaction that has the connection, until it is over. */
interface Holder {
  isOpen: boolean;
}

/** By what the instances of one connection share. */
const known = new WeakMap<object, OnlyConnection>();

/** The one connection. */
export class OnlyConnection {
  readonly #inside = new AsyncLocalStorage<Holder>();

  /** That of an instance; undefined where there are more. */
  static of(db: Database): OnlyConnection | undefined {
    const { adapter } = db.getExecutor();
    if (adapter.supportsMultipleConnections !== false) return undefined;
    const connection = known.get(adapter) ?? new OnlyConnection();
    known.set(adapter, connection);
    return connection;
  }

  /** Runs the work of a transaction, which has the connection. */
  async hold<Result>(work: () => Promise<Result>): Promise<Result> {
    const holder: Holder = { isOpen: true };
    try {
      return await this.#inside.run(holder, work);
    } finally {
      holder.isOpen = false;
    }
  }

  /**
   * To be called before anything is done outside of a transaction.
   *
   * @throws PetioleError `ERR_TRANSACTION_UNSUPPORTED` inside of one: it would wait for that to end, which waits for it
   */
  refuseWaiting(): void {
    if (this.#inside.getStore()?.isOpen !== true) return;
    throw new PetioleError(
      "ERR_TRANSACTION_UNSUPPORTED",
      "kysely: this database has one connection, and the transaction that this is called inside of has it: neither " +
        "would ever end. Work in that transaction, by its handle",
    );
  }
}

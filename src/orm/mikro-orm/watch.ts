/**
 * Tells of an ORM's transactions.
 *
 * MikroORM has events for them, but they do not tell what a savepoint is in, nothing at all of a commit that
 * failed, and cannot surround what is done inside. All of its transactions, those of `em.flush()` too, are begun and
 * ended by four methods of one object, the connection to the primary: it is there that they are seen.
 *
 * @module
 */
import { Observers, type TransactionEnding } from "../../model/observer.ts";
import type { ConnectionLike, ContextLike } from "./types.ts";

/** A transaction or a savepoint. */
interface Seen {
  /** Stands for it. */
  readonly transaction: object;
  state: "open" | "committed" | "ended";
}

/** Sees the transactions of one connection. */
export class TransactionWatch {
  readonly observers = new Observers();
  readonly #seen = new WeakMap<object, Seen>();
  #isWatching = false;

  /** Whether this is a transaction, as the driver has it, that was seen. */
  knows(context: object): boolean {
    return this.#seen.has(context);
  }

  /** What stands for it. */
  transactionOf(context: object | undefined): object | undefined {
    return context === undefined ? undefined : this.#seen.get(context)?.transaction;
  }

  /** Watches from now on. */
  start(connection: ConnectionLike): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const { transactional, begin, commit, rollback } = connection;
    connection.transactional = (run, ...others) =>
      transactional.call(connection, (context) => this.#inside(context, () => run(context)), ...others);
    connection.begin = async (options) => {
      const context = await begin.call(connection, options);
      try {
        this.#begun(context, options?.ctx);
      } catch (error) {
        await rollback.call(connection, context).catch(() => undefined);
        throw error;
      }
      return context;
    };
    connection.commit = async (context, ...others) => {
      const seen = this.#openOf(context);
      // MikroORM calls what the user has subscribed before the commit, in the transaction still.
      if (seen !== undefined) await this.#ending(seen, "commit");
      try {
        await commit.call(connection, context, ...others);
      } catch (error) {
        // A subscriber's own failure, after the commit, is not the commit's.
        if (seen !== undefined && context.isCommitted !== true) this.#rolledBack(seen);
        else if (seen !== undefined) await this.#committed(seen);
        throw error;
      }
      if (seen !== undefined) await this.#committed(seen);
    };
    connection.rollback = async (context, ...others) => {
      // What waited for the commit failed after it. MikroORM rolls back whatever fails.
      if (this.#seen.get(context)?.state === "committed") return;
      const seen = this.#openOf(context);
      if (seen !== undefined) await this.#ending(seen, "rollback");
      try {
        await rollback.call(connection, context, ...others);
      } finally {
        if (seen !== undefined) this.#rolledBack(seen);
      }
    };
  }

  #begun(context: ContextLike, parent: ContextLike | undefined): void {
    if (this.observers.size === 0) return;
    const transaction = {};
    this.#seen.set(context, { transaction, state: "open" });
    this.observers.begun({ transaction, parent: this.transactionOf(parent), handle: context });
  }

  #inside<Result>(context: ContextLike, run: () => Result): Result {
    const transaction = this.transactionOf(context);
    return transaction === undefined ? run() : this.observers.inside(transaction, run);
  }

  async #ending({ transaction }: Seen, outcome: TransactionEnding["outcome"]): Promise<void> {
    await this.observers.ending({ transaction, outcome, isSealed: false });
  }

  async #committed(seen: Seen): Promise<void> {
    seen.state = "committed";
    await this.observers.committed(seen.transaction);
  }

  #rolledBack(seen: Seen): void {
    seen.state = "ended";
    this.observers.rolledBack(seen.transaction);
  }

  #openOf(context: object): Seen | undefined {
    const seen = this.#seen.get(context);
    return seen?.state === "open" ? seen : undefined;
  }
}

const watches = new WeakMap<ConnectionLike, TransactionWatch>();

/** The one watch of a connection, however many adapters there are of it. */
export function watchOf(connection: ConnectionLike): TransactionWatch {
  const watch = watches.get(connection) ?? new TransactionWatch();
  watches.set(connection, watch);
  return watch;
}

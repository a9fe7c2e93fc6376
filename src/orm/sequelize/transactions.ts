/**
 * Tells of every transaction of a Sequelize instance: those of callbacks and those that are ended by hand.
 *
 * Sequelize's own `afterCommit` is no help: it is called when a savepoint ends, though the transaction around it may
 * roll back yet, and also when the commit failed.
 *
 * @module
 */
import type { Observers, TransactionEnding } from "../../model/observer.ts";
import { giveUpWhenFailed } from "./connection.ts";
import type { Connection, Transaction, TransactionFunction } from "./like.ts";

/** A transaction that was seen to begin. */
interface Seen {
  /** What stands for it. */
  readonly token: object;
  /** Savepoints in it that have not ended: they end with it. */
  readonly open: Set<Seen>;
  readonly parent: Seen | undefined;
  isEnding: boolean;
}

/** The transactions of one Sequelize instance. */
export class Transactions {
  readonly #sequelize: Connection;
  readonly #observers: Observers;
  readonly #seen = new WeakMap<object, Seen>();

  constructor(sequelize: Connection, observers: Observers) {
    this.#sequelize = sequelize;
    this.#observers = observers;
  }

  /** See `OrmAdapter.transactionOf`. */
  tokenOf(handle: object): object | undefined {
    return this.#seen.get(handle)?.token;
  }

  /**
   * Sees the transactions that begin from now on.
   *
   * @returns the function that ends it
   */
  watch(): () => void {
    const sequelize = this.#sequelize;
    const isOwn = Object.hasOwn(sequelize, "transaction");
    const original = sequelize.transaction;
    const watched: TransactionFunction = async (...parameters) => {
      const position = parameters.findIndex((parameter) => typeof parameter === "function");
      const work = parameters[position] as ((transaction: Transaction) => Promise<unknown>) | undefined;
      if (work === undefined) {
        const transaction = await original.apply(sequelize, parameters);
        this.#begin(transaction as Transaction);
        return transaction;
      }
      const inside = (transaction: Transaction): Promise<unknown> =>
        this.#observers.inside(this.#begin(transaction), () => work(transaction));
      return original.apply(sequelize, parameters.with(position, inside));
    };
    sequelize.transaction = watched;
    return () => {
      // Another adapter of the same instance may have put its own over it, which calls this one.
      if (sequelize.transaction !== watched) return;
      if (isOwn) sequelize.transaction = original;
      else Reflect.deleteProperty(sequelize, "transaction");
    };
  }

  /** Runs `work` in a transaction, or in a savepoint in `parent`. */
  run(parent: Transaction | undefined, work: (transaction: unknown) => Promise<unknown>): Promise<unknown> {
    const begun = (transaction: Transaction): Promise<unknown> => {
      giveUpWhenFailed(this.#sequelize, transaction);
      return work(transaction);
    };
    return parent === undefined
      ? this.#sequelize.transaction(begun)
      : this.#sequelize.transaction({ transaction: parent }, begun);
  }

  #begin(transaction: Transaction): object {
    const parent = transaction.parent && this.#seen.get(transaction.parent);
    const seen: Seen = { token: {}, open: new Set(), parent, isEnding: false };
    this.#seen.set(transaction, seen);
    parent?.open.add(seen);
    giveUpWhenFailed(this.#sequelize, transaction);
    keepName(transaction);
    this.#observeEnd(transaction, seen);
    this.#observers.begun({ transaction: seen.token, parent: parent?.token, handle: transaction });
    return seen.token;
  }

  #observeEnd(transaction: Transaction, seen: Seen): void {
    const { commit, rollback } = transaction;
    transaction.commit = async () => {
      if (seen.isEnding) return commit.call(transaction);
      seen.isEnding = true;
      try {
        await this.#ending(seen, "commit");
      } catch (error) {
        // After a commit that fails nobody rolls back: Sequelize would have closed the connection.
        seen.isEnding = false;
        await transaction.rollback().catch(() => undefined);
        throw error;
      }
      const { cleanup } = transaction;
      let isCommitted = false;
      let failure: { readonly error: unknown } | undefined;
      // `commit` rejects as well when it has committed and an `afterCommit` of the user's throws.
      transaction.cleanup = () => {
        isCommitted = true;
        cleanup.call(transaction);
      };
      try {
        await commit.call(transaction);
      } catch (error) {
        failure = { error };
      }
      if (isCommitted) await this.#committed(seen);
      else this.#rolledBack(seen);
      if (failure) throw failure.error;
    };
    transaction.rollback = async () => {
      if (seen.isEnding) return rollback.call(transaction);
      seen.isEnding = true;
      await this.#ending(seen, "rollback");
      try {
        await rollback.call(transaction);
      } finally {
        // Where this fails, Sequelize has closed the connection.
        this.#rolledBack(seen);
      }
    };
  }

  /** Tells it of this one, and of the savepoints in it that have not ended. */
  async #ending(seen: Seen, outcome: TransactionEnding["outcome"]): Promise<void> {
    for (const inner of seen.open) await this.#ending(inner, outcome);
    await this.#observers.ending({ transaction: seen.token, outcome, isSealed: true });
  }

  async #committed(seen: Seen): Promise<void> {
    // `findOrCreate` in a transaction begins a savepoint that it never ends.
    const told = [...ending(seen)].map((each) => each.token);
    const failures: unknown[] = [];
    for (const token of told) {
      await this.#observers.committed(token).catch((error: unknown) => void failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  #rolledBack(seen: Seen): void {
    for (const each of ending(seen)) this.#observers.rolledBack(each.token);
  }
}

/**
 * Sequelize counts the savepoints of each savepoint by itself, so that one in another has the name of that; and writes
 * the inner one's name over the outer's. Rolling back the outer would go back to the inner alone.
 */
function keepName(transaction: Transaction): void {
  const { parent, name, rollback } = transaction;
  if (parent?.savepoints === undefined) return;
  transaction.savepoints = parent.savepoints;
  transaction.rollback = () => {
    Object.assign(transaction, { name });
    return rollback.call(transaction);
  };
}

/** A transaction that has ended, after the savepoints that were still open in it. */
function* ending(seen: Seen): Iterable<Seen> {
  seen.isEnding = true;
  seen.parent?.open.delete(seen);
  for (const inner of seen.open) yield* ending(inner);
  yield seen;
}

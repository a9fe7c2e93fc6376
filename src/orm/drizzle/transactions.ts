/**
 * Transactions of a Drizzle database, told to observers wherever they are begun.
 *
 * @module
 */
import { type OrmObserver, Observers } from "../../model/observer.ts";
import { isTransaction } from "./connection.ts";
import { type HandleLike, type TransactionFunction, primaryOf } from "./handle.ts";

/** The transactions that one adapter sees. */
export class DrizzleTransactions {
  readonly #observers = new Observers();
  /** What stands for the transaction of a handle. */
  readonly #seen = new WeakMap<object, object>();
  /** Handles whose `transaction` is one that tells. */
  readonly #telling = new WeakSet<object>();
  /** Gives the database back its own `transaction`. */
  #restore: () => void = () => undefined;

  /** See `OrmAdapter.transactionOf`. */
  of(handle: object): object | undefined {
    return this.#seen.get(handle);
  }

  /** See `OrmAdapter.observe`. */
  observe(db: HandleLike, observer: OrmObserver): () => void {
    const end = this.#observers.add(observer);
    const restore = this.#tellOf(db);
    if (restore) this.#restore = restore;
    return () => {
      end();
      if (this.#observers.size === 0) this.#restore();
    };
  }

  /** Runs `work` in a transaction of `handle`, or in a savepoint. */
  async run<Result>(handle: object, work: (transaction: object) => Promise<Result>): Promise<Result> {
    const database = primaryOf(handle);
    // Through the handle, and not through what it had before: others may have wrapped it as well.
    if (this.#telling.has(database)) return database.transaction(work);
    const begin = (run: (transaction: object) => Promise<Result>) => database.transaction(run);
    // A savepoint's end decides nothing while the end of the transaction around it is not seen: it is told to nobody.
    if (isTransaction(database)) return new Observers().around(undefined, begin, work, () => undefined);
    return this.#around(database, begin, work);
  }

  #around<Result>(
    handle: object,
    begin: (run: (transaction: object) => Promise<Result>) => Promise<Result>,
    work: (transaction: object) => Promise<Result>,
  ): Promise<Result> {
    return this.#observers.around(this.#seen.get(handle), begin, work, (transaction, opened) => {
      this.#seen.set(opened, transaction);
      this.#tellOf(opened as HandleLike);
    });
  }

  /**
   * Replaces `transaction` of this one object by one that tells of what it begins.
   *
   * @returns what undoes that; undefined when it was done before
   */
  #tellOf(handle: HandleLike): (() => void) | undefined {
    if (this.#telling.has(handle)) return undefined;
    this.#telling.add(handle);
    const before = Object.getOwnPropertyDescriptor(handle, "transaction");
    const original = handle.transaction;
    const value: TransactionFunction = (work, ...settings) =>
      this.#around(
        handle,
        (run) =>
          original.call<object, [typeof run, ...unknown[]], ReturnType<typeof run>>(handle, run, ...settings),
        work,
      );
    // Not enumerable, as the method was: `withReplicas` copies what is.
    Object.defineProperty(handle, "transaction", {
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    });
    return () => {
      // Somebody else may have wrapped it meanwhile: then it stays, and tells nobody.
      if (handle.transaction !== value) return;
      this.#telling.delete(handle);
      if (before) Object.defineProperty(handle, "transaction", before);
      else Reflect.deleteProperty(handle, "transaction");
    };
  }
}

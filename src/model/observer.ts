/**
 * What adapters tell of: transactions that begin and end, rows that are saved. An app observes the adapters in its
 * `models`.
 *
 * @module
 */
import type { Key } from "../wire/reference.ts";

/** A transaction, or a savepoint, that has begun. */
export interface TransactionBegun {
  /** Stands for it: an object of its own, which `OrmAdapter.transactionOf` gives for its handles. */
  readonly transaction: object;
  /** That of the transaction that a savepoint is in. */
  readonly parent?: object | undefined;
  /** What the adapter's `load`, `save` and `sql.query` take to work in it. */
  readonly handle: object;
}

/** A transaction, or a savepoint, whose work is done, and that is to be committed or rolled back now. */
export interface TransactionEnding {
  /** What stands for it. */
  readonly transaction: object;
  /** What is to be done: a savepoint's `commit` is its release. */
  readonly outcome: "commit" | "rollback";
  /**
   * Nothing that is not the database's comes before the end. False where the user may have hooks there: what those do is
   * part of the transaction still.
   */
  readonly isSealed: boolean;
}

/** A write of rows that has been made, and is committed or not yet. */
export interface SaveEvent {
  /** What was done. */
  readonly operation: SaveOperation;
  /** The model's name. */
  readonly model: string;
  /** The row's key; undefined for a write of many whose keys are not known. */
  readonly key?: Key | undefined;
  /** The row as the ORM has it, if it has it whole. */
  readonly row?: object | undefined;
  /** What stands for the transaction that it was made in; undefined when it was made without one. */
  readonly transaction?: object | undefined;
}

/** What was done to a row. */
export type SaveOperation = "insert" | "update" | "delete";

/** Is told by an adapter. */
export interface OrmObserver {
  /** Before anything is done in it. */
  begun(begun: TransactionBegun): void;
  /** Runs what is done in a transaction: what is enqueued by it, however deep, belongs to the transaction. */
  inside<Result>(transaction: object, run: () => Result): Result;
  /**
   * Before the commit or the rollback, which wait for it. When it rejects there is no commit, but a rollback. It may be told
   * more than once, of a commit that was tried again; and not at all, of a connection that was lost.
   */
  ending?(ending: TransactionEnding): Promise<void>;
  /** After the commit, or the release of a savepoint. Rejects when what waited for it could not be sent. */
  committed(transaction: object): Promise<void>;
  /** After the rollback, or instead of the commit that failed. */
  rolledBack(transaction: object): void;
  /** After the write, in its transaction. Rejects when a listener does. */
  saved(event: SaveEvent): Promise<void>;
}

/** The observers of one adapter, told as one. */
export class Observers implements OrmObserver {
  readonly #observers = new Set<OrmObserver>();

  /** Whether anybody listens. */
  get size(): number {
    return this.#observers.size;
  }

  /** See `OrmAdapter.observe`. */
  add(observer: OrmObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  begun(begun: TransactionBegun): void {
    for (const observer of this.#observers) observer.begun(begun);
  }

  inside<Result>(transaction: object, run: () => Result): Result {
    let inner = run;
    for (const observer of this.#observers) {
      const next = inner;
      inner = () => observer.inside(transaction, next);
    }
    return inner();
  }

  /** Before a rollback it never rejects: what is to be rolled back is, whatever the observers say. */
  async ending(ending: TransactionEnding): Promise<void> {
    const told = all([...this.#observers].map((observer) => observer.ending?.(ending)));
    await (ending.outcome === "rollback" ? told.catch(() => undefined) : told);
  }

  async committed(transaction: object): Promise<void> {
    await all([...this.#observers].map((observer) => observer.committed(transaction)));
  }

  rolledBack(transaction: object): void {
    for (const observer of this.#observers) observer.rolledBack(transaction);
  }

  async saved(event: SaveEvent): Promise<void> {
    for (const observer of this.#observers) await observer.saved(event);
  }

  /**
   * Tells of a transaction that is a function call, as most ORMs have it.
   *
   * @param parent - what stands for the transaction that this is a savepoint in
   * @param begin - the ORM's own function: calls what it is given with the transaction's handle, commits when that
   *   resolves and rolls back when it rejects
   * @param work - what is to be done in it
   * @param opened - told what stands for the transaction, and its handle, before the work begins
   */
  async around<Handle extends object, Result>(
    parent: object | undefined,
    begin: (run: (handle: Handle) => Promise<Result>) => Promise<Result>,
    work: (handle: Handle) => Promise<Result>,
    opened: (transaction: object, handle: Handle) => void,
  ): Promise<Result> {
    const transaction = {};
    let result: Result;
    let hasBegun = false;
    let failure: { readonly error: unknown } | undefined;
    try {
      result = await begin(async (handle) => {
        opened(transaction, handle);
        this.begun({ transaction, parent, handle });
        hasBegun = true;
        try {
          const done = await this.inside(transaction, () => work(handle));
          await this.ending({ transaction, outcome: "commit", isSealed: true });
          return done;
        } catch (error) {
          failure = { error };
          await this.ending({ transaction, outcome: "rollback", isSealed: true });
          throw error;
        }
      });
    } catch (error) {
      if (hasBegun) this.rolledBack(transaction);
      // When the connection is lost, rolling back fails as well, and some ORMs would throw that instead of the cause.
      throw failure === undefined ? error : failure.error;
    }
    await this.committed(transaction);
    return result;
  }
}

/** Waits for all of them, and then rejects with the first error. */
async function all(told: readonly (Promise<void> | undefined)[]): Promise<void> {
  const failed = (await Promise.allSettled(told)).find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}

/**
 * Transactions of the driver's sessions: told as they begin and end, whoever begins and ends them.
 *
 * @module
 */
import type { Observers, TransactionEnding } from "../../model/observer.ts";
import type { ClientLike, SessionLike } from "./like.ts";
import { ListenersOf, replaceMethod } from "./listeners.ts";

/** A session's transactions, as the observers of one adapter are told of them. */
interface Told {
  /** What stands for its latest transaction. */
  transaction?: object;
  isOpen: boolean;
  /** Committed, and not yet told. */
  committed: object[];
  /** How many calls of `withTransaction` it is in: it, and not `commitTransaction`, is the caller who is told. */
  managed: number;
}

/** The transactions of one client, for the observers of one adapter. */
export class Sessions {
  readonly #observers: Observers;
  readonly #told = new WeakMap<SessionLike, Told>();

  constructor(observers: Observers) {
    this.#observers = observers;
  }

  /** Sees the sessions that this client starts from now on. */
  watch(client: ClientLike): () => void {
    return clients.add(client, this);
  }

  /** What stands for the latest transaction of a session; undefined when it was not seen to begin. */
  transactionOf(session: SessionLike): object | undefined {
    return this.#told.get(session)?.transaction;
  }

  /** After `startTransaction`, which sends nothing yet. */
  started(session: SessionLike): void {
    const told = this.#toldOf(session);
    // Of the former one nobody will ever know whether it was committed: its commit failed in between.
    this.#rollBack(told);
    const transaction = {};
    told.transaction = transaction;
    told.isOpen = true;
    this.#observers.begun({ transaction, handle: session });
  }

  /** Before a commit or an abort. */
  async ending(session: SessionLike, outcome: TransactionEnding["outcome"]): Promise<void> {
    const { transaction, isOpen } = this.#toldOf(session);
    if (!isOpen || transaction === undefined) return;
    await this.#observers.ending({ transaction, outcome, isSealed: true });
  }

  /** Before `commitTransaction`, unless `withTransaction` calls it: there, what it runs has told already. */
  async committing(session: SessionLike): Promise<void> {
    if (this.#toldOf(session).managed === 0) await this.ending(session, "commit");
  }

  /** After `commitTransaction`. */
  async committed(session: SessionLike): Promise<void> {
    const told = this.#toldOf(session);
    if (!told.isOpen) return;
    told.isOpen = false;
    if (told.transaction !== undefined) told.committed.push(told.transaction);
    // The driver would take an error of ours for one of the server's.
    if (told.managed === 0) await this.#tellCommitted(told);
  }

  /** When `commitTransaction` failed. */
  commitFailed(session: SessionLike, error: unknown): void {
    // It may have been committed all the same: whoever commits tries again.
    if (!hasLabel(error, "UnknownTransactionCommitResult")) this.#rollBack(this.#toldOf(session));
  }

  /** After `abortTransaction` and `endSession`. */
  ended(session: SessionLike): void {
    this.#rollBack(this.#toldOf(session));
  }

  /** Runs what `withTransaction` is to do in a transaction. */
  async inside<Result>(session: SessionLike, run: () => Promise<Result>): Promise<Result> {
    const { transaction, isOpen } = this.#toldOf(session);
    if (!isOpen || transaction === undefined) return run();
    const result = await this.#observers.inside(transaction, run);
    // The driver would take an error of ours in `commitTransaction` for one of the server's; one of here it rolls back for.
    await this.ending(session, "commit");
    return result;
  }

  /** Before `withTransaction`. */
  enter(session: SessionLike): void {
    this.#toldOf(session).managed++;
  }

  /** After `withTransaction`. */
  async leave(session: SessionLike): Promise<void> {
    const told = this.#toldOf(session);
    told.managed--;
    // It commits or rolls back: what is still open now has failed to commit, and will not be tried again.
    this.#rollBack(told);
    await this.#tellCommitted(told);
  }

  async #tellCommitted(told: Told): Promise<void> {
    await each(told.committed.splice(0), (transaction) => this.#observers.committed(transaction));
  }

  #rollBack(told: Told): void {
    if (!told.isOpen || told.transaction === undefined) return;
    told.isOpen = false;
    this.#observers.rolledBack(told.transaction);
  }

  #toldOf(session: SessionLike): Told {
    const told = this.#told.get(session) ?? { isOpen: false, committed: [], managed: 0 };
    this.#told.set(session, told);
    return told;
  }
}

const clients = new ListenersOf<ClientLike, Sessions>((client, listeners) => {
  replaceMethod(client, "startSession", (original, self, parameters) => {
    const session = original(self, parameters) as SessionLike;
    // Those that the driver starts for a single operation have no transactions.
    const [options] = parameters as [{ readonly explicit?: boolean } | undefined];
    if (listeners.size > 0 && options?.explicit !== false) instrument(session, listeners);
    return session;
  });
});

function instrument(session: SessionLike, listeners: ReadonlySet<Sessions>): void {
  replaceMethod(session, "startTransaction", (original, self, parameters) => {
    const result = original(self, parameters);
    for (const listener of listeners) listener.started(session);
    return result;
  });
  replaceMethod(session, "commitTransaction", async (original, self, parameters) => {
    try {
      await each(listeners, (listener) => listener.committing(session));
    } catch (error) {
      await session.abortTransaction().catch(() => undefined);
      throw error;
    }
    try {
      await original(self, parameters);
    } catch (error) {
      for (const listener of listeners) listener.commitFailed(session, error);
      throw error;
    }
    await each(listeners, (listener) => listener.committed(session));
  });
  replaceMethod(session, "abortTransaction", async (original, self, parameters) => {
    await each(listeners, (listener) => listener.ending(session, "rollback"));
    try {
      await original(self, parameters);
    } finally {
      // Refused after a commit whose outcome is unknown: then it is that commit's to tell.
      if (!session.inTransaction() && isAborted(session))
        for (const listener of listeners) listener.ended(session);
    }
  });
  replaceMethod(session, "endSession", async (original, self, parameters) => {
    try {
      await original(self, parameters);
    } finally {
      for (const listener of listeners) listener.ended(session);
    }
  });
  replaceMethod(session, "withTransaction", async (original, self, [run, ...others]) => {
    const present = [...listeners];
    const work = run as (session: SessionLike) => Promise<unknown>;
    const inside = present.reduceRight<typeof work>(
      (inner, listener) => (handle) => listener.inside(session, () => inner(handle)),
      work,
    );
    for (const listener of present) listener.enter(session);
    let failure: { readonly error: unknown } | undefined;
    let result: unknown;
    try {
      result = await original(self, [inside, ...others]);
    } catch (error) {
      failure = { error };
    }
    try {
      await each(present, (listener) => listener.leave(session));
    } catch (error) {
      failure ??= { error };
    }
    if (failure !== undefined) throw failure.error;
    return result;
  });
}

/** Tells all of them, and then rejects with the first error. */
async function each<Item>(items: Iterable<Item>, tell: (item: Item) => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled(Array.from(items, tell));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}

function isAborted(session: SessionLike): boolean {
  const transaction: unknown = Reflect.get(session, "transaction");
  if (typeof transaction !== "object" || transaction === null) return true;
  return Reflect.get(transaction, "isCommitted") !== true;
}

function hasLabel(error: unknown, label: string): boolean {
  if (typeof error !== "object" || error === null) return false;
  const hasErrorLabel: unknown = Reflect.get(error, "hasErrorLabel");
  return typeof hasErrorLabel === "function" && Reflect.apply(hasErrorLabel, error, [label]) === true;
}

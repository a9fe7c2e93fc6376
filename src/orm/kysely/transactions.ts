/**
 * The transactions of one Kysely instance: those that the adapter begins, and, once somebody observes, those that are
 * begun with Kysely's own API.
 *
 * @module
 */
import type { SqlDialect } from "../../model/adapter.ts";
import { type OrmObserver, Observers } from "../../model/observer.ts";
import { Controlled } from "./controlled.ts";
import type { Database } from "./database.ts";
import { replaceMethod, tellDerived } from "./instrument.ts";
import { OnlyConnection } from "./only-connection.ts";
import { inSavepoint, savepointName } from "./savepoint.ts";

/** What Kysely calls with the transaction. */
type Work = (transaction: Database) => Promise<unknown>;

/** Kysely's builder of transactions, and of connections. */
interface Builder<Parameters extends unknown[]> {
  execute(...parameters: Parameters): Promise<unknown>;
}

/** A transaction that was seen to begin. */
interface Seen {
  readonly current: object;
  readonly controlled?: Controlled;
}

/** Those of one connection, by what its instances share: each tells its own observers of every savepoint. */
const ofConnection = new WeakMap<object, Set<Transactions>>();

/** See the module. */
export class Transactions {
  readonly #db: Database;
  readonly #dialect: SqlDialect;
  readonly #only: OnlyConnection | undefined;
  readonly #observers = new Observers();
  /** What tells already: instances, builders. */
  readonly #telling = new WeakSet<object>();
  readonly #seen = new WeakMap<object, Seen>();
  /** The others, and this one. */
  readonly #peers: Set<Transactions>;

  constructor(db: Database, dialect: SqlDialect) {
    this.#db = db;
    this.#dialect = dialect;
    this.#only = OnlyConnection.of(db);
    const { adapter } = db.getExecutor();
    this.#peers = ofConnection.get(adapter) ?? new Set();
    ofConnection.set(adapter, this.#peers.add(this));
  }

  /** See `OrmAdapter.observe`. */
  observe(observer: OrmObserver): () => void {
    this.#tellInstance(this.#db);
    return this.#observers.add(observer);
  }

  /** See `OrmAdapter.transactionOf`. */
  of(handle: object): object | undefined {
    return this.#seen.get(handle)?.current;
  }

  /** See `OrmAdapter.transaction`. */
  async run<Result>(handle: Database, run: (transaction: unknown) => Promise<Result>): Promise<Result> {
    if (handle.isTransaction) return this.#savepoint(handle, run);
    this.refuseWaiting();
    const builder = (handle as unknown as { transaction(): Builder<[Work]> }).transaction();
    this.#tellBuilder(builder);
    return builder.execute(run) as Promise<Result>;
  }

  /** See {@link OnlyConnection.refuseWaiting}. */
  refuseWaiting(): void {
    this.#only?.refuseWaiting();
  }

  #tellInstance(db: object): void {
    if (this.#telling.has(db)) return;
    this.#telling.add(db);
    type Begin<Made> = () => Made & object;
    replaceMethod(db, "transaction", (begin: Begin<Builder<[Work]>>) => () => this.#tellBuilder(begin()));
    replaceMethod(
      db,
      "startTransaction",
      (begin: Begin<object>) => () => this.#tellControlledBuilder(begin()),
    );
    replaceMethod(db, "connection", (connect: Begin<Builder<[Work, ...unknown[]]>>) => () => {
      const builder = connect();
      replaceMethod(builder, "execute", (execute: typeof builder.execute) => (work, ...others) => {
        const told: Work = (connection) => {
          this.#tellInstance(connection);
          return work(connection);
        };
        return execute(told, ...others);
      });
      return builder;
    });
    tellDerived(db, (derived) => this.#tellInstance(derived));
  }

  #tellBuilder<Made extends object>(builder: Made): Made {
    if (this.#telling.has(builder)) return builder;
    this.#telling.add(builder);
    replaceMethod(builder, "execute", (execute: Builder<[Work]>["execute"]) => (work) => {
      let seen: Seen | undefined;
      return this.#observers.around<Database, unknown>(
        undefined,
        execute,
        (transaction) => this.#holding(() => work(transaction)),
        (current, transaction) => {
          seen = { current };
          this.#tellTransaction(transaction, seen);
        },
      );
    });
    this.#tellConfigured(builder, (configured) => this.#tellBuilder(configured));
    return builder;
  }

  #tellControlledBuilder<Made extends object>(builder: Made): Made {
    if (this.#telling.has(builder)) return builder;
    this.#telling.add(builder);
    replaceMethod(builder, "execute", (execute: () => Promise<Database>) => async () => {
      const transaction = await execute();
      const controlled = new Controlled(this.#observers, {
        commitsAgain: this.#dialect === "sqlite",
        namesHaveCase: this.#dialect === "postgres",
      });
      const seen: Seen = {
        controlled,
        get current() {
          return controlled.current;
        },
      };
      this.#tellTransaction(transaction, seen);
      controlled.begun(transaction);
      return transaction;
    });
    this.#tellConfigured(builder, (configured) => this.#tellControlledBuilder(configured));
    return builder;
  }

  /** Each of these gives another builder, which would not tell. */
  #tellConfigured(builder: object, tell: (configured: object) => object): void {
    for (const name of ["setIsolationLevel", "setAccessMode"]) {
      replaceMethod(
        builder,
        name,
        (configure: (...parameters: never[]) => object) =>
          (...parameters) =>
            tell(configure(...parameters)),
      );
    }
  }

  #tellTransaction(transaction: object, seen: Seen): void {
    this.#seen.set(transaction, seen);
    if (this.#telling.has(transaction)) return;
    this.#telling.add(transaction);
    const adopt = (handle: object): void =>
      this.#tellTransaction(handle, this.#seen.get(transaction) ?? seen);
    tellDerived(transaction, adopt);
    seen.controlled?.tell(transaction as Database & { readonly isRolledBack: boolean }, adopt);
  }

  async #savepoint<Result>(
    handle: Database,
    run: (transaction: unknown) => Promise<Result>,
  ): Promise<Result> {
    const name = savepointName();
    type Begin = (work: (transaction: Database) => Promise<Result>) => Promise<Result>;
    let begin: Begin = (work) => inSavepoint(handle, name, work);
    for (const peer of this.#peers) {
      const inner = begin;
      begin = (work) => peer.#tellSavepoint(handle, name, inner, work);
    }
    return begin((transaction) => this.#holding(() => run(transaction)));
  }

  #tellSavepoint<Result>(
    handle: Database,
    name: string,
    begin: (work: (transaction: Database) => Promise<Result>) => Promise<Result>,
    work: (transaction: Database) => Promise<Result>,
  ): Promise<Result> {
    const outer = this.#seen.get(handle);
    const controlled = outer?.controlled;
    return this.#observers.around<Database, Result>(
      outer?.current,
      (run) => begin(run).finally(() => controlled?.drop(name)),
      work,
      (current, transaction) => {
        controlled?.push(name, current);
        this.#tellTransaction(transaction, outer?.controlled === undefined ? { current } : outer);
      },
    );
  }

  #holding<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#only === undefined ? work() : this.#only.hold(work);
  }
}

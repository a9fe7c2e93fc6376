/**
 * Sending in a transaction: what is enqueued inside is held until the outermost commit, as the app's strength does it.
 *
 * The adapters tell which transactions there are and which encloses which. What an `enqueue` belongs to is known
 * from where it is called, through AsyncLocalStorage, or from the handle that it is given.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Engine, Outgoing } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import type { OrmAdapter, Within } from "../model/adapter.ts";
import type { OrmObserver, SaveEvent } from "../model/observer.ts";
import { refuseFailed } from "./refuse-failed.ts";
import { Scope, closed, type Sending } from "./scope.ts";
import type { Strength } from "./strength.ts";

/** What the transactions of an app need of it. */
export interface TransactionsContext {
  readonly engine: () => Engine;
  readonly adapters: readonly OrmAdapter[];
  /** How what is enqueued in a transaction is held, and sent. */
  readonly strength: Strength;
  /** Is told of saved rows, in their transactions. */
  readonly saved: (event: SaveEvent, adapter: OrmAdapter) => Promise<void>;
}

/**
 * The last of what takes turns on a database that takes one transaction at a time: whichever adapter, of whichever app,
 * it is asked through.
 */
const turns = new WeakMap<object, Promise<void>>();

/** The transactions of one app. */
export class Transactions {
  readonly #context: TransactionsContext;
  readonly #current = new AsyncLocalStorage<Scope | undefined>();
  /** By what stands for a transaction. */
  readonly #scopes = new WeakMap<object, Scope>();
  /** The outermost that are open, by their databases. */
  readonly #open = new Map<object, Set<Scope>>();
  readonly #ends: (() => void)[];

  constructor(context: TransactionsContext) {
    this.#context = context;
    this.#ends = context.adapters.map((adapter) => adapter.observe(this.#observerOf(adapter)));
  }

  /** Listens to the adapters no more, once what is open is over: who commits shall hear that nothing was sent. */
  close(): void {
    const open = [...this.#open.values()].flatMap((scopes) => [...scopes]);
    const end = (): void => {
      for (const each of this.#ends.splice(0)) each();
    };
    if (open.length === 0) end();
    else void Promise.all(open.map(({ over }) => over)).then(end);
  }

  /**
   * Sends now, or holds until the transaction that this is called in commits.
   *
   * @param handle - of the transaction, where it is not the one that this is called in
   */
  async send(batch: readonly Outgoing[], handle?: object): Promise<Sending> {
    const given = handle ? this.#scopeOf(handle) : this.#current.getStore();
    for (;;) {
      const scope = given?.present;
      const ended = scope?.ended;
      if (scope !== undefined && ended === undefined) {
        const sending = await this.#hold(batch, scope);
        if (sending) return sending;
      } else if (ended === undefined || (ended === scope && ended.state === "committed")) {
        return { state: "sent", ids: await this.#context.engine().send(batch), cancelled: new Set() };
      } else if (ended.state === "open" && ended.ending === "commit") {
        // What is written now may be written after the commit, on a connection that is another's by then.
        await ended.over;
      } else if (ended.state === "open") {
        // As if it had come a moment before, without writing what would stay.
        return {
          state: "rolled back",
          ids: batch.map(({ message }) => message.id),
          cancelled: new Set(),
        };
      } else {
        const what = ended === scope ? "that was rolled back" : "the one around it was over";
        throw closed(`Task ${batch[0]?.message.task} was enqueued in a transaction after ${what}`);
      }
    }
  }

  /** Undefined when the transaction was over before it could take them. */
  async #hold(batch: readonly Outgoing[], scope: Scope): Promise<Sending | undefined> {
    try {
      return await scope.during(this.#context.strength.hold(batch, scope));
    } catch (error) {
      if (error instanceof PetioleError || scope.present.state === "open") throw error;
      return undefined;
    }
  }

  /** Whether this is called in a transaction that is open. */
  get isInside(): boolean {
    return this.#current.getStore()?.present.state === "open";
  }

  /** The handle of the open transaction of an adapter that this is called in. */
  handleFor(adapter: OrmAdapter, explicit?: object): object | undefined {
    const scope = (explicit ? this.#scopeOf(explicit) : this.#current.getStore())?.present;
    return scope?.state === "open" && adapter.owns(scope.handle) ? scope.handle : undefined;
  }

  /** Runs what belongs to a transaction, given by its handle, or to the one that this is called in. */
  within<Result>(handle: object | undefined, run: () => Result): Result {
    return handle ? this.#current.run(this.#scopeOf(handle), run) : run();
  }

  /** Runs what lives longer than the transaction that it may be started in: a worker. */
  outside<Result>(run: () => Result): Result {
    return this.#current.run(undefined, run);
  }

  /** See `Petiole.transaction`. */
  async run<Result>(handle: object, work: (transaction: unknown) => Promise<Result>): Promise<Result> {
    const adapter = this.#adapterOf(handle);
    const { lacks, serialTransactions } = adapter.capabilities;
    if (lacks.transaction !== undefined) throw unsupported(lacks.transaction);
    const begin = (): Promise<Result> => adapter.transaction(handle, work);
    if (adapter.isTransaction(handle)) {
      const scope = this.#scopeOf(handle);
      if (scope.state !== "open") throw closed("app.transaction() was given a transaction that is over");
      return begin();
    }
    if (serialTransactions && this.#current.getStore()?.isOpenOn(adapter.database)) {
      throw unsupported(
        "app.transaction() was called on a database inside a transaction of that same database, which takes one " +
          "at a time and would wait for itself: give it the transaction, app.transaction(tx, …), for a savepoint.",
      );
    }
    await this.#context.strength.prepare?.();
    return serialTransactions ? this.#inTurn(adapter, begin) : begin();
  }

  /** See `RelayContext.exclusively`. */
  async exclusively<Result>(adapter: OrmAdapter, run: (within: Within) => Promise<Result>): Promise<Result> {
    if (!adapter.capabilities.serialTransactions) return run({});
    for (;;) {
      // Those that the ORM began by itself take no turns.
      for (const scope of this.#open.get(adapter.database) ?? []) await scope.over;
      const done = await this.#inTurn(adapter, () => this.#alone(adapter, run));
      if (done) return done.result;
    }
  }

  /** Runs in a transaction of its own; does nothing, and gives undefined, while there is another. */
  async #alone<Result>(
    adapter: OrmAdapter,
    run: (within: Within) => Promise<Result>,
  ): Promise<{ readonly result: Result } | undefined> {
    if (this.#open.get(adapter.database)) return undefined;
    return adapter.transaction(adapter.database, async (transaction) => {
      // On one connection, some ORMs make it a savepoint in a transaction that has begun meanwhile.
      if (this.#current.getStore()?.parent) return undefined;
      return { result: await run({ transaction: transaction as object }) };
    });
  }

  /** Begins once what was asked for before, on the same database, is over. */
  async #inTurn<Result>({ database }: OrmAdapter, run: () => Promise<Result>): Promise<Result> {
    const before = turns.get(database);
    const { promise, resolve } = Promise.withResolvers<void>();
    turns.set(database, promise);
    try {
      await before;
      return await run();
    } finally {
      resolve();
    }
  }

  #observerOf(adapter: OrmAdapter): OrmObserver {
    return {
      begun: ({ transaction, parent, handle }) => {
        // Two adapters of one connection tell of the same.
        if (this.#scopes.has(transaction)) return;
        const scope = new Scope(adapter, handle, parent && this.#scopes.get(parent));
        this.#scopes.set(transaction, scope);
        if (!scope.parent) this.#began(scope);
      },
      inside: (transaction, run) => this.#current.run(this.#scopes.get(transaction), run),
      ending: async ({ transaction, outcome, isSealed }) => {
        const scope = this.#scopes.get(transaction);
        if (scope?.state !== "open") return;
        if (isSealed || outcome === "rollback") scope.ending = outcome;
        await scope.settled();
        if (outcome === "commit" && !scope.parent && scope.held.length > 0) {
          await refuseFailed(scope);
          await this.#context.strength.committing?.(scope);
        }
      },
      committed: async (transaction) => {
        const scope = this.#scopes.get(transaction);
        if (scope?.state !== "open") return;
        if (scope.parent) return scope.merge(scope.parent);
        scope.state = "committed";
        scope.end();
        if (scope.held.length > 0) await this.#context.strength.committed(scope.held, scope);
      },
      rolledBack: (transaction) => this.#scopes.get(transaction)?.drop(),
      // What was written outside of any transaction is not part of the one around it.
      saved: (event) =>
        this.#current.run(event.transaction && this.#scopes.get(event.transaction), () =>
          this.#context.saved(event, adapter),
        ),
    };
  }

  #began(scope: Scope): void {
    const { database } = scope.adapter;
    const open = this.#open.get(database) ?? new Set();
    this.#open.set(database, open.add(scope));
    void scope.over.then(() => {
      open.delete(scope);
      if (open.size === 0) this.#open.delete(database);
    });
  }

  /** The adapter that has a handle. */
  #adapterOf(handle: object): OrmAdapter {
    const adapter = this.#context.adapters.find((candidate) => candidate.owns(handle));
    if (adapter) return adapter;
    throw unsupported(
      "The handle of a transaction is one that no adapter in `models` knows: give the database (or the " +
        "transaction) that one of them was made with.",
    );
  }

  /** The scope of a transaction's handle. */
  #scopeOf(handle: object): Scope {
    const transaction = this.#adapterOf(handle).transactionOf(handle);
    const scope = transaction && this.#scopes.get(transaction);
    if (scope) return scope;
    throw unsupported(
      "This transaction was begun where its commit cannot be seen: begin it with app.transaction(db, …).",
    );
  }
}

function unsupported(message: string): PetioleError {
  return new PetioleError("ERR_TRANSACTION_UNSUPPORTED", message);
}

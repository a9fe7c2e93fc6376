/**
 * Sending in a transaction. *Buffered*: what is enqueued inside waits in memory for the outermost commit. It is never
 * sent before the commit or after a rollback, and lost only if the process dies in between. *Outbox*: it is a row in
 * the user's own database, in the same transaction, until a relay has sent it.
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
import type { Outbox } from "./outbox.ts";
import type { Relay } from "./relay.ts";
import { Scope, closed, type Held, type Sending } from "./scope.ts";

/** What the transactions of an app need of it. */
export interface TransactionsContext {
  readonly engine: () => Engine;
  readonly adapters: readonly OrmAdapter[];
  /** Where what is enqueued in a transaction waits; undefined: in memory. */
  readonly outbox: Outbox | undefined;
  readonly relay: Relay | undefined;
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
    const scope = (handle ? this.#scopeOf(handle) : this.#current.getStore())?.present;
    if (scope?.state === "rolled back") {
      throw closed(`Task ${batch[0]?.message.task} was enqueued in a transaction after that was rolled back`);
    }
    if (scope?.state !== "open") {
      return { state: "sent", ids: await this.#context.engine().send(batch), cancelled: new Set() };
    }
    return this.#hold(batch.map(followable), scope);
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
    if (!serialTransactions) return begin();
    if (this.#current.getStore()?.isOpenOn(adapter.database)) {
      throw unsupported(
        "app.transaction() was called on a database inside a transaction of that same database, which takes one " +
          "at a time and would wait for itself: give it the transaction, app.transaction(tx, …), for a savepoint.",
      );
    }
    return this.#inTurn(adapter, begin);
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
      committed: async (transaction) => {
        const scope = this.#scopes.get(transaction);
        if (scope?.state !== "open") return;
        if (scope.parent) return scope.merge(scope.parent);
        scope.state = "committed";
        scope.end();
        await this.#flush(scope);
      },
      rolledBack: (transaction) => {
        const scope = this.#scopes.get(transaction);
        scope?.drop();
        scope?.end();
      },
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

  async #hold(batch: readonly Outgoing[], scope: Scope): Promise<Sending> {
    const ids = batch.map(({ message }) => message.id);
    const sending: Sending = { state: "held", ids, cancelled: new Set() };
    const { outbox } = this.#context;
    if (!outbox) {
      scope.held.push({ batch, sending });
      return sending;
    }
    const { adapter, handle } = scope;
    await outbox.insert(adapter, batch, handle);
    // In the transaction that it belongs to by then: a savepoint's handle is of no use once that is released.
    const withdraw = (id: string): Promise<void> =>
      outbox.remove(adapter, [id], { transaction: scope.present.handle });
    const held: Held = { batch, sending: Object.assign(sending, { withdraw }) };
    // It may have ended meanwhile.
    const { state, held: others } = scope.present;
    if (state === "open") others.push(held);
    else if (state === "committed") this.#relay([held], adapter);
    else sending.state = "rolled back";
    return sending;
  }

  async #flush({ held, adapter }: Scope): Promise<void> {
    if (held.length === 0) return;
    if (this.#context.relay) return this.#relay(held, adapter);
    await told(held, this.#sendHeld(held));
  }

  /** Sends what is in the outbox. There it is safe, and nobody needs to wait for it. */
  #relay(held: readonly Held[], adapter: OrmAdapter): void {
    const { relay, outbox } = this.#context;
    const cancelled = held.flatMap(({ sending }) => [...sending.cancelled]);
    // A savepoint that was rolled back has brought back what was withdrawn in it.
    const send = async (): Promise<void> => {
      if (cancelled.length > 0) await outbox!.remove(adapter, cancelled).catch(() => {});
      await relay!.sendAll(adapter);
    };
    void told(held, send()).catch(() => {});
  }

  async #sendHeld(held: readonly Held[]): Promise<void> {
    const batch = held.flatMap((each) =>
      each.batch.filter(({ message }) => !each.sending.cancelled.has(message.id)),
    );
    try {
      await this.#context.engine().send(batch);
    } catch (cause) {
      for (const { sending } of held) sending.state = "refused";
      const some = batch.slice(0, 10).map(({ message }) => `${message.task} (${message.id})`);
      const others = batch.length > some.length ? ` and ${batch.length - some.length} more` : "";
      throw new PetioleError(
        "ERR_TASK_NOT_SENT",
        `The transaction was committed, but what was enqueued in it could not be sent: ${some.join(", ")}${others}. ` +
          "See the cause; enqueue them again.",
        { cause },
      );
    }
  }
}

/** Tells of what is being sent what becomes of it. */
async function told(held: readonly Held[], done: Promise<void>): Promise<void> {
  for (const { sending } of held) Object.assign(sending, { state: "sending", done: done.catch(() => {}) });
  await done;
  for (const { sending } of held) sending.state = "sent";
}

/** Its id is given out before it can be known whether its key is held. */
function followable(outgoing: Outgoing): Outgoing {
  return outgoing.unique ? { ...outgoing, unique: { ...outgoing.unique, follow: true } } : outgoing;
}

function unsupported(message: string): PetioleError {
  return new PetioleError("ERR_TRANSACTION_UNSUPPORTED", message);
}

/**
 * Sending in a transaction, *buffered*: what is enqueued inside waits in memory for the outermost commit.
 * It is never sent before the commit or after a rollback, and lost only if the process dies in between.
 *
 * A *scope* stands for one transaction or savepoint. Which scope encloses which is known from the handles: a
 * transaction that was begun here is a savepoint's parent; a database has none. What an `enqueue` belongs to
 * is known from where it is called, through AsyncLocalStorage.
 *
 * | scope is …  | because …                                      | enqueue in it          |
 * |-------------|------------------------------------------------|------------------------|
 * | open        | its work is under way                          | is held                |
 * | merged      | its savepoint was released                     | belongs to the parent  |
 * | committed   | the outermost commit is done, all held is sent | is sent at once        |
 * | rolled back | its work or its commit failed                  | `ERR_TRANSACTION_CLOSED` |
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Engine, Outgoing } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";

/** What has become of a send. */
export interface Sending {
  state: "held" | "sending" | "sent" | "rolled back" | "refused";
  /** Settles when what is being sent after the commit is sent, or refused. */
  done?: Promise<unknown>;
  /** For each message, its own id, or that of the task that holds its key. */
  ids: readonly string[];
  /** Ids of held messages that shall not be sent after all. */
  readonly cancelled: Set<string>;
}

interface Held {
  readonly batch: readonly Outgoing[];
  readonly sending: Sending;
}

/** One transaction or savepoint. */
class Scope {
  readonly parent: Scope | undefined;
  /** The database that the outermost transaction was begun on. */
  readonly root: object;
  state: "open" | "merged" | "committed" | "rolled back" = "open";
  held: Held[] = [];

  constructor(parent: Scope | undefined, root: object) {
    this.parent = parent;
    this.root = root;
  }
}

/** The transactions of one app. */
export class Transactions {
  readonly #engine: () => Engine;
  readonly #adapters: readonly OrmAdapter[];
  readonly #current = new AsyncLocalStorage<Scope | undefined>();
  readonly #scopes = new WeakMap<object, Scope>();
  /** The last of the outermost transactions on a database that takes one at a time. */
  readonly #last = new WeakMap<object, Promise<void>>();

  constructor(engine: () => Engine, adapters: readonly OrmAdapter[]) {
    this.#engine = engine;
    this.#adapters = adapters;
  }

  /** Sends now, or holds until the transaction that this is called in commits. */
  async send(batch: readonly Outgoing[]): Promise<Sending> {
    let scope = this.#current.getStore();
    while (scope?.state === "merged") scope = scope.parent;
    if (scope?.state === "rolled back") {
      throw closed(`Task ${batch[0]?.message.task} was enqueued in a transaction after that was rolled back`);
    }
    if (scope?.state !== "open") {
      return { state: "sent", ids: await this.#engine().send(batch), cancelled: new Set() };
    }
    const ids = batch.map(({ message }) => message.id);
    const sending: Sending = { state: "held", ids, cancelled: new Set() };
    scope.held.push({ batch: batch.map(followable), sending });
    return sending;
  }

  /** Runs what lives longer than the transaction that it may be started in: a worker. */
  outside<Result>(run: () => Result): Result {
    return this.#current.run(undefined, run);
  }

  /** See `Petiole.transaction`. */
  async run<Result>(handle: object, work: (transaction: unknown) => Promise<Result>): Promise<Result> {
    const adapter = this.#adapters.find((candidate) => candidate.owns(handle));
    if (!adapter) {
      throw unsupported(
        "app.transaction() was given a handle that no adapter in `models` knows: give it the database (or the " +
          "transaction) that one of them was made with.",
      );
    }
    const { transactionRefused, serialTransactions } = adapter.capabilities;
    if (transactionRefused !== undefined) throw unsupported(transactionRefused);
    const parent = this.#scopes.get(handle);
    if (parent) return this.#savepoint(adapter, handle, parent, work);
    if (adapter.isTransaction(handle)) {
      throw unsupported(
        "app.transaction() was given a transaction that was begun without it, whose commit it cannot see: begin " +
          "that one with app.transaction(db, …) as well.",
      );
    }
    if (!serialTransactions) return this.#outermost(adapter, handle, work);
    for (let scope = this.#current.getStore(); scope; scope = scope.parent) {
      if (scope.root !== handle || scope.state !== "open") continue;
      throw unsupported(
        "app.transaction() was called on a database inside a transaction of that same database, which takes one " +
          "at a time and would wait for itself: give it the transaction, app.transaction(tx, …), for a savepoint.",
      );
    }
    return this.#inTurn(handle, () => this.#outermost(adapter, handle, work));
  }

  /** Begins once the outermost transactions that were asked for before, on the same database, are over. */
  async #inTurn<Result>(database: object, run: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(database);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(database, promise);
    try {
      await before;
      return await run();
    } finally {
      resolve();
    }
  }

  async #outermost<Result>(
    adapter: OrmAdapter,
    database: object,
    work: (transaction: unknown) => Promise<Result>,
  ): Promise<Result> {
    const scope = new Scope(undefined, database);
    const result = await this.#inside(scope, adapter, database, work);
    scope.state = "committed";
    await this.#flush(scope.held);
    return result;
  }

  async #savepoint<Result>(
    adapter: OrmAdapter,
    transaction: object,
    parent: Scope,
    work: (transaction: unknown) => Promise<Result>,
  ): Promise<Result> {
    if (parent.state !== "open") throw closed("app.transaction() was given a transaction that is over");
    const scope = new Scope(parent, parent.root);
    const result = await this.#inside(scope, adapter, transaction, work);
    if ((parent.state as Scope["state"]) !== "open") {
      drop(scope);
      throw closed("A savepoint ended after the transaction that it is in");
    }
    scope.state = "merged";
    for (const held of scope.held) parent.held.push(held);
    return result;
  }

  async #inside<Result>(
    scope: Scope,
    adapter: OrmAdapter,
    handle: object,
    work: (transaction: unknown) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await adapter.transaction(handle, (transaction) => {
        this.#scopes.set(transaction as object, scope);
        return this.#current.run(scope, () => work(transaction));
      });
    } catch (error) {
      drop(scope);
      throw error;
    }
  }

  async #flush(held: readonly Held[]): Promise<void> {
    if (held.length === 0) return;
    const batch = held.flatMap((each) =>
      each.batch.filter(({ message }) => !each.sending.cancelled.has(message.id)),
    );
    const done = this.#engine().send(batch);
    for (const { sending } of held) Object.assign(sending, { state: "sending", done: done.catch(() => {}) });
    try {
      await done;
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
    for (const { sending } of held) sending.state = "sent";
  }
}

/** Its id is given out before it can be known whether its key is held. */
function followable(outgoing: Outgoing): Outgoing {
  return outgoing.unique ? { ...outgoing, unique: { ...outgoing.unique, follow: true } } : outgoing;
}

function drop(scope: Scope): void {
  scope.state = "rolled back";
  for (const { sending } of scope.held) sending.state = "rolled back";
}

function unsupported(message: string): PetioleError {
  return new PetioleError("ERR_TRANSACTION_UNSUPPORTED", message);
}

function closed(what: string): PetioleError {
  return new PetioleError(
    "ERR_TRANSACTION_CLOSED",
    `${what}; nothing was sent. Await what a transaction starts before it ends.`,
  );
}
